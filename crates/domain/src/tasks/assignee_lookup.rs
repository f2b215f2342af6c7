//! The assignee of a project's task: finds the member that a client names, and notifies the member.

use crate::command::CommandContext;
use crate::error::DomainError;
use crate::field::Field;
use crate::model::{RoomId, Task, User, UserId};
use crate::notifications::{NewNotification, create_notification_by_actor};

/// How many members with this name, compared without case, are searched for the exact spelling.
const MAX_NAMESAKES: u32 = 100;

/// Finds the member that a client names by id or handle. An id is unique, so it takes precedence; a handle with the exact spelling takes precedence
/// over handles that differ in case.
pub(super) fn find_assignee(context: &mut CommandContext<'_>, room: &RoomId, name: &str) -> Result<User, DomainError> {
    let id = UserId::new(name);
    if context.store.role(room, &id)?.is_some()
        && let Some(user) = context.store.user(&id)?
    {
        return Ok(user);
    }
    let mut users = context.store.members_with_handle(room, name, MAX_NAMESAKES)?;
    if users.iter().any(|user| user.handle() == name) {
        users.retain(|user| user.handle() == name);
    }
    let user = users
        .pop()
        .ok_or_else(|| DomainError::invalid(Field::Assignee, "must be the username or id of a member of the project, or null"))?;
    if users.is_empty() {
        return Ok(user);
    }
    Err(DomainError::Ambiguous {
        field: Field::Assignee,
        reason: format!("{} members of the project are called that; give the id", users.len() + 1).into(),
    })
}

/// Notifies the new assignee of a project's task, unless the assignee is the actor.
pub(super) fn notify_assignee(context: &mut CommandContext<'_>, task: &Task, to: &User, by: Option<&User>) -> Result<(), DomainError> {
    if task.progress.is_none() || to.id == context.actor.user {
        return Ok(());
    }
    let actor = by.map_or("Somebody", User::shown_name);
    let notification = NewNotification {
        user: to.id.clone(),
        kind: "assignment".to_owned(),
        title: "You were assigned a task".to_owned(),
        message: format!("{actor} assigned you {}", task.title),
        link: Some(format!("/{}/{}/task/{}", task.room.kind().as_str(), task.room.id(), task.id)),
        data: None,
    };
    create_notification_by_actor(context, notification)
}
