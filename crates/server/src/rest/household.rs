//! The household contract's paths. Answers are the bare object or array.

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, patch, post};
use domain::names::{Kind, PersonId};
use domain::operation::{Command, Tx};
use domain::people::{DeletePerson, Person, ReadPerson, UpdateProfile};
use domain::spaces::{CreateSpace, JoinByInvite, ListSpaces, ReadSpace, RefreshInvite, RemoveMember, RenameSpace, Space};
use domain::tasks::{AssignTask, CreateTask, DeleteTask, EditTask, ListTasks, ReadTask, Task, ToggleTask, UnassignTask};
use http::StatusCode;
use serde::Serialize;

use super::Desk;
use super::answer::{Answer, Failure};
use super::body;
use super::call::Call;
use super::ids::GivenPeople;
use super::of_kind::OfKind;
use crate::dialects::household::{objects, payloads};
use crate::dialects::json;

type Answered = Result<Answer, Failure>;

/// The paths.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/households", get(list_households).post(create_household))
        .route("/households/{id}", get(read_household).put(rename_household))
        .route("/households/{id}/join", post(join_household))
        .route("/households/{id}/invite/refresh", post(refresh_invite))
        .route("/households/{id}/members/{user_id}", delete(remove_member))
        .route("/households/{id}/tasks", get(list_tasks).post(create_task))
        .route("/tasks/{id}", get(read_task).put(edit_task).delete(delete_task))
        .route("/tasks/{id}/toggle", patch(toggle_task))
        .route("/tasks/{id}/assign", post(assign_task))
        .route("/tasks/{id}/assign/{user_id}", delete(unassign_task))
        .route("/users/{id}", get(read_user).put(update_user).delete(delete_user))
}

async fn list_households(call: Call) -> Answered {
    let page = call.page_of(Kind::Household)?;
    call.query(ListSpaces { kind: Kind::Household, page }, |spaces| list(spaces, objects::Household::of)).await
}

async fn create_household(call: Call) -> Answered {
    let mut fields = call.fields()?;
    let command = CreateSpace { kind: Kind::Household, name: fields.required("name")?, members: Vec::new() };
    fields.end()?;
    call.command(StatusCode::CREATED, command, household).await
}

async fn read_household(call: Call) -> Answered {
    let room = call.room(Kind::Household)?;
    call.query(ReadSpace { room }, household).await
}

async fn rename_household(call: Call) -> Answered {
    let room = call.room(Kind::Household)?;
    let mut fields = call.fields()?;
    let command = RenameSpace { room, name: fields.change("name")? };
    fields.pass_over(&["id", "inviteCode", "createdBy", "createdAt", "updatedAt", "members"]);
    fields.end()?;
    call.command(StatusCode::OK, command, household).await
}

async fn join_household(call: Call) -> Answered {
    let room = call.room(Kind::Household)?;
    let mut fields = call.fields()?;
    let command = JoinByInvite { room, code: fields.required("inviteCode")? };
    fields.end()?;
    call.command(StatusCode::OK, command, household).await
}

async fn refresh_invite(call: Call) -> Answered {
    let room = call.room(Kind::Household)?;
    call.command(StatusCode::OK, RefreshInvite { room }, |space| json(&payloads::InviteCodeRefreshed::of(space))).await
}

async fn remove_member(call: Call) -> Answered {
    let room = call.room(Kind::Household)?;
    let person = call.person("user_id", "Member")?;
    let work = |tx: &mut Tx<'_>| Ok((RemoveMember { room, person: person.clone() }.decide(tx)?, person));
    call.change(StatusCode::OK, work, |(space, person): &(Space, PersonId)| json(&payloads::MemberLeft::of(space, person))).await
}

async fn list_tasks(call: Call) -> Answered {
    let (room, page) = (call.room(Kind::Household)?, call.page()?);
    call.query(ListTasks { room, page }, |tasks| list(tasks, objects::Task::of)).await
}

