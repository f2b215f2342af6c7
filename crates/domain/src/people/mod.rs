//! People: stored at first sight, their profiles, and their leaving for good.

use serde::{Deserialize, Serialize};

use crate::names::{PersonId, Timestamp};
use crate::operation::Tx;
use crate::refusal::Refusal;

mod delete;
mod meet;
mod profile;
mod unseen;

pub use delete::DeletePerson;
pub use meet::{Claims, Meet, Met};
pub use profile::{ReadPerson, UpdateProfile};
pub use unseen::ForgetUnseenPeople;

/// A person's profile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub id: PersonId,
    /// The name that is shown; empty until a token or the person gives one.
    pub name: String,
    /// The name by which others mention the person; empty until a token gives one: see [`Person::handle`].
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

impl Person {
    /// Somebody of whom nothing is known but the id.
    pub fn unseen(id: PersonId, at: Timestamp) -> Self {
        Self { id, name: String::new(), username: String::new(), email: None, avatar_url: None, created_at: at, updated_at: at }
    }

    /// The length of all texts of the profile together, in bytes.
    pub fn size(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.id.as_str().len() + self.name.len() + self.username.len() + optional(&self.email) + optional(&self.avatar_url)
    }

    /// What a sentence calls the person: the name, else the username, else the id.
    pub fn shown_name(&self) -> &str {
        [self.name.as_str(), self.username.as_str()].into_iter().find(|name| !name.is_empty()).unwrap_or(self.id.as_str())
    }

    /// What to call the person: the username, else the name, else the id.
    pub fn handle(&self) -> &str {
        [self.username.as_str(), self.name.as_str()].into_iter().find(|name| !name.is_empty()).unwrap_or(self.id.as_str())
    }
}

/// The person with this id; one who was never seen is stored as such, and filled in by their first token.
///
/// # Errors
/// The store's.
pub fn known_or_unseen(tx: &mut Tx<'_>, id: &PersonId) -> Result<Person, Refusal> {
    if let Some(person) = tx.store.person(id)? {
        return Ok(person);
    }
    let person = Person::unseen(id.clone(), tx.now);
    tx.store.insert_unseen_person(&person)?;
    Ok(person)
}
