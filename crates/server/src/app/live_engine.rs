//! Starts the engine with the live connections.

use std::sync::Arc;

use config::{Config, SocketParser};
use engine::{Config as EngineConfig, Endpoint, Engine, Format, NodeTag, Protocol, Recovery};
use realtime::presence::CallParticipants;
use realtime::{
    ConnectionLimits, HandshakeCheck, HandshakeCheckParts, PresenceState, RealtimeApp, RealtimeState, SessionState, StartupPresence,
    StoreHandles, TokenPolicy,
};

use super::background;
use super::parts::Parts;
use super::storage::Storage;
use crate::clock;

/// Starts the engine, and loads the events and the users from before the start into it.
pub(super) fn start(config: &Config, parts: &Parts) -> anyhow::Result<Engine<RealtimeApp>> {
    let (fanout, storage) = (&parts.delivery.fanout, &parts.storage);
    let state = Arc::new(state(config, parts));
    let expected = state.expect_users(&storage.startup.disconnected_users);
    let check = HandshakeCheck::new(HandshakeCheckParts {
        authenticator: parts.authenticator.clone(),
        limits: parts.rate_limits.clone(),
        shard_query: parts.shard_query.clone(),
        admission: parts.admission.clone(),
        proxies: parts.proxies.clone(),
        max_connections: config.limits.max_connections.limit(),
    });
    let engine = Engine::start(
        engine_config(config, parts),
        move |request, peer| check.admit(request, peer),
        move |_, handle| RealtimeApp::new(state.clone(), handle),
    )?;
    fanout.connect(engine.handle());
    storage.restore_history(fanout)?;
    let open_calls = storage.startup.open_calls.clone();
    engine.handle().send(
        0,
        Box::new(move |app, shard| {
            app.expect_reconnects(shard, expected);
            open_calls.into_iter().for_each(|(call, room)| app.begin_call(shard, call, &room));
        }),
    );
    parts.shard_query.connect(engine.handle());
    tokio::spawn(background::save_acked_offset(storage.writer.clone(), parts.shard_query.clone(), fanout.clone()));
    Ok(engine)
}

fn state(config: &Config, parts: &Parts) -> RealtimeState {
    let (storage, presence) = (&parts.storage, &config.presence);
    let silence = config.realtime.ping_interval + config.realtime.ping_timeout;
    let encode = |change| parts.delivery.fanout.presence_message(change);
    let startup = StartupPresence::new(&storage.startup, silence, presence.grace, encode);
    let node = parts.cluster.as_ref().map(|cluster| cluster.node.clone());
    let call_participants = node.clone().map_or_else(CallParticipants::default, |node| CallParticipants::on_several_nodes(node));
    RealtimeState {
        contracts: parts.contracts.clone(),
        tokens: TokenPolicy::new(config, parts.authenticator.clone()),
        store: StoreHandles { writer: storage.writer.clone(), readers: storage.readers.clone() },
        presence: PresenceState::new(config, parts.online_users.clone(), parts.room_presence.clone(), call_participants, startup),
        limits: ConnectionLimits::new(config, parts.rate_limits.clone(), parts.bytes_in_hand.clone()),
        sessions: SessionState::new(config.recovery.recovery_window, parts.unacked_deliveries.clone()),
        delivery: parts.delivery.clone(),
        node,
        clock: clock::now,
    }
}

fn engine_config(config: &Config, parts: &Parts) -> EngineConfig {
    let realtime = &config.realtime;
    let endpoint = |path: &str, protocol, ping_interval| Endpoint { path: path.into(), protocol, ping_interval };
    let defaults = EngineConfig::default();
    let shards = if realtime.shards == 0 { defaults.shards } else { realtime.shards.into() };
    EngineConfig {
        shards,
        delivery_log_bytes: config.recovery.explain_memory.0 / shards,
        endpoints: vec![
            endpoint("/socket.io", Protocol::SocketIo, realtime.ping_interval),
            endpoint("/api/v1/ws/connect", Protocol::Raw, realtime.ws_heartbeat_interval),
        ],
        namespaces: parts.contracts.namespaces(),
        parser: match realtime.socket_parser {
            SocketParser::Json => Format::Json,
            SocketParser::Msgpack => Format::MsgPack,
        },
        ping_timeout: realtime.ping_timeout,
        connect_timeout: realtime.connect_timeout,
        max_payload: realtime.max_payload.0,
        allow_eio3: realtime.allow_eio3,
        deflate: realtime.ws_compression,
        outbox_limit: realtime.outbox_limit.0,
        cors: Some(api::cors::cors_policy(parts.authenticator.origins().clone())),
        recovery: Some(recovery(config, parts)),
        node: config.cluster().map(|cluster| NodeTag::of(cluster.node_id.as_str())),
        ..defaults
    }
}

/// How the engine keeps events for disconnected clients.
fn recovery(config: &Config, parts: &Parts) -> Recovery {
    let Storage { startup, epoch, retention, .. } = &parts.storage;
    let stored = parts.delivery.fanout.stored();
    let decoder = stored.decoder();
    Recovery {
        epoch: epoch.clone(),
        position: startup.position as u64,
        floor: startup.floor as u64,
        holes: startup.gaps.iter().map(|(room, until)| (room.as_str().into(), *until as u64)).collect(),
        capacity: config.recovery.journal_keep as usize,
        window: retention.events,
        bytes: config.recovery.journal_memory.0,
        decoder: Some(decoder),
        archive: Some(Arc::new(stored)),
    }
}
