//! `message:send` to a room of the studio contract with many members, some of them online: the cost should depend on the deliveries only.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use super::rest_client;
use crate::bench::fixture::{CONCURRENT_CONNECTS, create_chat_room, writer_client};
use crate::bench::load_generator::{LoadGenerator, Script, Sends, client_text};
use crate::bench::metric::Metric;
use crate::bench::scenarios::micros;
use crate::bench::sequence_numbers::{DeliveryTracker, NumberedMessage, number_in, text};
use crate::bench::server_process::ServerProcess;
use crate::bench::token::{sign, subject};

/// How many members are online, if the room has as many.
const ONLINE: [usize; 2] = [1_000, 5_000];
/// The smallest number of deliveries that are measured.
const DELIVERIES: usize = 100_000;
const TEXT: usize = 100;
/// A message is lost if it has not arrived when nothing has arrived for this time.
const SILENCE: Duration = Duration::from_secs(5);

pub fn measure(server: &ServerProcess, members: usize) -> Result<Vec<Metric>> {
    let room = create_chat_room(server.port, 0..1)?;
    let path = format!("/shared/chat/rooms/{room}/members");
    rest_client::for_each(server.port, members - 1, |client, number| {
        client.send("POST", &path, &sign(0, None), Some(&json!({"userId": subject(number + 1)}))).map(drop)
    })?;
    let mut metrics = Vec::new();
    let mut measured = 0;
    for online in ONLINE.map(|online| online.min(members)) {
        if online > measured {
            measured = online;
            metrics.extend(send(server, &room, members, online)?);
        }
    }
    Ok(metrics)
}

/// Sends messages one after another: the next when all members that are online have received the last one.
fn send(server: &ServerProcess, room: &str, members: usize, online: usize) -> Result<Vec<Metric>> {
    let mut load = LoadGenerator::new(server.port)?;
    load.connect_clients((0..online).map(|number| writer_client(number, room)), CONCURRENT_CONNECTS)?;
    let message = format!(r#"42/chat,["message:send",{{"roomId":{room},"content":"{}"}}]"#, text(TEXT));
    let mut run = MessageRun {
        message: NumberedMessage::new(client_text(&message)),
        online,
        sent: 0,
        limit: 10,
        deliveries: DeliveryTracker::new(online),
    };
    run.run(&mut load)?;

    let (before, deliveries_before) = (server.process.cpu()?, run.deliveries.delivered);
    run.limit += DELIVERIES.div_ceil(online);
    run.run(&mut load)?;
    let deliveries = run.deliveries.delivered - deliveries_before;
    ensure!(deliveries > 0, "no message was delivered");
    let name = |what: &str| format!("message, {members} members, {online} online, {what}");
    Ok(vec![
        Metric::plain(name("CPU per delivery, µs"), micros(server.process.cpu()? - before, deliveries)),
        Metric::count(name("lost"), run.deliveries.lost(run.sent), run.sent * online),
    ])
}

/// The first client sends, and all clients receive.
struct MessageRun {
    message: NumberedMessage,
    online: usize,
    sent: usize,
    /// How many messages are sent in total.
    limit: usize,
    deliveries: DeliveryTracker,
}

impl MessageRun {
    fn run(&mut self, load: &mut LoadGenerator) -> Result<()> {
        let mut sends = Sends::default();
        self.send_next(&mut sends);
        load.send_all(&mut sends)?;
        let mut progress = (self.deliveries.delivered, Instant::now());
        while self.deliveries.delivered < self.limit * self.online && progress.1.elapsed() < SILENCE {
            load.poll_once(Duration::from_millis(50), self)?;
            if progress.0 != self.deliveries.delivered {
                progress = (self.deliveries.delivered, Instant::now());
            }
        }
        Ok(())
    }

    fn send_next(&mut self, sends: &mut Sends) {
        sends.push(0, self.message.with_number(self.sent));
        self.sent += 1;
    }
}

impl Script for MessageRun {
    fn message(&mut self, to: usize, text: &[u8], _at: Instant, sends: &mut Sends) {
        let Some(number) = number_in(text).filter(|number| *number < self.sent) else { return };
        if text.starts_with(br#"42/chat,["message:new""#)
            && self.deliveries.record(to, number)
            && self.deliveries.delivered == self.sent * self.online
            && self.sent < self.limit
        {
            self.send_next(sends);
        }
    }
}
