//! Descriptions of the contracts for tools, generated from the event schemas that the contracts use.
//!
//! - [`typescript`]: types for front ends.
//! - [`asyncapi`]: both socket protocols in AsyncAPI 3.
//! - [`mod@reference`]: the pages of `docs/reference`.

pub mod asyncapi;
pub mod reference;
pub mod typescript;

use std::collections::BTreeMap;

use contracts::event_schema::{ContractSchema, PayloadSchema};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

/// Every named schema that the events of a contract refer to, by name.
fn components(contract_schema: &ContractSchema) -> BTreeMap<String, RefOr<Schema>> {
    schemas(contract_schema).flat_map(|schema| schema.components.iter().cloned()).collect()
}

fn schemas(contract_schema: &ContractSchema) -> impl Iterator<Item = &PayloadSchema> {
    let sent = contract_schema.server_events.iter().filter_map(|event| event.payload.as_ref());
    let received = contract_schema.client_events.iter().flat_map(|event| [&event.argument, &event.ack]).flatten();
    sent.chain(received)
}
