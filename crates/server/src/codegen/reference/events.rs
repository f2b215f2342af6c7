//! The page of the events of each contract.

use contracts::event_schema::{ClientEventSchema, CloseCode, ContractSchema, PayloadSchema, ServerEventSchema};
use contracts::{ContractOptions, ContractRegistry};

use super::{code, head, table};
use crate::codegen::components;
use crate::codegen::typescript::types::TypeWriter;

const INTRODUCTION: &str = "\
The events that the server and its clients exchange in each contract, with the types of their payloads in TypeScript.
`roomcast asyncapi` prints the same as an AsyncAPI 3 document, and `roomcast types` as TypeScript modules.
The pages of the [contracts](../user-guide/contracts/README.md) describe how to use them.";

pub(super) fn page() -> String {
    let schemas = ContractRegistry::new(ContractOptions::default()).schemas();
    schemas.iter().fold(head("Events", INTRODUCTION), |text, schema| text + &contract(schema))
}

fn contract(schema: &ContractSchema) -> String {
    let writer = TypeWriter::new(schema.contract);
    let transport = schema.namespace.map_or_else(
        || "Transport: raw WebSocket at `/api/v1/ws/connect`.".to_owned(),
        |namespace| format!("Transport: Socket.IO, in the namespaces `/` and `{namespace}`."),
    );
    let type_of =
        |payload: &Option<PayloadSchema>| payload.as_ref().map(|payload| code(&writer.type_of(&payload.schema))).unwrap_or_default();
    let server =
        schema.server_events.iter().map(|ServerEventSchema { name, about, payload }| [code(name), type_of(payload), (*about).to_owned()]);
    let client = schema.client_events.iter();
    let client =
        client.map(|ClientEventSchema { name, about, argument, ack }| [code(name), type_of(argument), type_of(ack), (*about).to_owned()]);
    let mut text = format!("\n## {}\n\n{}\n\n{transport}\n", schema.contract, schema.about);
    text += "\n### Events from the server\n\n";
    text += &table(["event", "payload", "meaning"], server);
    text += "\n### Events from a client\n\n";
    text += &table(["event", "argument", "acknowledgement", "effect"], client);
    if !schema.close_codes.is_empty() {
        let rows =
            schema.close_codes.iter().map(|CloseCode { code: number, name, about }| [number.to_string(), code(name), (*about).to_owned()]);
        text += "\n### Close codes\n\n";
        text += &table(["code", "name", "meaning"], rows);
    }
    let types: Vec<_> = components(schema).iter().map(|(name, schema)| writer.declaration(name, schema)).collect();
    text + "\n### Types\n\n```ts\n" + &types.join("\n") + "```\n"
}
