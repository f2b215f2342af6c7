//! A page for each error code: its meaning, the cause, and what to do. Error responses link to it.

use std::fmt::Write;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use client_json::error_help::{ERROR_HELP, ErrorHelp, error_help};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderName, StatusCode};
use rest_toolkit::response::RestError;
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;

/// The page loads nothing, and may not be in a frame.
const HEADERS: [(HeaderName, &str); 3] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CACHE_CONTROL, "no-cache"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
];

/// The form of a page: readable in the light and in the dark, and at the width of a phone.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}\
    code{font-family:ui-monospace,monospace}dt{font-weight:600;margin-top:1rem}dd{margin:0}";

/// The routes.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().route("/docs/errors", get(async || page("Error codes", &list()))).route("/docs/errors/{code}", get(read))
}

/// The page of a code.
async fn read(code: Result<Path<String>, PathRejection>) -> Response {
    match code.ok().and_then(|Path(code)| error_help(&code)) {
        Some(help) => page(help.code, &description(help)),
        None => RestError::unknown_path().into_response(),
    }
}

fn page(title: &str, content: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title} - Roomcast</title><style>{STYLE}</style>\n<h1>{title}</h1>\n{content}</html>\n"
    );
    (StatusCode::OK, HEADERS, html).into_response()
}

fn description(help: &ErrorHelp) -> String {
    let [meaning, cause, remedy] = [help.meaning, help.cause, help.remedy].map(marked_up);
    format!(
        "<dl>\n<dt>Meaning</dt><dd>{meaning}</dd>\n<dt>Cause</dt><dd>{cause}</dd>\n<dt>What to do</dt><dd>{remedy}</dd>\n</dl>\n\
         <p><a href=\"../errors\">All error codes</a></p>\n"
    )
}

fn list() -> String {
    ERROR_HELP.iter().fold("<dl>\n".to_owned(), |mut html, help| {
        // Writing to a String cannot fail.
        let _ = writeln!(html, "<dt><a href=\"errors/{0}\"><code>{0}</code></a></dt><dd>{1}</dd>", help.code, marked_up(help.meaning));
        html
    }) + "</dl>\n"
}

/// A text as HTML: a part in backticks is code.
fn marked_up(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    escaped.split('`').enumerate().fold(
        String::new(),
        |html, (index, part)| {
            if index % 2 == 1 { html + "<code>" + part + "</code>" } else { html + part }
        },
    )
}
