//! Telling everybody who is connected.

use serde_json::Value;

use crate::fields;
use crate::names::Timestamp;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;

/// What everybody who is connected is told. It is in nobody's inbox, and whoever is not connected does not hear of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Announcement {
    /// The name under which clients hear it, if not as any notification.
    pub event: Option<String>,
    /// What it is about, in a word.
    pub kind: String,
    /// In a few words.
    pub title: String,
    /// In a sentence; may be empty.
    pub message: String,
    /// What the front end wants to know besides.
    pub data: Option<Value>,
    /// When.
    pub at: Timestamp,
}

/// Tells everybody who is connected, by the wish of a team's own back end or of the server's admin. The answer is to be published.
#[derive(Clone, PartialEq, Debug)]
pub struct Announce {
    /// See [`Announcement`], likewise the others.
    pub event: Option<String>,
    /// Its word.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// Its message.
    pub message: String,
    /// Its data.
    pub data: Option<Value>,
}

impl Command for Announce {
    type Answer = Announcement;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Announcement, Refusal> {
        if !tx.actor.admin {
            return Err(Refusal::Forbidden("Only a back end or an admin may do this"));
        }
        let Self { event, kind, title, message, data } = self;
        if let Some(event) = &event {
            fields::event_name("event", event)?;
        }
        fields::required("type", &kind, fields::NOTIFICATION_KIND)?;
        fields::required("title", &title, fields::NAME)?;
        fields::optional("message", Some(&message), fields::NOTIFICATION)?;
        fields::metadata("data", data.as_ref())?;
        Ok(Announcement { event, kind, title, message, data, at: tx.now })
    }
}
