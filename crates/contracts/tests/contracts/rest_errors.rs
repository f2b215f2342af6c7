//! The error responses of REST: their status, and the names of fields in each contract that has names of its own.

use std::fmt::Write;

use axum::body::to_bytes;
use axum::response::IntoResponse;
use client_json::field_names::{FieldNames, shared_field_name};
use contracts::{messenger, workspace};
use insta::assert_snapshot;
use rest_toolkit::response::{RestError, with_field_names};

use crate::sample_objects::errors;

#[tokio::test]
async fn error_has_the_field_names_of_its_contract() {
    let contracts: [(&str, FieldNames); 3] =
        [("shared", shared_field_name), ("messenger", messenger::field_name), ("workspace", workspace::field_name)];
    let mut transcript = String::new();
    for (contract, names) in contracts {
        writeln!(transcript, "# {contract}").unwrap();
        for error in errors() {
            let response = with_field_names(names, RestError::from(error).into_response()).await;
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            writeln!(transcript, "{} {}", parts.status, String::from_utf8_lossy(&body)).unwrap();
        }
        transcript.push('\n');
    }
    assert_snapshot!(transcript);
}
