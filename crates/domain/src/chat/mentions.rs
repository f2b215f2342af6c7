//! Mentions (`@name`) in a channel's messages: finds the mentioned members and notifies them.

use std::collections::HashSet;

use crate::command::CommandContext;
use crate::error::DomainError;
use crate::model::{Message, RoomId, UserId};
use crate::notifications::{NewNotification, create_notification_by_actor};
use crate::ports::{Store, StoreResult};
use crate::validation;

/// How many at-signs of a text are examined: a text of many at-signs must not keep the writer busy.
const MAX_AT_SIGNS: usize = 2 * validation::MAX_USERS;

/// How many look-ups in a project's handles one text may cost, for the same reason. A name of many words may cost several.
const MAX_LOOKUPS: usize = 500;

/// How many characters behind an at-sign are searched for a name: the length of the longest name, times the growth that lower case may cause.
const MAX_MENTION_BYTES: usize = 3 * validation::MAX_NAME;

/// Notifies the members that a message mentions, at most the first [`validation::MAX_USERS`]. Members that the text before an edit mentioned were notified
/// then, and the sender is never notified.
pub(super) fn notify_mentioned(context: &mut CommandContext<'_>, message: &Message, before: Option<&str>) -> Result<(), DomainError> {
    // Most messages have no mention and need no query.
    if !message.room.kind().has_mentions() || !message.content.contains('@') {
        return Ok(());
    }
    let Some(channel) = context.store.space(&message.room)? else { return Ok(()) };
    let Some(project) = channel.parent else { return Ok(()) };
    let mut members = MemberHandles { store: context.store, project: &project };
    let told_before = before.map_or_else(|| Ok(Vec::new()), |text| mentioned(text, &mut members))?;
    let told_before: HashSet<UserId> = told_before.into_iter().collect();
    let mut mentioned = mentioned(&message.content, &mut members)?;
    mentioned.retain(|user| *user != message.sender.id && !told_before.contains(user));
    mentioned.truncate(validation::MAX_USERS);
    for user in mentioned {
        create_notification_by_actor(context, mention(message, &project, &channel.name, user))?;
    }
    Ok(())
}

/// The handles of the users who may be mentioned, in lower case and in the order of their bytes. The list may be long, so it is searched and never
/// read whole.
trait HandleLookup {
    /// The last handle that is not behind this text.
    fn last_up_to(&mut self, text: &str) -> StoreResult<Option<String>>;
    /// The users with this handle.
    fn users_with(&mut self, handle: &str) -> StoreResult<Vec<UserId>>;
}

struct MemberHandles<'a> {
    store: &'a mut dyn Store,
    project: &'a RoomId,
}

impl HandleLookup for MemberHandles<'_> {
    fn last_up_to(&mut self, text: &str) -> StoreResult<Option<String>> {
        self.store.handle_up_to(self.project, text)
    }

    fn users_with(&mut self, handle: &str) -> StoreResult<Vec<UserId>> {
        let users = self.store.members_with_handle(self.project, handle, validation::MAX_USERS as u32)?;
        Ok(users.into_iter().map(|user| user.id).collect())
    }
}

fn mention(message: &Message, project: &RoomId, channel: &str, user: UserId) -> NewNotification {
    let path = |room: &RoomId| format!("/{}/{}", room.kind().as_str(), room.id());
    NewNotification {
        user,
        kind: "mention".to_owned(),
        title: "You were mentioned".to_owned(),
        message: format!("{} mentioned you in channel #{channel}", message.sender.shown_name()),
        link: Some(path(project) + &path(&message.room)),
        data: None,
    }
}

/// The users that a text mentions, each once, in the order of the text. A mention is an `@` that begins a word, and a whole handle behind it,
/// compared without case. If several handles match ("ann" and "ann.lee"), the longest is mentioned; all users with that handle are.
fn mentioned(text: &str, handles: &mut impl HandleLookup) -> StoreResult<Vec<UserId>> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let (mut mentioned, mut seen, mut lookups) = (Vec::new(), HashSet::new(), MAX_LOOKUPS);
    let begins = |at: usize| text[at] == '@' && (at == 0 || !is_word(text[at - 1]));
    for at in (0..text.len()).filter(|at| begins(*at)).take(MAX_AT_SIGNS) {
        let rest: String = text[at + 1..].iter().take(MAX_MENTION_BYTES).collect();
        let Some(handle) = longest_handle(&rest, handles, &mut lookups)? else { continue };
        for user in handles.users_with(&handle)? {
            if seen.insert(user.clone()) {
                mentioned.push(user);
            }
        }
    }
    Ok(mentioned)
}

