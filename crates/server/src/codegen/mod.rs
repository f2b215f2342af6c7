//! Descriptions of the contracts for tools, generated from the vocabularies that the dialects use.
//!
//! - [`typescript`]: types for front ends.
//! - [`asyncapi`]: both socket protocols in AsyncAPI 3.

pub mod asyncapi;
pub mod typescript;

use std::collections::BTreeMap;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::contracts::event_schema::{ContractSchema, PayloadSchema};

/// Every named schema that the events of a contract refer to, by name.
fn components(contract_schema: &ContractSchema) -> BTreeMap<String, RefOr<Schema>> {
    shapes(contract_schema).flat_map(|shape| shape.components.iter().cloned()).collect()
}

fn shapes(contract_schema: &ContractSchema) -> impl Iterator<Item = &PayloadSchema> {
    let said = contract_schema.server_events.iter().filter_map(|word| word.payload.as_ref());
    let understood = contract_schema.client_events.iter().flat_map(|word| [&word.argument, &word.ack]).flatten();
    said.chain(understood)
}
