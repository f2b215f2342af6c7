//! The parts of a domain error that a client receives.

use domain::error::DomainError;

use crate::field_names::FieldNames;

/// The text of an error for a client: the details of an internal error are only in the log.
pub fn client_error_text(error: &DomainError, fields: FieldNames) -> String {
    match error {
        DomainError::Internal(_) => "Internal server error".into(),
        DomainError::Unavailable(_) => "The server cannot do this now; try again later".into(),
        DomainError::Invalid { field, reason } | DomainError::Ambiguous { field, reason } => {
            format!("{}: {}", fields(*field), reason.text(fields))
        }
        other => other.to_string(),
    }
}

/// The invalid field, if the error has one.
pub fn wrong_field(error: &DomainError, fields: FieldNames) -> Option<&'static str> {
    match error {
        DomainError::Invalid { field, .. } | DomainError::Ambiguous { field, .. } => Some(fields(*field)),
        _ => None,
    }
}
