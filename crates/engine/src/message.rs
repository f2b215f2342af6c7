//! The messages that a program sends, and the content of a broadcast in each namespace.

use std::borrow::Cow;

use wire::socketio::{EncodeError, check_event};

use crate::encoding::Namespace;

/// One message of a broadcast.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutboundMessage {
    /// A Socket.IO event; see [`OutboundMessage::event`]. A program cannot build it unchecked.
    #[non_exhaustive]
    Event {
        /// The event's name.
        name: Cow<'static, str>,
        /// The event's arguments: raw JSON values separated by commas, with placeholders for attachments.
        args: String,
        /// The event's attachments.
        attachments: Vec<Vec<u8>>,
    },
    /// A text message for a plain endpoint.
    Text(String),
    /// A binary message for a plain endpoint.
    Binary(Vec<u8>),
}

impl OutboundMessage {
    /// An event without attachments; `args` as in [`OutboundMessage::Event`].
    ///
    /// # Errors
    /// If clients would reject it: a reserved name, or arguments that are not JSON.
    pub fn event(name: impl Into<Cow<'static, str>>, args: impl Into<String>) -> Result<Self, EncodeError> {
        Self::event_with_attachments(name, args, Vec::new())
    }

    /// An event with attachments. `args` may contain placeholders for them (`{"_placeholder":true,"num":0}` for the first).
    ///
    /// # Errors
    /// As [`OutboundMessage::event`], and for more than [`wire::socketio::MAX_ATTACHMENTS`], or a placeholder without an attachment.
    pub fn event_with_attachments(
        name: impl Into<Cow<'static, str>>,
        args: impl Into<String>,
        attachments: Vec<Vec<u8>>,
    ) -> Result<Self, EncodeError> {
        let (name, args) = (name.into(), args.into());
        check_event(&name, &args, attachments.len())?;
        Ok(Self::Event { name, args, attachments })
    }
}

/// Identifies a message with several versions, where only the newest matters: a newer version replaces an older one that still waits for a
/// client. The caller must give different messages different keys.
pub type ConflationKey = u64;

/// The content of a broadcast in each namespace; several messages go out in one write. Without messages the namespace does not receive the
/// broadcast.
pub trait MessageSource: Send + Sync {
    /// The messages for one namespace ([`Namespace::PLAIN`] for plain endpoints). Called at most once for each encoding.
    fn render(&self, namespace: Namespace) -> Vec<OutboundMessage>;

    /// The same content in parts, each with its key, if it has one. It is for a client that does not keep up; see
    /// [`crate::Broadcast::newest_only`].
    fn parts(&self, namespace: Namespace) -> Vec<(Option<ConflationKey>, Vec<OutboundMessage>)> {
        vec![(None, self.render(namespace))]
    }

    /// Appends bytes from which [`crate::Recovery::decoder`] restores the content. The bytes are kept for replay, and the content itself is
    /// freed when all present connections have received it. False if there are no such bytes; then nothing is appended, and the content
    /// itself is kept.
    fn record(&self, _: &mut Vec<u8>) -> bool {
        false
    }

    /// The approximate size of the content in bytes, before it is encoded.
    fn memory_bytes(&self) -> usize {
        0
    }
}

impl<F: Fn(Namespace) -> Vec<OutboundMessage> + Send + Sync> MessageSource for F {
    fn render(&self, namespace: Namespace) -> Vec<OutboundMessage> {
        self(namespace)
    }
}
