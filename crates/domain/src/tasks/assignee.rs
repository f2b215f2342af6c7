//! The assignee of a project's task: finds the member that a client names, and notifies the member.

use crate::names::{PersonId, Room};
use crate::notifications::{NewNotification, notify_of_actor};
use crate::operation::Tx;
use crate::people::Person;
use crate::refusal::Refusal;
use crate::tasks::Task;

/// How many members with this name, compared without case, are searched for the exact spelling.
const NAMESAKES: u32 = 100;

/// Finds the member that a client names by id or handle. An id is unique, so it takes precedence; a handle with the exact spelling takes precedence
/// over handles that differ in case.
pub(super) fn named(tx: &mut Tx<'_>, room: &Room, name: &str) -> Result<Person, Refusal> {
    const FIELD: &str = "assignee";
    let id = PersonId::new(name);
    if tx.store.role(room, &id)?.is_some()
        && let Some(person) = tx.store.person(&id)?
    {
        return Ok(person);
    }
    let mut people = tx.store.members_called(room, name, NAMESAKES)?;
    if people.iter().any(|person| person.handle() == name) {
        people.retain(|person| person.handle() == name);
    }
    let person = people.pop().ok_or_else(|| Refusal::invalid(FIELD, "must be the username or id of a member of the project, or null"))?;
    if people.is_empty() {
        return Ok(person);
    }
    Err(Refusal::Ambiguous { field: FIELD, reason: format!("{} members of the project are called that; give the id", people.len() + 1) })
}

/// Notifies the new assignee of a project's task, unless the assignee is the actor.
pub(super) fn tell(tx: &mut Tx<'_>, task: &Task, to: &Person, by: Option<&Person>) -> Result<(), Refusal> {
    if task.progress.is_none() || to.id == tx.actor.person {
        return Ok(());
    }
    let who = by.map_or("Somebody", Person::shown_name);
    let notification = NewNotification {
        person: to.id.clone(),
        kind: "assignment".to_owned(),
        title: "You were assigned a task".to_owned(),
        message: format!("{who} assigned you {}", task.title),
        link: Some(format!("/{}/{}/task/{}", task.room.kind().as_str(), task.room.id(), task.id)),
        data: None,
    };
    notify_of_actor(tx, notification)
}
