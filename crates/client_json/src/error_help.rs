//! The meaning, the cause, and the remedy of each error code, for the pages that error responses link to.

/// What a developer needs to know about an error code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErrorHelp {
    /// The code.
    pub code: &'static str,
    /// What the server says with it.
    pub meaning: &'static str,
    /// The usual causes.
    pub cause: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

const fn help(code: &'static str, meaning: &'static str, cause: &'static str, remedy: &'static str) -> ErrorHelp {
    ErrorHelp { code, meaning, cause, remedy }
}

/// The path below which the server has a page for each code.
pub const ERROR_PAGES: &str = "/docs/errors";

/// The help of a code. `None` if no error has it.
pub fn error_help(code: &str) -> Option<&'static ErrorHelp> {
    ERROR_HELP.iter().find(|help| help.code == code)
}

/// The help of every code, by the status of its responses.
#[rustfmt::skip]
pub const ERROR_HELP: [ErrorHelp; 24] = [
    help("invalid", "A field, parameter, header or message is invalid.",
        "The client sends a value of a wrong type, a text that is too long, or a field that does not exist.",
        "Read the text of the error: it names the field and the expected value. Correct the request; a repetition fails in the same way."),
    help("token_missing", "The request has no token.",
        "The client sends no token, sends it under another name, or sends a cookie from an origin that is not allowed.",
        "Send the token as `auth.token` of a Socket.IO connection, as `Authorization: Bearer TOKEN`, or as `?token=TOKEN`."),
    help("token_invalid", "The token cannot be verified.",
        "Another secret or key has signed the token, or its issuer, audience, subject or form is wrong.",
        "Run `roomcast checktoken TOKEN` in the folder and with the environment of the server: it prints each check. The log of the server names the failed check, too."),
    help("token_expired", "The token has expired.",
        "The client has kept a token for longer than its `exp` allows, or the clocks of the issuer and of the server differ.",
        "Sign a new token, and connect again or refresh the token of the connection. Run NTP on both machines."),
    help("subject_mismatch", "The token belongs to another user than the client claims, or than the connection has.",
        "The client sends a `userId` that is not the subject of its token, or refreshes a connection with the token of another user.",
        "Send the token of the same user. Open a new connection when another user signs in."),
    help("user_deleted", "The user was deleted, and the token is not newer than the deletion.",
        "A client still has the token of a user whom the back end has deleted.",
        "Let the user sign in again. A token with an `iat` after the deletion is accepted, and creates the user again."),
    help("forbidden", "The caller may see the object, but may not do this.",
        "The action needs a role that the user does not have in the space, or the token has no role `service` or `admin`.",
        "Let a member with the role act, or change the role of the user."),
    help("origin_not_allowed", "The page's origin may not open a socket.",
        "The address of the front end is in none of the settings for origins, or has another scheme or port.",
        "Add the origin, such as `https://app.example.com`, to `FRONTEND_URLS`."),
    help("not_found", "The object or the path does not exist, or the caller may not see the object.",
        "The id is wrong, the object was deleted, the user is not a member, or the path has a spelling mistake.",
        "Check the id and the membership of the user. `/docs` lists every path."),
    help("method_not_allowed", "The path does not support the method.",
        "The client uses `PUT` in place of `PATCH`, for example.",
        "Use a method that the header `Allow` names."),
    help("timeout", "The body of the request arrived too slowly.",
        "The network of the client is slow, or the client has stopped to send.",
        "Repeat the request. Repeat a `POST` with the same `Idempotency-Key` only."),
    help("conflict", "The state of the object does not allow this, or the `Idempotency-Key` was used for another request.",
        "Another user has changed the object before, or the client has given one key to two different requests.",
        "Load the object, and decide again. Use a new key for each new request."),
    help("too_large", "The body has more bytes than the server accepts, or its JSON needs too much memory.",
        "The body is larger than `MAX_PAYLOAD`, or is deeply nested.",
        "Send less in one request. Store files elsewhere and send links. An operator can raise `MAX_PAYLOAD`."),
    help("ambiguous", "A value has several meanings.",
        "The id of the field belongs to a user and to a space, for example.",
        "Send the field that names the kind of the target. The text of the error names it."),
    help("rate_limited", "A rate limit of the user or the address is reached.",
        "The client sends too many requests, or many users share an address because the proxy is not in `TRUSTED_PROXIES`.",
        "Wait for the time in `Retry-After` or `retryAfter`, with a random delay. An operator should check `TRUSTED_PROXIES` first."),
    help("quota_exceeded", "The user has stored as many objects or bytes as a user may in a day.",
        "A program writes with the token of one user, or the limits are too low for the application.",
        "Wait for the time in `Retry-After`. An operator can raise `MAX_OBJECTS_PER_USER_PER_DAY` and `MAX_BYTES_PER_USER_PER_DAY`."),
    help("too_much_in_hand", "Too many bytes of the user's or the address's requests and responses are in progress.",
        "The client sends large requests at the same time, or does not read the responses.",
        "Send fewer requests at a time, and read each response. An operator can raise `BYTES_IN_HAND`."),
    help("too_many_connections", "The user or the address has too many connections.",
        "The client opens a connection for each page or component, does not close old ones, or many users share an address because the proxy is not in `TRUSTED_PROXIES`.",
        "Use one connection for each page, and close it. An operator can raise `MAX_CONNECTIONS_PER_USER`, `SOCKETIO_MAX_CONNECTIONS_PER_USER` or `MAX_HTTP_CONNECTIONS_PER_ADDRESS`."),
    help("internal", "An error of the server.",
        "A fault of the program, or a database that returns errors.",
        "Read the log of the server: only the log has the details. Report a fault of the program with these lines."),
    help("unavailable", "The database or a part of the server does not respond, or the server is not ready.",
        "The disk is full, PostgreSQL is away, or the server has too many commands that wait.",
        "Repeat the request after `Retry-After`. An operator runs `roomcast doctor`, and reads `/health/ready` for the reason."),
    help("server_full", "The server has reached its limit of connections, or nearly all file descriptors are in use.",
        "`MAX_CONNECTIONS` or `MAX_HTTP_CONNECTIONS` is reached, or the hard limit of open files is low.",
        "Connect again after the given delay. An operator raises `LimitNOFILE`, or these settings, or adds a node."),
    help("stopping", "The server stops and rejects handshakes.",
        "An operator restarts or upgrades the server.",
        "Connect again after the given delay. Stock clients do so on their own, and are recovered."),
    help("short_of_memory", "The server uses `MEMORY_LIMIT` and rejects handshakes.",
        "The machine or the container has too little memory for the connections.",
        "Connect again after the given delay. An operator gives the server more memory, or adds a node."),
    help("unknown_event", "No contract of the namespace has the event.",
        "The name of the event has a spelling mistake, or the client is connected to the namespace of another contract.",
        "Compare the name with the list of events, which `roomcast asyncapi` prints, and check the namespace."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_one_help_of_whole_sentences() {
        for help in &ERROR_HELP {
            assert_eq!(error_help(help.code), Some(help), "the code {} has two rows", help.code);
            for text in [help.meaning, help.cause, help.remedy] {
                assert!(
                    text.ends_with('.') && text.starts_with(|letter: char| letter.is_uppercase() || letter == '`'),
                    "{}: {text}",
                    help.code
                );
            }
        }
        assert_eq!(error_help("no_such_code"), None);
    }
}
