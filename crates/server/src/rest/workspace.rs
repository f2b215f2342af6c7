//! The workspace contract's paths. Answers are the bare object or array, with numbers for ids.

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, patch, post, put};
use domain::chat::{self, DeleteMessage, EditMessage, ListMessages, SendMessage};
use domain::names::Kind;
use domain::spaces::{
    AddMember, ArchiveSpace, CreateChannel, CreateSpace, ListChannels, ListSpaces, ReadSpace, RemoveMember, RenameSpace, Space,
};
use domain::tasks::{self, CreateTask, DeleteTask, EditTask, HandOverTask, ListTasks, ReadTask, SetStatus};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Desk;
use super::answer::{Answer, Failure};
use super::body;
use super::call::Call;
use super::ids::GivenPeople;
use super::of_kind::OfKind;
use crate::dialects::ids::GivenId;
use crate::dialects::json;
use crate::dialects::workspace::objects::{Channel, Message, Project, Task};

type Answered = Result<Answer, Failure>;

/// The paths.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/v1/projects", get(list_projects).post(create_project))
        .route("/api/v1/projects/{id}", get(read_project).put(rename_project))
        .route("/api/v1/projects/{id}/archive", post(archive_project))
        .route("/api/v1/projects/{id}/unarchive", post(open_project))
        .route("/api/v1/projects/{id}/members", post(add_member))
        .route("/api/v1/projects/{id}/members/{user_id}", delete(remove_member))
        .route("/api/v1/projects/{id}/channels", get(list_channels).post(create_channel))
        .route("/api/v1/projects/{id}/tasks", get(list_tasks).post(create_task))
        .route("/api/v1/tasks/{id}", get(read_task).put(edit_task).delete(delete_task))
        .route("/api/v1/tasks/{id}/status", patch(set_status))
        .route("/api/v1/tasks/{id}/assign", post(assign_task))
        .route("/api/v1/channels/{id}/messages", get(list_messages).post(send_message))
        .route("/api/v1/messages/{id}", put(edit_message).delete(delete_message))
}

async fn list_projects(call: Call) -> Answered {
    let page = call.page_of(Kind::Project)?;
    call.query(ListSpaces { kind: Kind::Project, page }, |spaces| list(spaces, Project::of)).await
}

async fn create_project(call: Call) -> Answered {
    let mut fields = call.fields()?;
    let command = CreateSpace {
        kind: Kind::Project,
        name: fields.required("name")?,
        members: fields.optional::<GivenPeople>("memberIds")?.map_or_else(Vec::new, |people| people.0),
    };
    fields.end()?;
    call.command(StatusCode::CREATED, command, project).await
}

async fn read_project(call: Call) -> Answered {
    let room = call.room(Kind::Project)?;
    call.query(ReadSpace { room }, project).await
}

async fn rename_project(call: Call) -> Answered {
    let room = call.room(Kind::Project)?;
    let mut fields = call.fields()?;
    let command = RenameSpace { room, name: fields.change("name")? };
    fields.pass_over(&["id", "created_by", "created_at", "updated_at", "archived_at", "members"]);
    fields.end()?;
    call.command(StatusCode::OK, command, project).await
}

async fn archive_project(call: Call) -> Answered {
    let room = call.room(Kind::Project)?;
    call.command(StatusCode::OK, ArchiveSpace { room, archived: true }, project).await
}

async fn open_project(call: Call) -> Answered {
    let room = call.room(Kind::Project)?;
    call.command(StatusCode::OK, ArchiveSpace { room, archived: false }, project).await
}

async fn add_member(call: Call) -> Answered {
    let room = call.room(Kind::Project)?;
    let mut fields = call.fields()?;
    let person = body::person("userId", &fields.required("userId")?)?;
    fields.end()?;
    call.command(StatusCode::CREATED, AddMember { room, person }, project).await
}

async fn remove_member(call: Call) -> Answered {
    let room = call.room(Kind::Project)?;
    let person = call.person("user_id", "Member")?;
    call.command(StatusCode::OK, RemoveMember { room, person }, project).await
}

async fn list_channels(call: Call) -> Answered {
    let (project, page) = (call.room(Kind::Project)?, call.page_of(Kind::Channel)?);
    call.query(ListChannels { project, page }, |spaces| list(spaces, Channel::of)).await
}

async fn create_channel(call: Call) -> Answered {
    let project = call.room(Kind::Project)?;
    let mut fields = call.fields()?;
    let command = CreateChannel { project, name: fields.required("name")? };
    fields.end()?;
    call.command(StatusCode::CREATED, command, |space| json(&Channel::of(space))).await
}

