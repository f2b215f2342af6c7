//! The envelope of this contract's answers: `{success: true, data}`, or `{success: false, error, code, field?}`.

use client_json::json;
use rest_toolkit::error_body::ErrorBody;
use rest_toolkit::error_body::ErrorFormat;
use rest_toolkit::list::ListBody;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::acknowledgements::ConstBool;
use crate::event_schema::PayloadSchema;

/// The format of the error responses.
pub(super) const ERROR_FORMAT: ErrorFormat = ErrorFormat {
    prefix: "trip.",
    schema: PayloadSchema::of::<FailureEnvelope<'_>>,
    render: |error| json(&FailureEnvelope { success: ConstBool, error }),
    path_prefixes: &["/api/v1/trips", "/api/v1/socket"],
};

/// The body of an error response.
#[derive(Serialize, ToSchema)]
#[schema(as = trip::Refused)]
struct FailureEnvelope<'a> {
    #[schema(schema_with = ConstBool::<false>::schema)]
    success: ConstBool<false>,
    #[serde(flatten)]
    error: ErrorBody<'a>,
}

/// The body of a success response.
#[derive(Serialize, ToSchema)]
#[schema(as = trip::Success)]
pub(super) struct SuccessEnvelope<D> {
    #[schema(schema_with = success_schema)]
    success: ConstBool<true>,
    data: D,
}

// The derive of a generic struct does not accept the path of an associated function.
fn success_schema() -> Object {
    ConstBool::<true>::schema()
}

/// The success response with this data.
pub(super) fn success(data: &impl Serialize) -> String {
    json(&SuccessEnvelope { success: ConstBool, data })
}

/// The success response with this list.
pub(super) fn success_list(list: ListBody) -> ListBody {
    ListBody { body: format!(r#"{{"success":true,"data":{}}}"#, list.body), ..list }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_is_wrapped_and_keeps_its_next_page() {
        let list = ListBody { body: "[1]".to_owned(), next: Some("?before=1".to_owned()) };
        let wrapped = ListBody { body: r#"{"success":true,"data":[1]}"#.to_owned(), next: Some("?before=1".to_owned()) };
        assert_eq!(success_list(list), wrapped);
    }

    #[test]
    fn error_format_applies_to_all_paths_below_its_prefixes() {
        for (path, applies) in [("/api/v1/trips", true), ("/api/v1/trips/1/x", true), ("/api/v1/socket/x", true), ("/api/v1/tripsy", false)]
        {
            assert_eq!(ERROR_FORMAT.applies_to(path), applies, "{path}");
        }
    }
}