async fn create_task(call: Call) -> Answered {
    let room = call.room(Kind::Household)?;
    let mut fields = call.fields()?;
    let title = fields.required("title")?;
    let command = CreateTask {
        description: fields.optional("description")?,
        category: fields.optional("category")?,
        due_date: fields.optional("dueDate")?,
        assigned_to: fields.optional::<GivenPeople>("assignedTo")?.map_or_else(Vec::new, |people| people.0),
        ..CreateTask::new(room, title)
    };
    fields.end()?;
    call.command(StatusCode::CREATED, command, task).await
}

async fn read_task(call: Call) -> Answered {
    let task_id = call.task()?;
    call.query(OfKind(Kind::Household, ReadTask { task: task_id }), task).await
}

async fn edit_task(call: Call) -> Answered {
    let task_id = call.task()?;
    let mut fields = call.fields()?;
    let command = EditTask {
        title: fields.change("title")?,
        description: fields.nullable("description")?,
        category: fields.nullable("category")?,
        due_date: fields.nullable("dueDate")?,
        assigned_to: fields.change::<GivenPeople>("assignedTo")?.map(|people| people.0),
        completed: fields.change("completed")?,
        ..EditTask::of(task_id)
    };
    fields.pass_over(&["id", "householdId", "completedAt", "createdBy", "createdAt", "updatedAt"]);
    fields.end()?;
    call.command(StatusCode::OK, OfKind(Kind::Household, command), task).await
}

async fn delete_task(call: Call) -> Answered {
    let task = call.task()?;
    call.command(StatusCode::OK, OfKind(Kind::Household, DeleteTask { task }), |task| json(&payloads::TaskDeleted::of(task))).await
}

async fn toggle_task(call: Call) -> Answered {
    let task_id = call.task()?;
    call.command(StatusCode::OK, OfKind(Kind::Household, ToggleTask { task: task_id }), task).await
}

async fn assign_task(call: Call) -> Answered {
    let task_id = call.task()?;
    let mut fields = call.fields()?;
    let person = body::person("userId", &fields.required("userId")?)?;
    fields.end()?;
    call.command(StatusCode::OK, OfKind(Kind::Household, AssignTask { task: task_id, person }), task).await
}

async fn unassign_task(call: Call) -> Answered {
    let task_id = call.task()?;
    let person = call.person("user_id", "User")?;
    call.command(StatusCode::OK, OfKind(Kind::Household, UnassignTask { task: task_id, person }), task).await
}

async fn read_user(call: Call) -> Answered {
    let person = call.person("id", "User")?;
    call.query(ReadPerson { person }, user).await
}

async fn update_user(call: Call) -> Answered {
    let person = call.person("id", "User")?;
    let mut fields = call.fields()?;
    let command = UpdateProfile { person, name: fields.change("name")?, avatar_url: fields.nullable("avatarUrl")? };
    fields.pass_over(&["id", "email", "createdAt", "updatedAt"]);
    fields.end()?;
    call.command(StatusCode::OK, command, user).await
}

async fn delete_user(call: Call) -> Answered {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Deleted<'a> {
        user_id: &'a str,
    }
    let person = call.person("id", "User")?;
    let desk = Arc::clone(&call.desk);
    let command = DeletePerson { person: person.clone() };
    let answered = call.command(StatusCode::OK, command, |person| json(&Deleted { user_id: person.id.as_str() })).await;
    // Whoever calls next with that token is somebody new.
    desk.met.forget(&person);
    answered
}

fn household(space: &Space) -> String {
    json(&objects::Household::of(space))
}

fn task(task: &Task) -> String {
    json(&objects::Task::of(task))
}

fn user(person: &Person) -> String {
    json(&objects::User::of(person))
}

fn list<'a, T, O: Serialize>(things: &'a [T], object: fn(&'a T) -> O) -> String {
    json(&things.iter().map(object).collect::<Vec<_>>())
}
