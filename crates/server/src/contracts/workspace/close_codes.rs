//! The close codes of this contract.

use crate::contracts::event_schema::CloseCode;

/// The client is not authenticated.
pub const AUTHENTICATION_FAILED: CloseCode = CloseCode {
    code: 4401,
    name: "AUTHENTICATION_FAILED",
    about: "There was no token, or one that is not believed, or is so no longer: it may end while the connection is open.",
};

/// The user may not have what the client requested, or the page's origin is not allowed, or a backend ends the connection.
pub const FORBIDDEN: CloseCode = CloseCode {
    code: 4403,
    name: "FORBIDDEN",
    about: "A room was asked for that this person may not see, the page's origin is not allowed, or a back end has ended the connection.",
};

/// The user or the address has too many connections.
pub const TOO_MANY_CONNECTIONS: CloseCode = CloseCode {
    code: 4429,
    name: "TOO_MANY_CONNECTIONS",
    about: "The person has as many connections as one may have, or the address has tried too often.",
};

/// An error of the server.
pub const INTERNAL_ERROR: CloseCode =
    CloseCode { code: 4500, name: "INTERNAL_ERROR", about: "The server could not let the person in; to be tried again later." };

/// All close codes.
pub const ALL: [CloseCode; 4] = [AUTHENTICATION_FAILED, FORBIDDEN, TOO_MANY_CONNECTIONS, INTERNAL_ERROR];
