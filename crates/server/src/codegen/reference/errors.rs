//! The page of the error codes. Tests compare the table with the errors of the code.

use client_json::error_help::{ERROR_HELP, ErrorHelp};

use super::{code, head, table};

const INTRODUCTION: &str = "\
Every error has one of these codes, for programs, and a text for people.
The texts may change between versions; the codes do not.
[Errors](../protocol/errors.md) describes where the codes appear, and how a client handles them.
A running server has a page for each code at `/docs/errors/CODE`, to which its error responses link.

- **HTTP status**: the status of a REST response, or of a rejected handshake.
- **Close code**: the code with which the server closes a raw WebSocket because of the error.
- **Retry**: whether the same request may succeed later, and after which delay.";

/// Whether the same request may succeed later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Retry {
    /// No: the request must change.
    No,
    /// With another token.
    WithToken,
    /// After the delay of `Retry-After` or `retryAfter`.
    AfterDelay,
    /// Yes, after a delay that the client chooses.
    Yes,
}

/// An error code.
pub(crate) struct ErrorCode {
    pub code: &'static str,
    /// The status over HTTP, if the error occurs there.
    pub status: Option<u16>,
    /// The close code of a raw WebSocket, if the error closes it.
    pub close_code: Option<u16>,
    pub retry: Retry,
    pub meaning: &'static str,
}

const fn row(code: &'static str, status: Option<u16>, close_code: Option<u16>, retry: Retry, meaning: &'static str) -> ErrorCode {
    ErrorCode { code, status, close_code, retry, meaning }
}

/// All error codes, by status. A code with two statuses has two rows.
#[rustfmt::skip]
pub(crate) const ERROR_CODES: [ErrorCode; 25] = [
    row("invalid", Some(400), None, Retry::No, "A field, parameter, header or message is invalid. `field` names it, if it is one."),
    row("token_missing", Some(401), Some(4401), Retry::WithToken, "The request has no token."),
    row("token_invalid", Some(401), Some(4401), Retry::WithToken, "The token cannot be verified. The log names the failed check."),
    row("token_expired", Some(401), Some(4401), Retry::WithToken, "The token has expired."),
    row("subject_mismatch", Some(401), Some(4401), Retry::WithToken, "The token belongs to another user than the client claims, or than the connection has."),
    row("user_deleted", Some(401), Some(4401), Retry::WithToken, "The user was deleted, and the token is not newer than the deletion."),
    row("forbidden", Some(403), Some(4403), Retry::No, "The caller may see the object, but may not do this. A forbidden room closes a raw WebSocket, unless `WS_CLOSE_ON_FORBIDDEN` is false."),
    row("origin_not_allowed", Some(403), Some(4403), Retry::No, "The page's origin may not open a socket. Metrics and logs have this code; the client receives the text."),
    row("not_found", Some(404), Some(4403), Retry::No, "The object or the path does not exist, or the caller may not see the object. Such a room closes a raw WebSocket, unless `WS_CLOSE_ON_FORBIDDEN` is false."),
    row("method_not_allowed", Some(405), None, Retry::No, "The path does not support the method."),
    row("timeout", Some(408), None, Retry::Yes, "The body of the request arrived too slowly."),
    row("conflict", Some(409), None, Retry::No, "The state of the object does not allow this, or the `Idempotency-Key` was used for another request."),
    row("too_large", Some(413), None, Retry::No, "The body is larger than `MAX_PAYLOAD`, or its JSON needs too much memory."),
    row("ambiguous", Some(422), None, Retry::No, "A value has several meanings. `field` names its field."),
    row("rate_limited", Some(429), Some(4429), Retry::AfterDelay, "A rate limit of the user or the address is reached. Only the limit on connection attempts closes a raw WebSocket."),
    row("quota_exceeded", Some(429), None, Retry::AfterDelay, "The user has stored as many objects or bytes as a user may in a day."),
    row("too_much_in_hand", Some(429), None, Retry::AfterDelay, "Too many bytes of the user's or the address's requests and responses are in progress."),
    row("too_many_connections", Some(429), None, Retry::AfterDelay, "The address has too many HTTP connections."),
    row("too_many_connections", None, Some(4429), Retry::AfterDelay, "The user has too many connections."),
    row("internal", Some(500), Some(4500), Retry::Yes, "An error of the server. Only the log has the details."),
    row("unavailable", Some(503), Some(4500), Retry::AfterDelay, "The database or a part of the server does not respond, or the server is not ready."),
    row("server_full", Some(503), Some(4429), Retry::AfterDelay, "The server has reached `MAX_CONNECTIONS` or `MAX_HTTP_CONNECTIONS`, or nearly all file descriptors are in use."),
    row("stopping", Some(503), None, Retry::AfterDelay, "The server stops and rejects handshakes. Metrics and logs have this code; the client receives the text."),
    row("short_of_memory", Some(503), None, Retry::AfterDelay, "The server uses `MEMORY_LIMIT` and rejects handshakes. Metrics and logs have this code; the client receives the text."),
    row("unknown_event", None, None, Retry::No, "No contract of the namespace has the event."),
];

