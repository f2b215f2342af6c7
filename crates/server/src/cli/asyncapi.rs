//! `roomcast asyncapi`: both socket protocols as an AsyncAPI document.

use crate::codegen::asyncapi;
use crate::config::Config;
use crate::contracts::ContractRegistry;

/// The document as JSON, which is YAML, too.
pub fn document() -> String {
    let document = asyncapi::document(&ContractRegistry::new(&Config::default()).schemas());
    format!("{document:#}\n")
}
