//! The JSON of error responses, and how a contract changes its format.

use client_json::payload_schema::PayloadSchema;
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request is refused.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = Refused)]
pub struct ErrorBody<'a> {
    /// The error as text, for people.
    #[schema(example = "Household not found")]
    pub(super) error: &'a str,
    /// The error code, for programs.
    #[schema(example = "not_found")]
    pub(super) code: &'a str,
    /// The invalid field, parameter or header, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) field: Option<&'a str>,
    /// In dev mode: the path of the page that describes the code. In production the header `Link` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "/docs/errors/not_found")]
    pub(super) docs: Option<&'a str>,
}

/// A contract's own format of error responses.
#[derive(Clone, Copy)]
pub struct ErrorFormat {
    /// The prefix of the names of the error responses in the OpenAPI document.
    pub prefix: &'static str,
    /// The schema of the body.
    pub schema: fn() -> PayloadSchema,
    /// Renders the body as JSON.
    pub render: fn(ErrorBody<'_>) -> String,
    /// The beginnings of the paths whose error responses have this format, also the paths without a route.
    pub path_prefixes: &'static [&'static str],
}

impl ErrorFormat {
    /// Whether the error responses of a path have this format.
    pub fn applies_to(&self, path: &str) -> bool {
        let rest = self.path_prefixes.iter().find_map(|prefix| path.strip_prefix(prefix));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}
