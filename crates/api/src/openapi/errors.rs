//! The error responses.

use client_json::payload_schema::PayloadSchema;
use http::StatusCode;
use rest_toolkit::error_body::ErrorBody;
use rest_toolkit::error_body::ErrorFormat;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Components, Content, Ref, RefOr, Response};

/// The schema of the error responses in a format; `None` is the server's own.
fn schema_of(format: Option<ErrorFormat>) -> PayloadSchema {
    format.map_or_else(PayloadSchema::of::<ErrorBody<'_>>, |format| (format.schema)())
}

/// The name of an error response in a format.
fn name_of(format: Option<ErrorFormat>, response: &ErrorResponse) -> String {
    format!("{}{}", format.map_or("", |format| format.prefix), response.name)
}

/// An error response.
struct ErrorResponse {
    status: StatusCode,
    name: &'static str,
    about: &'static str,
    /// A header of the response, and its description.
    header: Option<(&'static str, &'static str)>,
}

impl ErrorResponse {
    const fn new(status: StatusCode, name: &'static str, about: &'static str) -> Self {
        Self { status, name, about, header: None }
    }

    const fn with(self, header: &'static str, about: &'static str) -> Self {
        Self { header: Some((header, about)), ..self }
    }
}

const WWW_AUTHENTICATE: &str = "The scheme of authentication.";
const LINK: &str = "The page that describes the error code, with the relation `help`.";
const RETRY_AFTER: &str = "The seconds after which the same request may succeed.";

const ERROR_RESPONSES: &[ErrorResponse] = &[
    ErrorResponse::new(StatusCode::BAD_REQUEST, "Invalid", "The body cannot be parsed, or a field, parameter or header is invalid."),
    ErrorResponse::new(StatusCode::UNAUTHORIZED, "Unauthenticated", "There is no token, or it is invalid or has expired.")
        .with("WWW-Authenticate", WWW_AUTHENTICATE),
    ErrorResponse::new(StatusCode::FORBIDDEN, "Forbidden", "The caller may not do this."),
    ErrorResponse::new(
        StatusCode::NOT_FOUND,
        "NotFound",
        "The object does not exist, or the caller may not see it. Both responses are equal.",
    ),
    ErrorResponse::new(StatusCode::REQUEST_TIMEOUT, "Timeout", "The body took too long."),
    ErrorResponse::new(
        StatusCode::CONFLICT,
        "Conflict",
        "The state of the object does not allow this, or the `Idempotency-Key` was used for another request.",
    ),
    ErrorResponse::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", "The body has more bytes than `MAX_PAYLOAD` allows."),
    ErrorResponse::new(StatusCode::UNPROCESSABLE_ENTITY, "Ambiguous", "The value of a field has several meanings."),
    ErrorResponse::new(StatusCode::TOO_MANY_REQUESTS, "RateLimited", "The rate limit of the user or the address is reached.")
        .with("Retry-After", RETRY_AFTER),
    ErrorResponse::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal", "An internal error of the server."),
    ErrorResponse::new(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", "The database or a part of the server does not respond.")
        .with("Retry-After", RETRY_AFTER),
];

/// Adds every error response in a format.
pub(super) fn add_to(components: &mut Components, format: Option<ErrorFormat>) {
    let PayloadSchema { schema, components: schemas } = schema_of(format);
    components.schemas.extend(schemas);
    components.responses.extend(ERROR_RESPONSES.iter().map(|error| (name_of(format, error), response(&schema, error).into())));
}

/// Adds the error responses of these statuses to an operation, completes the ones that the operation names by their status alone, and
/// completes the description of its success.
pub(super) fn add(operation: &mut Operation, format: Option<ErrorFormat>, statuses: impl IntoIterator<Item = u16>) {
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            response.description = if status == "201" { "Created." } else { "Success." }.to_owned();
        }
    }
    let statuses: Vec<u16> = statuses.into_iter().collect();
    for error in ERROR_RESPONSES {
        if responses.contains_key(error.status.as_str()) || statuses.contains(&error.status.as_u16()) {
            responses.insert(error.status.as_str().to_owned(), Ref::from_response_name(name_of(format, error)).into());
        }
    }
}

fn response(schema: &RefOr<Schema>, error: &ErrorResponse) -> Response {
    let content = Content::new(Some(schema.clone()));
    let response = ResponseBuilder::new().description(error.about).content("application/json", content);
    let headers = error.header.into_iter().chain([("Link", LINK)]);
    let with_header = |response: ResponseBuilder, (name, about)| {
        let text = ObjectBuilder::new().schema_type(Type::String);
        response.header(name, HeaderBuilder::new().schema(Some(text)).description(Some(about)).build())
    };
    headers.fold(response, with_header).build()
}