/// The longest handle with which a text begins, if the character behind it cannot belong to a name.
///
/// The last handle that is not behind the text is either that handle, or bounds the part of the text that can be one: every handle with which the
/// text begins sorts before both, so it is a prefix of their common prefix.
fn longest_handle(text: &str, handles: &mut impl HandleLookup, lookups: &mut usize) -> StoreResult<Option<String>> {
    let mut candidate = up_to_an_end(text, text.len());
    while !candidate.is_empty() && *lookups > 0 {
        *lookups -= 1;
        let Some(handle) = handles.last_up_to(candidate)? else { return Ok(None) };
        let common = common_prefix(candidate, &handle);
        if common == handle.len() && ends_mention(&text[common..]) {
            return Ok(Some(handle));
        }
        candidate = up_to_an_end(text, common);
    }
    Ok(None)
}

/// The length of the common prefix of two texts, in bytes of whole characters.
fn common_prefix(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
}

/// The longest prefix of a text, of at most `most` bytes, behind which a name may end.
fn up_to_an_end(text: &str, most: usize) -> &str {
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end) && ends_mention(&text[*end..]));
    &text[..end.unwrap_or_default()]
}

/// Whether a name ends before `rest`: `rest` does not continue it.
fn ends_mention(rest: &str) -> bool {
    let mut rest = rest.chars();
    match rest.next() {
        None => true,
        Some(c) if is_word(c) => false,
        Some('.' | '-') => !rest.next().is_some_and(is_word),
        Some(_) => true,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ids::Timestamp;
    use crate::users::User;

    struct List(BTreeSet<(String, UserId)>);

    impl HandleLookup for List {
        fn last_up_to(&mut self, text: &str) -> StoreResult<Option<String>> {
            Ok(self.0.iter().map(|(handle, _)| handle).filter(|handle| handle.as_str() <= text).max().cloned())
        }

        fn users_with(&mut self, handle: &str) -> StoreResult<Vec<UserId>> {
            Ok(self.0.iter().filter(|(stored, _)| stored == handle).map(|(_, user)| user.clone()).collect())
        }
    }

    #[test]
    fn text_of_many_at_signs_costs_a_bounded_number_of_lookups() {
        struct Counted(usize);
        impl HandleLookup for Counted {
            fn last_up_to(&mut self, text: &str) -> StoreResult<Option<String>> {
                self.0 += 1;
                // The worst case: each answer shortens the text by one character.
                let mut shorter: Vec<char> = text.chars().collect();
                shorter.pop();
                Ok(Some(shorter.into_iter().chain(['!']).collect()))
            }

            fn users_with(&mut self, _: &str) -> StoreResult<Vec<UserId>> {
                Ok(Vec::new())
            }
        }
        let mut handles = Counted(0);
        mentioned(&"@a b c d e f g h i j k l m ".repeat(370), &mut handles).expect("it does not fail");
        assert!(handles.0 <= MAX_LOOKUPS, "{}", handles.0);
    }

    #[test]
    fn name_behind_an_at_sign_is_a_mention() {
        let user = |id: &str, username: &str| User { username: username.to_owned(), ..User::unseen(UserId::new(id), Timestamp(0)) };
        let users = [
            user("1", "ann"),
            user("2", "ann.lee"),
            user("3", "Bob"),
            user("4", "bob"),
            user("5", "Zoë"),
            user("six", ""),
            user("7", "ann lee brown"),
            user("8", "annika"),
            user("9", "ann lee"),
        ];
        let mut handles = List(users.iter().map(|user| (user.handle().to_lowercase(), user.id.clone())).collect());
        let table: [(&str, &[&str]); 18] = [
            ("nobody", &[]),
            ("@", &[]),
            ("hello @ann", &["1"]),
            ("@ANN, look", &["1"]),
            ("(@ann.lee)", &["2"]),
            ("@ann. Thanks", &["1"]),
            ("@ann-marie", &[]),
            ("@annabel", &[]),
            ("mail@ann", &[]),
            ("@bob", &["3", "4"]),
            ("@zoë!", &["5"]),
            ("@six @ann @six", &["six", "1"]),
            ("@@ann", &["1"]),
            ("ann", &[]),
            ("@ann lee", &["9"]),
            ("@ann lee brown", &["7"]),
            ("@ann lee browning", &["9"]),
            ("@ann leer", &["1"]),
        ];
        for (text, expected) in table {
            let ids: Vec<UserId> = expected.iter().copied().map(UserId::new).collect();
            assert_eq!(mentioned(text, &mut handles).expect("a list does not fail"), ids, "{text}");
        }
    }
}
