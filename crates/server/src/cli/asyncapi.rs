//! `roomcast asyncapi`: both socket protocols as an AsyncAPI document.

use crate::config::Config;
use crate::descriptions::asyncapi;
use crate::dialects::Dialects;

/// The document as JSON, which is YAML, too.
pub fn document() -> String {
    let document = asyncapi::document(&Dialects::new(&Config::default()).vocabularies());
    format!("{document:#}\n")
}
