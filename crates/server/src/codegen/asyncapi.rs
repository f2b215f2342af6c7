//! Both socket protocols as one AsyncAPI 3 document: a channel for each contract, with the messages of both directions.

use contracts::event_schema::{ClientEventSchema, ContractSchema, PayloadSchema, ServerEventSchema};
use serde_json::{Map, Value, json};

use super::components;

const SOCKETIO: &str = "socketio";
const RAW: &str = "websocket";

/// The document. Its operations are the server's: it sends the server's events, and receives the clients' events.
pub fn document(contract_schemas: &[ContractSchema]) -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut schemas = Map::new();
    for contract_schema in contract_schemas {
        channels.insert(contract_schema.contract.into(), channel(contract_schema));
        operations.extend(sending(contract_schema));
        operations.extend(contract_schema.client_events.iter().map(|event| receiving(contract_schema.contract, event)));
        schemas.extend(components(contract_schema).into_iter().map(|(name, schema)| (name, json!(schema))));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Roomcast",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The events of Roomcast's sockets, in each contract.",
            "license": { "name": "MIT" },
        },
        "defaultContentType": "application/json",
        "servers": {
            SOCKETIO: {
                "host": "localhost:3000",
                "pathname": "/socket.io",
                "protocol": "socket.io",
                "protocolVersion": "5",
                "description": "Socket.IO over WebSocket or long-polling. A message is an event with its payload as the only argument. A reply is the acknowledgement of an event.",
                "security": [{ "$ref": "#/components/securitySchemes/token" }],
            },
            RAW: {
                "host": "localhost:3000",
                "pathname": "/api/v1/ws/connect",
                "protocol": "ws",
                "description": "JSON messages over a plain WebSocket.",
                "security": [{ "$ref": "#/components/securitySchemes/token" }],
            },
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The token may also be in `?token=`, in a cookie or, with Socket.IO, in `auth.token`." },
            },
        },
    })
}

fn channel(contract_schema: &ContractSchema) -> Value {
    let ContractSchema { contract, about, namespace, server_events, client_events, close_codes } = contract_schema;
    let mut messages = Map::new();
    for ServerEventSchema { name, about, payload } in server_events {
        messages.insert(server_message(name), message(name, about, payload.as_ref()));
    }
    for ClientEventSchema { name, about, argument, ack } in client_events {
        messages.insert(client_message(name), message(name, about, argument.as_ref()));
        if let Some(ack) = ack {
            messages.insert(ack_message(name), message(name, "The acknowledgement.", Some(ack)));
        }
    }
    let server = if namespace.is_some() { SOCKETIO } else { RAW };
    let mut channel = json!({
        "address": namespace.unwrap_or("/api/v1/ws/connect"),
        "title": contract,
        "description": match namespace {
            Some(namespace) => format!("{about} Served in the namespace `{namespace}`, and together with the other contracts in `/`."),
            None => (*about).to_owned(),
        },
        "servers": [{ "$ref": format!("#/servers/{server}") }],
        "messages": messages,
    });
    if !close_codes.is_empty() {
        let codes = close_codes.iter().map(|closing| (closing.code.to_string(), Value::from(closing.about)));
        channel["x-close-codes"] = codes.collect::<Map<_, _>>().into();
    }
    channel
}

fn message(name: &str, about: &str, schema: Option<&PayloadSchema>) -> Value {
    let mut message = json!({ "name": name, "summary": about });
    if let Some(schema) = schema {
        message["payload"] = json!(schema.schema);
    }
    message
}

/// One operation for all events that the server sends in a contract, because no client requests one of them alone.
fn sending(contract_schema: &ContractSchema) -> Option<(String, Value)> {
    let contract = contract_schema.contract;
    let messages: Vec<_> = contract_schema.server_events.iter().map(|event| reference(contract, &server_message(event.name))).collect();
    let operation = json!({ "action": "send", "channel": { "$ref": format!("#/channels/{contract}") }, "messages": messages });
    (!messages.is_empty()).then(|| (format!("{contract}.says"), operation))
}

fn receiving(contract: &str, event: &ClientEventSchema) -> (String, Value) {
    let channel = json!({ "$ref": format!("#/channels/{contract}") });
    let mut operation = json!({
        "action": "receive",
        "summary": event.about,
        "channel": channel,
        "messages": [reference(contract, &client_message(event.name))],
    });
    if event.ack.is_some() {
        operation["reply"] = json!({ "channel": channel, "messages": [reference(contract, &ack_message(event.name))] });
    }
    (format!("{contract}.{}", plain(event.name)), operation)
}

fn reference(contract: &str, message: &str) -> Value {
    json!({ "$ref": format!("#/channels/{contract}/messages/{message}") })
}

/// The key of a server event's message. A server's and a client's event may have the same name.
fn server_message(name: &str) -> String {
    format!("said.{}", plain(name))
}

fn client_message(name: &str) -> String {
    format!("heard.{}", plain(name))
}

fn ack_message(name: &str) -> String {
    format!("acknowledged.{}", plain(name))
}

/// A name without the characters that a key must not have.
fn plain(name: &str) -> String {
    name.replace(':', ".")
}
