//! Descriptions of the contracts for tools, generated from the vocabularies that the dialects use.
//!
//! - [`typescript`]: types for front ends.
//! - [`asyncapi`]: both socket protocols in AsyncAPI 3.

pub mod asyncapi;
pub mod typescript;

use std::collections::BTreeMap;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::contracts::event_schema::{PayloadSchema, ContractSchema};

/// Every named schema that the events of a contract refer to, by name.
fn components(vocabulary: &ContractSchema) -> BTreeMap<String, RefOr<Schema>> {
    shapes(vocabulary).flat_map(|shape| shape.components.iter().cloned()).collect()
}

fn shapes(vocabulary: &ContractSchema) -> impl Iterator<Item = &PayloadSchema> {
    let said = vocabulary.server_events.iter().filter_map(|word| word.payload.as_ref());
    let understood = vocabulary.client_events.iter().flat_map(|word| [&word.argument, &word.ack]).flatten();
    said.chain(understood)
}
