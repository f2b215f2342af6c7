//! The names of fields in the error responses of each contract.

use axum::body::to_bytes;
use axum::response::IntoResponse;
use client_json::field_names::FieldNames;
use contracts::{messenger, workspace};
use domain::error::{DomainError, Reason};
use domain::field::Field;
use rest_toolkit::response::{RestError, with_field_names};

#[tokio::test]
async fn error_has_the_field_names_of_its_contract() {
    let too_few = || DomainError::invalid(Field::ReadMessages, Reason::with_field("must have one, or {} be set", Field::ReadUpTo));
    let invalid = |field| DomainError::invalid(field, "is bad");
    let table: [(FieldNames, DomainError, &str); 5] = [
        (messenger::field_name, invalid(Field::Members), r#"{"error":"participantIds: is bad","code":"invalid","field":"participantIds"}"#),
        (
            messenger::field_name,
            too_few(),
            r#"{"error":"messageIds: must have one, or upTo be set","code":"invalid","field":"messageIds"}"#,
        ),
        (workspace::field_name, invalid(Field::ClientId), r#"{"error":"client_id: is bad","code":"invalid","field":"client_id"}"#),
        (workspace::field_name, invalid(Field::Members), r#"{"error":"memberIds: is bad","code":"invalid","field":"memberIds"}"#),
        (workspace::field_name, DomainError::Conflict("Not now"), r#"{"error":"Not now","code":"conflict"}"#),
    ];
    for (names, error, expected) in table {
        let response = with_field_names(names, RestError::from(error).into_response()).await;
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&body), expected);
    }
}