async fn list_tasks(call: Call) -> Answered {
    let (room, page) = (call.room(Kind::Project)?, call.page()?);
    call.query(ListTasks { room, page }, |tasks| list(tasks, Task::of)).await
}

async fn create_task(call: Call) -> Answered {
    let room = call.room(Kind::Project)?;
    let mut fields = call.fields()?;
    let title = fields.required("title")?;
    let command = CreateTask {
        description: fields.optional("description")?,
        status: fields.optional("status")?,
        priority: fields.optional("priority")?,
        assignee: fields.optional::<GivenId>("assignee")?.map(|name| name.0),
        ..CreateTask::new(room, title)
    };
    fields.end()?;
    call.command(StatusCode::CREATED, command, task).await
}

async fn read_task(call: Call) -> Answered {
    let of_project = of_project(ReadTask { task: call.task()? });
    call.query(of_project, task).await
}

async fn edit_task(call: Call) -> Answered {
    let task_id = call.task()?;
    let mut fields = call.fields()?;
    let command = EditTask {
        title: fields.change("title")?,
        description: fields.nullable("description")?,
        status: fields.change("status")?,
        priority: fields.change("priority")?,
        assignee: fields.nullable::<GivenId>("assignee")?.map(|name| name.map(|name| name.0)),
        ..EditTask::of(task_id)
    };
    fields.pass_over(&["id", "project_id", "assignee_id", "creator", "creator_id", "created_at", "updated_at"]);
    fields.end()?;
    call.command(StatusCode::OK, of_project(command), task).await
}

async fn delete_task(call: Call) -> Answered {
    let of_project = of_project(DeleteTask { task: call.task()? });
    call.command(StatusCode::OK, of_project, task).await
}

async fn set_status(call: Call) -> Answered {
    let task_id = call.task()?;
    let mut fields = call.fields()?;
    let command = SetStatus { task: task_id, status: fields.required("status")? };
    fields.end()?;
    call.command(StatusCode::OK, of_project(command), task).await
}

async fn assign_task(call: Call) -> Answered {
    let task_id = call.task()?;
    let mut fields = call.fields()?;
    let to = fields.nullable::<GivenId>("assignee")?;
    let to = to.ok_or_else(|| Failure::field("assignee", "is required: a username or id, or null for nobody"))?;
    fields.end()?;
    call.command(StatusCode::OK, of_project(HandOverTask { task: task_id, to: to.map(|name| name.0) }), task).await
}

async fn list_messages(call: Call) -> Answered {
    let (room, page) = (call.room(Kind::Channel)?, call.page()?);
    call.query(ListMessages { room, page }, |messages| list(messages, Message::of)).await
}

async fn send_message(call: Call) -> Answered {
    let room = call.room(Kind::Channel)?;
    let mut fields = call.fields()?;
    let command = SendMessage {
        room,
        content: fields.required("content")?,
        sort: None,
        file_url: None,
        metadata: fields.optional::<Map<String, Value>>("metadata")?.map(Value::Object),
        client_id: fields.optional("client_id")?,
    };
    fields.end()?;
    call.command(StatusCode::CREATED, command, |sent| message(&sent.message)).await
}

async fn edit_message(call: Call) -> Answered {
    let message_id = call.number("Message")?;
    let mut fields = call.fields()?;
    let command = EditMessage { of: Kind::Channel, message: message_id, content: fields.required("content")? };
    fields.pass_over(&["id", "channel_id", "username", "user_id", "metadata", "client_id", "created_at", "edited_at"]);
    fields.end()?;
    call.command(StatusCode::OK, command, message).await
}

async fn delete_message(call: Call) -> Answered {
    let command = DeleteMessage { of: Kind::Channel, message: call.number("Message")? };
    call.command(StatusCode::OK, command, message).await
}

fn of_project<O>(operation: O) -> OfKind<O> {
    OfKind(Kind::Project, operation)
}

fn project(space: &Space) -> String {
    json(&Project::of(space))
}

fn task(task: &tasks::Task) -> String {
    json(&Task::of(task))
}

fn message(message: &chat::Message) -> String {
    json(&Message::of(message))
}

fn list<'a, T, O: Serialize>(things: &'a [T], object: fn(&'a T) -> O) -> String {
    json(&things.iter().map(object).collect::<Vec<_>>())
}
