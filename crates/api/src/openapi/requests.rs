//! The parts of an operation's description that all requests share.

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Content, RefOr, Required};

/// Operations whose requests are not stored under a key: a repeated request has the same effect as one.
const NOT_IDEMPOTENT: &[&str] = &["back_end_disconnect"];

/// Whether a POST or PATCH that is repeated with the same key runs once.
pub(super) fn is_idempotent(operation: &Operation) -> bool {
    !NOT_IDEMPOTENT.contains(&operation.operation_id.as_deref().unwrap_or_default())
}

/// Whether an operation has parameters in the query.
pub(super) fn has_query(operation: &Operation) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query))
}

/// Describes the ids in a path's template; false if there are none.
pub(super) fn add_path_parameters(operation: &mut Operation, path: &str) -> bool {
    let named = path_parameters(path);
    let has_ids = !named.is_empty();
    operation.parameters.get_or_insert_default().splice(0..0, named.into_iter().map(RefOr::T));
    has_ids
}

/// The segment before an id names the type of its object.
fn path_parameters(path: &str) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    let mut before = "";
    for segment in path.split('/') {
        if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            let of = if name == "id" { before.trim_end_matches('s') } else { "user" };
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
            parameters.push(parameter.description(Some(format!("The {of}'s id."))).schema(Some(text().min_length(Some(1)))).build());
        }
        before = segment;
    }
    parameters
}

/// Describes the key that makes a request safe to repeat, and the header that marks the response to a repeated request.
pub(super) fn add_idempotency_key(operation: &mut Operation) {
    let about = "Makes the request safe to repeat: for a day, requests with the same key run once and get the same response.";
    let parameter = ParameterBuilder::new().name("Idempotency-Key").parameter_in(ParameterIn::Header).required(Required::False);
    let key = text().min_length(Some(1)).max_length(Some(domain::idempotency::MAX_KEY_BYTES));
    operation.parameters.get_or_insert_default().push(parameter.description(Some(about)).schema(Some(key)).build().into());
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        let about = "The response is that of an earlier request with the same `Idempotency-Key`.";
        let header = HeaderBuilder::new().schema(Some(text().enum_values(Some(["true"])))).description(Some(about)).build();
        response.headers.insert("Idempotency-Replayed".to_owned(), header.into());
    }
}

/// A body is required if one of its fields is.
pub(super) fn require_body(operation: &mut Operation, schemas: &BTreeMap<String, RefOr<Schema>>) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    let mut described = body.content.values().filter_map(|content| match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(reference)), .. }) => schemas.get(reference.ref_location.rsplit('/').next()?),
        _ => None,
    });
    let needs_fields = described.any(|schema| matches!(schema, RefOr::T(Schema::Object(object)) if !object.required.is_empty()));
    body.required = Some(if needs_fields { Required::True } else { Required::False });
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_ids_are_described_by_the_segment_before() {
        let described = path_parameters("/households/{id}/members/{userId}");
        let descriptions: Vec<_> = described.iter().map(|parameter| (parameter.name.as_str(), parameter.description.as_deref())).collect();
        assert_eq!(descriptions, [("id", Some("The household's id.")), ("userId", Some("The user's id."))]);
        assert!(path_parameters("/households").is_empty());
    }
}
