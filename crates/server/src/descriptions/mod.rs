//! Descriptions of the contracts for tools, generated from the vocabularies that the dialects use.
//!
//! - [`typescript`]: types for front ends.
//! - [`asyncapi`]: both socket protocols in AsyncAPI 3.

pub mod asyncapi;
pub mod typescript;

use std::collections::BTreeMap;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::dialects::vocabulary::{Shape, Vocabulary};

/// Every named schema that the events of a contract refer to, by name.
fn components(vocabulary: &Vocabulary) -> BTreeMap<String, RefOr<Schema>> {
    shapes(vocabulary).flat_map(|shape| shape.components.iter().cloned()).collect()
}

fn shapes(vocabulary: &Vocabulary) -> impl Iterator<Item = &Shape> {
    let said = vocabulary.says.iter().filter_map(|word| word.payload.as_ref());
    let understood = vocabulary.understands.iter().flat_map(|word| [&word.argument, &word.ack]).flatten();
    said.chain(understood)
}
