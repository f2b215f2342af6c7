//! The callers of the permission tests.

use auth::sign::NewTokenClaims;

use crate::support::{Client, SECONDS, Server};

/// The server's API key for its backend.
pub const API_KEY: &str = "a-key-that-only-the-teams-own-back-end-knows";

/// A caller. In every space alice is the admin, bob is a member, and carol is a removed member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caller {
    /// Without a token.
    Anonymous,
    /// With a token for the admin that another server has signed.
    Forged,
    /// With an expired token of the admin.
    Expired,
    /// With the API key of another server.
    WrongKey,
    Outsider,
    Removed,
    Member,
    /// The admin of the space.
    Admin,
    /// With the token of a service.
    Service,
    /// An admin of the server, in no space.
    Root,
    /// With the server's API key.
    Key,
}

impl Caller {
    /// In the order of a row's statuses.
    pub const ALL: [Self; 11] = [
        Self::Anonymous,
        Self::Forged,
        Self::Expired,
        Self::WrongKey,
        Self::Outsider,
        Self::Removed,
        Self::Member,
        Self::Admin,
        Self::Service,
        Self::Root,
        Self::Key,
    ];

    /// Whether this caller must not learn which objects exist. The server's admin may.
    pub fn is_outside(self) -> bool {
        !matches!(self, Self::Member | Self::Admin | Self::Root)
    }

    pub fn client(self, server: &Server) -> Client<'_> {
        let token = |sub: &str| NewTokenClaims { sub: sub.into(), iat: SECONDS - 60, ..NewTokenClaims::default() };
        match self {
            Self::Anonymous => server.anonymous(),
            Self::Forged => server.client_forged(token("alice")),
            Self::Expired => server.client_with(NewTokenClaims { exp: Some(SECONDS), ..token("alice") }),
            Self::WrongKey => server.client_presenting(&API_KEY.replace("key", "kex")),
            Self::Outsider => server.client("dave"),
            Self::Removed => server.client("carol"),
            Self::Member => server.client("bob"),
            Self::Admin => server.client("alice"),
            Self::Service => server.client_with(NewTokenClaims { role: Some("service".into()), ..token("shop") }),
            Self::Root => server.client_with(NewTokenClaims { role: Some("admin".into()), ..token("root") }),
            Self::Key => server.client_presenting(API_KEY),
        }
    }
}
