//! A contract as a TypeScript module: its objects, and the types of its events for stock clients.
//!
//! For Socket.IO that is the two maps that `Socket<ServerToClientEvents, ClientToServerEvents>` of `socket.io-client` takes; for the raw WebSocket
//! a union of messages for each direction, with `type` as the discriminant, and the close codes.

pub(super) mod types;

use contracts::event_schema::{ClientEventSchema, ContractSchema, PayloadSchema, ServerEventSchema};

use super::components;
use types::{TypeWriter, comment, key};

/// The module of a contract.
pub fn module(contract_schema: &ContractSchema) -> String {
    let ContractSchema { contract, about, .. } = contract_schema;
    let writer = TypeWriter::new(contract);
    let transport = contract_schema.namespace.map_or_else(
        || "Raw WebSocket: JSON messages on `/api/v1/ws/connect`.".to_owned(),
        |namespace| format!("Socket.IO: served in the namespaces `/` and `{namespace}`."),
    );
    let mut text = format!("// The {contract} contract of Roomcast, written by `roomcast types`. {about}\n// {transport}\n");
    for (name, schema) in &components(contract_schema) {
        text.push('\n');
        text.push_str(&writer.declaration(name, schema));
    }
    text.push_str(&match contract_schema.namespace {
        Some(_) => events(&writer, contract_schema),
        None => messages(&writer, contract_schema),
    });
    text
}

/// The maps of a Socket.IO contract.
fn events(writer: &TypeWriter, contract_schema: &ContractSchema) -> String {
    let mut text = "\n/** The events that the server sends. */\nexport interface ServerToClientEvents {\n".to_owned();
    for ServerEventSchema { name, about, payload } in &contract_schema.server_events {
        let payload = payload.as_ref().map(|payload| format!("payload: {}", writer.type_of(&payload.schema))).unwrap_or_default();
        text.push_str(&format!("{}  {}: ({payload}) => void;\n", comment("  ", about), key(name)));
    }
    text.push_str(
        "}\n\n/** The events that a client sends, with or without an acknowledgement. */\nexport interface ClientToServerEvents {\n",
    );
    for ClientEventSchema { name, about, argument, ack } in &contract_schema.client_events {
        let argument = argument.as_ref().map(|argument| format!("argument: {}", writer.type_of(&argument.schema)));
        let ack = ack.as_ref().map(|ack| format!("ack?: (answer: {}) => void", writer.type_of(&ack.schema)));
        let parameters: Vec<_> = argument.into_iter().chain(ack).collect();
        text.push_str(&format!("{}  {}: ({}) => void;\n", comment("  ", about), key(name), parameters.join(", ")));
    }
    text.push_str(
        "}\n\n/** The same events, each with an acknowledgement: `Socket<ServerToClientEvents, AcknowledgedEvents>` types `emitWithAck`. */\n\
         export type AcknowledgedEvents = {\n  [E in keyof ClientToServerEvents]: (...args: Required<Parameters<ClientToServerEvents[E]>>) => void;\n};\n",
    );
    text
}

/// The unions of a contract on the raw WebSocket, and its close codes.
fn messages(writer: &TypeWriter, contract_schema: &ContractSchema) -> String {
    let mut text = "\n/** The messages that the server sends. A backend may send further messages with types of its own. */\nexport type ServerMessage =\n".to_owned();
    let sent = contract_schema.server_events.iter().map(|event| (event.about, &event.payload));
    text.push_str(&union(writer, sent));
    text.push_str("\n/** The messages that a client sends. */\nexport type ClientMessage =\n");
    let received = contract_schema.client_events.iter().map(|event| (event.about, &event.argument));
    text.push_str(&union(writer, received));
    text.push_str("\n/** The close codes of the server. */\nexport const CloseCode = {\n");
    for closing in &contract_schema.close_codes {
        text.push_str(&format!("{}  {}: {},\n", comment("  ", closing.about), closing.name, closing.code));
    }
    text.push_str("} as const;\n\nexport type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];\n");
    text
}

fn union<'a>(writer: &TypeWriter, messages: impl Iterator<Item = (&'a str, &'a Option<PayloadSchema>)>) -> String {
    let variants = messages.filter_map(|(about, schema)| {
        let message = writer.type_of(&schema.as_ref()?.schema);
        Some(format!("{}  | {message}", comment("  ", about)))
    });
    variants.collect::<Vec<_>>().join("\n") + ";\n"
}
