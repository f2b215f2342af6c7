//! Users and their profiles.

use serde::{Deserialize, Serialize};

use super::{Timestamp, UserId};

/// A user's profile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The display name; empty until a token or the user sets it.
    pub name: String,
    /// The username, which other users write to mention the user; empty until a token sets it: see [`User::handle`].
    pub username: String,
    /// The e-mail address from the token.
    pub email: Option<String>,
    /// The link to a picture, http or https.
    pub avatar_url: Option<String>,
    /// The time at which the user was first stored.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

impl User {
    /// The profile of a user with an id and no other data.
    pub fn unseen(id: UserId, at: Timestamp) -> Self {
        Self { id, name: String::new(), username: String::new(), email: None, avatar_url: None, created_at: at, updated_at: at }
    }

    /// The length of all texts of the profile together, in bytes.
    pub fn size(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.id.as_str().len() + self.name.len() + self.username.len() + optional(&self.email) + optional(&self.avatar_url)
    }

    /// The name to show in a text: the display name, else the username, else the id.
    pub fn shown_name(&self) -> &str {
        [self.name.as_str(), self.username.as_str()].into_iter().find(|name| !name.is_empty()).unwrap_or(self.id.as_str())
    }

    /// The handle that other users write to mention the user: the username, else the display name, else the id.
    pub fn handle(&self) -> &str {
        [self.username.as_str(), self.name.as_str()].into_iter().find(|name| !name.is_empty()).unwrap_or(self.id.as_str())
    }
}
