//! The close codes of the raw WebSocket.

use crate::event_schema::CloseCode;

/// The client is not authenticated.
pub const AUTHENTICATION_FAILED: CloseCode = CloseCode {
    code: 4401,
    name: "AUTHENTICATION_FAILED",
    about: "The token is missing or invalid, or it expired while the connection was open.",
};

/// The user may not have what the client requested, or the page's origin is not allowed, or a backend ends the connection.
pub const FORBIDDEN: CloseCode = CloseCode {
    code: 4403,
    name: "FORBIDDEN",
    about: "The user may not access a requested room, the origin of the page is not allowed, or a backend ended the connection.",
};

/// The user or the address has too many connections.
pub const TOO_MANY_CONNECTIONS: CloseCode = CloseCode {
    code: 4429,
    name: "TOO_MANY_CONNECTIONS",
    about: "The user has the maximum number of connections, or the address has made too many attempts.",
};

/// An error of the server.
pub const INTERNAL_ERROR: CloseCode =
    CloseCode { code: 4500, name: "INTERNAL_ERROR", about: "The server could not accept the connection. Try again later." };

/// All close codes.
pub const ALL: [CloseCode; 4] = [AUTHENTICATION_FAILED, FORBIDDEN, TOO_MANY_CONNECTIONS, INTERNAL_ERROR];
