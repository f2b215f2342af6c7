//! `@name` in a channel's message: whom it means, and how they are told.

use crate::chat::Message;
use crate::fields;
use crate::names::{PersonId, Room};
use crate::notifications::{NewNotification, notify};
use crate::operation::Tx;
use crate::people::Person;
use crate::refusal::Refusal;

/// How many at-signs of a text are looked at: a text of nothing else must not keep the writer busy.
const SIGNS: usize = 2 * fields::PEOPLE;

/// Tells those whom a message mentions. Whoever was mentioned by the text before an edit was told of it then; whoever speaks of themselves
/// needs not be told. Of a message that mentions a crowd the first hundred are told.
pub(super) fn tell(tx: &mut Tx<'_>, message: &Message, before: Option<&str>) -> Result<(), Refusal> {
    // Most messages mention nobody, and ask the store nothing.
    if !message.room.kind().has_mentions() || !message.content.contains('@') {
        return Ok(());
    }
    let Some(channel) = tx.store.space(&message.room)? else { return Ok(()) };
    let Some(project) = channel.parent else { return Ok(()) };
    let people: Vec<Person> = tx.store.members(&project)?.into_iter().map(|member| member.person).collect();
    let told_before = before.map_or_else(Vec::new, |text| mentioned(text, &people));
    let mut mentioned = mentioned(&message.content, &people);
    mentioned.retain(|person| *person != message.sender.id && !told_before.contains(person));
    mentioned.truncate(fields::PEOPLE);
    for person in mentioned {
        notify(tx, mention(message, &project, &channel.name, person))?;
    }
    Ok(())
}

fn mention(message: &Message, project: &Room, channel: &str, person: PersonId) -> NewNotification {
    let path = |room: &Room| format!("/{}/{}", room.kind().as_str(), room.id());
    NewNotification {
        person,
        kind: "mention".to_owned(),
        title: "You were mentioned".to_owned(),
        message: format!("{} mentioned you in channel #{channel}", message.sender.shown_name()),
        link: Some(path(project) + &path(&message.room)),
        data: None,
    }
}

/// The people whom a text mentions, each once, in the text's order: an `@` that begins a word, and behind it what somebody is called, to its
/// end. Capitals do not matter. Of "ann" and "ann.lee" the longer is meant where it stands; of two with one name, both.
fn mentioned(text: &str, people: &[Person]) -> Vec<PersonId> {
    let names: Vec<(Vec<char>, &PersonId)> =
        people.iter().map(|person| (person.handle().to_lowercase().chars().collect(), &person.id)).collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let mut mentioned = Vec::new();
    let begins = |at: usize| text[at] == '@' && (at == 0 || !is_word(text[at - 1]));
    for at in (0..text.len()).filter(|at| begins(*at)).take(SIGNS) {
        let rest = &text[at + 1..];
        let meant = names.iter().filter(|(name, _)| rest.starts_with(name) && ends(&rest[name.len()..]));
        let longest = meant.clone().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (_, person) in meant.filter(|(name, _)| name.len() == longest) {
            if !mentioned.contains(*person) {
                mentioned.push((*person).clone());
            }
        }
    }
    mentioned
}

/// Whether a name that was read so far ends here: what follows does not go on with it.
fn ends(rest: &[char]) -> bool {
    match rest {
        [] => true,
        [c, ..] if is_word(*c) => false,
        ['.' | '-', next, ..] => !is_word(*next),
        _ => true,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Timestamp;

    #[test]
    fn a_name_behind_an_at_sign_is_a_mention() {
        let person = |id: &str, username: &str| Person { username: username.to_owned(), ..Person::unseen(PersonId::new(id), Timestamp(0)) };
        let people =
            [person("1", "ann"), person("2", "ann.lee"), person("3", "Bob"), person("4", "bob"), person("5", "Zoë"), person("six", "")];
        let table: [(&str, &[&str]); 14] = [
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
        ];
        for (text, expected) in table {
            let ids: Vec<PersonId> = expected.iter().copied().map(PersonId::new).collect();
            assert_eq!(mentioned(text, &people), ids, "{text}");
        }
    }
}
