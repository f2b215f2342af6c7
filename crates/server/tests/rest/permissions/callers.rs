//! Who asks.

use server::auth::sign::NewTokenClaims;

use crate::support::{Client, SECONDS, Server};

/// The server's key for its team's own back end.
pub const API_KEY: &str = "a-key-that-only-the-teams-own-back-end-knows";

/// Somebody who asks. In every space alice is the admin, bob a member, and carol was one and was removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caller {
    /// Without a token.
    Nobody,
    /// With a token of the admin's that another server has signed.
    Forged,
    /// With a token of the admin's that has ended.
    Expired,
    /// With a key that is not the server's.
    WrongKey,
    Stranger,
    Removed,
    Member,
    /// Of the space.
    Admin,
    /// With the token of a service.
    Service,
    /// An admin of the server itself, in no space.
    Root,
    /// With the server's key.
    Key,
}

impl Caller {
    /// In the order of a row's statuses.
    pub const ALL: [Self; 11] = [
        Self::Nobody,
        Self::Forged,
        Self::Expired,
        Self::WrongKey,
        Self::Stranger,
        Self::Removed,
        Self::Member,
        Self::Admin,
        Self::Service,
        Self::Root,
        Self::Key,
    ];

    /// Whether it is nobody's business of this one what there is. The server's admin may know.
    pub fn is_outside(self) -> bool {
        !matches!(self, Self::Member | Self::Admin | Self::Root)
    }

    pub fn client(self, server: &Server) -> Client<'_> {
        let token = |sub: &str| NewTokenClaims { sub: sub.into(), iat: SECONDS - 60, ..NewTokenClaims::default() };
        match self {
            Self::Nobody => server.nobody(),
            Self::Forged => server.client_forged(token("alice")),
            Self::Expired => server.client_with(NewTokenClaims { exp: Some(SECONDS), ..token("alice") }),
            Self::WrongKey => server.client_presenting(&API_KEY.replace("key", "kex")),
            Self::Stranger => server.client("dave"),
            Self::Removed => server.client("carol"),
            Self::Member => server.client("bob"),
            Self::Admin => server.client("alice"),
            Self::Service => server.client_with(NewTokenClaims { role: Some("service".into()), ..token("shop") }),
            Self::Root => server.client_with(NewTokenClaims { role: Some("admin".into()), ..token("root") }),
            Self::Key => server.client_presenting(API_KEY),
        }
    }
}
