//! People: stored at first sight, their profiles, and their leaving for good.

use serde::{Deserialize, Serialize};

use crate::names::{PersonId, Timestamp};

/// A person's profile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub id: PersonId,
    /// The name that is shown; empty until a token or the person gives one.
    pub name: String,
    /// workspace's name of the person.
    pub username: String,
    /// As the token says.
    pub email: Option<String>,
    /// A picture, http(s) only.
    pub avatar_url: Option<String>,
    /// First sight.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}