/// The meaning of an error code. `None` for an unknown code.
pub(crate) fn meaning(code: &str) -> Option<&'static str> {
    ERROR_CODES.iter().find(|error| error.code == code).map(|error| error.meaning)
}

pub(super) fn page() -> String {
    let headings = ["code", "HTTP status", "close code", "retry", "meaning"];
    let sections: String = ERROR_HELP.iter().map(section).collect();
    head("Error codes", INTRODUCTION) + "\n" + &table(headings, ERROR_CODES.iter().map(cells)) + &sections
}

/// The section of a code.
fn section(help: &ErrorHelp) -> String {
    let ErrorHelp { code, meaning, cause, remedy } = help;
    let lines = |text: &str| text.replace(". ", ".\n");
    format!("\n## {code}\n\n{}\n\n- **Cause:** {}\n- **What to do:** {}\n", lines(meaning), cause, remedy.replace(". ", ".\n  "))
}

fn cells(error: &ErrorCode) -> [String; 5] {
    let number = |number: Option<u16>| number.map(|number| number.to_string()).unwrap_or_default();
    let retry = match error.retry {
        Retry::No => "no",
        Retry::WithToken => "with a new token",
        Retry::AfterDelay => "after the given delay",
        Retry::Yes => "yes, with a delay",
    };
    [code(error.code), number(error.status), number(error.close_code), retry.to_owned(), error.meaning.to_owned()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use auth::{AuthError, FailedCheck};
    use axum::response::IntoResponse;
    use contracts::close_codes;
    use contracts::error_codes::UNKNOWN_EVENT;
    use domain::error::DomainError;
    use domain::field::Field;
    use engine::http::OverBudget;
    use limits::admission::AdmissionClosed;
    use limits::json_memory::ParseRejection;
    use listener::AcceptRejection;
    use realtime::presence::Transport;
    use realtime::{ConnectRejection, RejectionReason};
    use rest_toolkit::response::{RestError, error_code};

    use super::*;

    const TOKEN_ERRORS: [AuthError; 5] =
        [AuthError::Missing, AuthError::Invalid(FailedCheck::Form), AuthError::Expired, AuthError::SubjectMismatch, AuthError::UserDeleted];

    /// Every error of REST.
    fn rest_errors() -> Vec<RestError> {
        let domain = [
            DomainError::invalid(Field::Title, "is bad"),
            DomainError::Ambiguous { field: Field::NewAssignee, reason: "names two users".into() },
            DomainError::Forbidden("Only an admin may do this"),
            DomainError::NotFound("Room"),
            DomainError::Conflict("Not now"),
            DomainError::RateLimited { retry_after: 3 },
            DomainError::UserDeleted,
            DomainError::OverQuota { retry_after: 3 },
            DomainError::Unavailable("disk full".into()),
            DomainError::Internal("secret".into()),
        ];
        let codes: Vec<_> = domain.iter().map(DomainError::code).collect();
        assert_eq!(codes, DomainError::CODES, "every error of the domain is in this list");
        let over_budget = [true, false].map(|is_clients| RestError::over_budget(OverBudget { is_clients }));
        let of_rest = [
            RestError::body("is bad"),
            RestError::too_large(1),
            RestError::not_parsed(ParseRejection::TooComplex),
            RestError::too_slow(),
            RestError::not_responding(),
            RestError::unready(&["draining"]),
            RestError::unknown_path(),
            RestError::wrong_method(),
        ];
        let domain = domain.into_iter().map(RestError::from);
        domain.chain(TOKEN_ERRORS.map(RestError::from)).chain(over_budget).chain(of_rest).collect()
    }

    /// Every reason to reject a handshake.
    fn handshake_rejections() -> [RejectionReason; 5] {
        [
            RejectionReason::AdmissionClosed(AdmissionClosed::Stopping { retry_after: 1 }),
            RejectionReason::AdmissionClosed(AdmissionClosed::Memory),
            RejectionReason::RateLimited(DomainError::RateLimited { retry_after: 3 }),
            RejectionReason::OriginNotAllowed,
            RejectionReason::ServerFull,
        ]
    }

    #[test]
    fn documented_statuses_are_those_of_the_responses() {
        let rest = rest_errors().into_iter().map(|error| {
            let response = error.into_response();
            (error_code(&response).unwrap(), response.status().as_u16())
        });
        let handshakes = handshake_rejections().map(|reason| (reason.code(), reason.rejection().status.as_u16()));
        let accepts = [AcceptRejection::Server, AcceptRejection::Address].map(|reason| (reason.code(), reason.status().as_u16()));
        let sent: BTreeSet<_> = rest.chain(handshakes).chain(accepts).collect();
        let documented: BTreeSet<_> = ERROR_CODES.iter().filter_map(|error| Some((error.code, error.status?))).collect();
        assert_eq!(documented, sent);
    }

    #[test]
    fn documented_close_codes_are_those_of_rejected_connections() {
        let handshakes = handshake_rejections().into_iter().filter_map(|reason| Some((reason.code(), reason.rejection().code?)));
        let connects = TOKEN_ERRORS.into_iter().chain([AuthError::TooManyConnections]).map(|error| {
            let ConnectRejection::Closed(code, _) = ConnectRejection::of(Transport::Raw, error) else { panic!("{error:?} is no close") };
            (error.code(), code)
        });
        for rejection in handshakes.chain(connects) {
            let is_documented = ERROR_CODES.iter().any(|error| (error.code, error.close_code) == (rejection.0, Some(rejection.1)));
            assert!(is_documented, "{rejection:?}");
        }
        for error in &ERROR_CODES {
            assert!(error.close_code.is_none_or(|code| close_codes::ALL.iter().any(|close| close.code == code)), "{}", error.code);
        }
    }

    #[test]
    fn each_code_has_help_and_no_help_is_without_a_code() {
        let codes: BTreeSet<_> = ERROR_CODES.iter().map(|error| error.code).collect();
        assert_eq!(ERROR_HELP.iter().map(|help| help.code).collect::<BTreeSet<_>>(), codes);
    }

    #[test]
    fn codes_without_a_status_are_those_of_sockets() {
        let without_status: Vec<_> = ERROR_CODES.iter().filter(|error| error.status.is_none()).map(|error| error.code).collect();
        assert_eq!(without_status, [AuthError::TooManyConnections.code(), UNKNOWN_EVENT]);
        assert!(ERROR_CODES.iter().all(|error| !error.meaning.is_empty()));
    }
}
