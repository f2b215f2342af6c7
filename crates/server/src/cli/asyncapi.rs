//! `roomcast asyncapi`: both socket protocols as an AsyncAPI document.

use contracts::{ContractOptions, ContractRegistry};

use crate::codegen::asyncapi;

/// The document as JSON, which is YAML, too.
pub fn document() -> String {
    let document = asyncapi::document(&ContractRegistry::new(ContractOptions::default()).schemas());
    format!("{document:#}\n")
}
