//! The workspace contract's paths. Answers are the bare object or array, with numbers for ids.

use std::sync::Arc;

use axum::middleware;
use domain::chat::{self, DeleteMessage, EditMessage, ListMessages, SendMessage};
use domain::ids::{EntityId, RoomKind};
use domain::spaces::{
    AddMember, ArchiveSpace, CreateChannel, CreateSpace, GetSpace, ListChannels, ListMembers, ListSpaces, RemoveMember, RenameSpace, Space,
};
use domain::tasks::{self, CreateTask, DeleteTask, EditTask, GetTask, ListTasks, ReassignTask, SetStatus};
use domain::validation;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;
use super::body_schema::{TextBounds, body};
use super::ids::{MemberPageQuery, PageQuery, SpacePageQuery, UserIdInput, UserIdInputs};
use super::kind_guard::InRoomKind;
use super::list::{list, member_list};
use super::request_context::AuthedRequest;
use super::response::{RestError, RestResponse, RestResult, with_field_names};
use crate::contracts::client_ids::IdInput;
use crate::contracts::json;
use crate::contracts::workspace::field_name;
use crate::contracts::workspace::objects::{Channel, Message, Project, ProjectMember, Task};

/// The workspace contract's routes.
pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(list_projects, create_project))
        .routes(routes!(read_project, rename_project))
        .routes(routes!(archive_project))
        .routes(routes!(open_project))
        .routes(routes!(list_members, add_member))
        .routes(routes!(remove_member))
        .routes(routes!(list_channels, create_channel))
        .routes(routes!(list_tasks, create_task))
        .routes(routes!(read_task, edit_task, delete_task))
        .routes(routes!(set_status))
        .routes(routes!(assign_task))
        .routes(routes!(list_messages, send_message))
        .routes(routes!(edit_message, delete_message))
        .route_layer(middleware::map_response(|response| with_field_names(field_name, response)))
}

/// Lists the projects of the caller, the newest first.
#[utoipa::path(get, path = "/api/v1/projects", params(SpacePageQuery), responses((status = 200, body = Vec<Project>)))]
async fn list_projects(call: AuthedRequest) -> RestResult {
    let page = call.page_of(RoomKind::Project)?;
    call.query(ListSpaces { kind: RoomKind::Project, page }, |spaces| list(spaces, Project::of)).await
}

/// Makes a project. The caller is in it and its admin.
#[utoipa::path(post, path = "/api/v1/projects", request_body = NewProject, responses((status = 201, body = Project), (status = 403)))]
async fn create_project(call: AuthedRequest) -> RestResult {
    let NewProject { name, members } = call.body()?;
    let command = CreateSpace { kind: RoomKind::Project, name, members: members.unwrap_or_default().0 };
    call.command(StatusCode::CREATED, command, project).await
}

/// Reads a project.
#[utoipa::path(get, path = "/api/v1/projects/{id}", responses((status = 200, body = Project)))]
async fn read_project(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Project)?;
    call.query(GetSpace { room }, project).await
}

/// Changes a project. Its members hear `project.updated`.
#[utoipa::path(
    put,
    path = "/api/v1/projects/{id}",
    request_body = ProjectChanges,
    responses((status = 200, body = Project), (status = 409))
)]
async fn rename_project(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Project)?;
    let ProjectChanges { name } = call.body()?;
    call.command(StatusCode::OK, RenameSpace { room, name }, project).await
}

/// Archives a project: it is read, and nothing in it changes. Its members hear `project.archived`.
#[utoipa::path(post, path = "/api/v1/projects/{id}/archive", responses((status = 200, body = Project), (status = 403)))]
async fn archive_project(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Project)?;
    call.command(StatusCode::OK, ArchiveSpace { room, archived: true }, project).await
}

/// Opens an archived project again. Its members hear `project.updated`.
#[utoipa::path(post, path = "/api/v1/projects/{id}/unarchive", responses((status = 200, body = Project), (status = 403)))]
async fn open_project(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Project)?;
    call.command(StatusCode::OK, ArchiveSpace { room, archived: false }, project).await
}

/// Lists the members of a project, in the order of joining.
#[utoipa::path(get, path = "/api/v1/projects/{id}/members", params(MemberPageQuery), responses((status = 200, body = Vec<ProjectMember>)))]
async fn list_members(call: AuthedRequest) -> RestResult {
    let (room, page) = (call.room(RoomKind::Project)?, call.member_page()?);
    call.query(ListMembers { room, page }, |members| member_list(members, ProjectMember::of)).await
}

/// Brings a person into a project. Its members hear `project.updated`.
#[utoipa::path(post, path = "/api/v1/projects/{id}/members", request_body = NewMember, responses((status = 201, body = Project), (status = 403)))]
async fn add_member(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Project)?;
    let NewMember { user } = call.body()?;
    call.command(StatusCode::CREATED, AddMember { room, user: user.0 }, project).await
}

/// Removes a person from a project, or leaves it. Its members hear `project.updated`.
#[utoipa::path(delete, path = "/api/v1/projects/{id}/members/{userId}", responses((status = 200, body = Project), (status = 403)))]
async fn remove_member(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Project)?;
    let user = call.user("userId", "Member")?;
    call.command(StatusCode::OK, RemoveMember { room, user }, project).await
}

/// Lists the channels of a project, the newest first.
#[utoipa::path(get, path = "/api/v1/projects/{id}/channels", params(SpacePageQuery), responses((status = 200, body = Vec<Channel>)))]
async fn list_channels(call: AuthedRequest) -> RestResult {
    let (project, page) = (call.room(RoomKind::Project)?, call.page_of(RoomKind::Channel)?);
    call.query(ListChannels { project, page }, |spaces| list(spaces, Channel::of)).await
}

/// Makes a channel in a project.
#[utoipa::path(post, path = "/api/v1/projects/{id}/channels", request_body = NewChannel, responses((status = 201, body = Channel)))]
async fn create_channel(call: AuthedRequest) -> RestResult {
    let project = call.room(RoomKind::Project)?;
    let NewChannel { name } = call.body()?;
    call.command(StatusCode::CREATED, CreateChannel { project, name }, |space| json(&Channel::of(space))).await
}

/// Lists the tasks of a project, the newest first.
#[utoipa::path(get, path = "/api/v1/projects/{id}/tasks", params(PageQuery), responses((status = 200, body = Vec<Task>)))]
async fn list_tasks(call: AuthedRequest) -> RestResult {
    let (room, page) = (call.room(RoomKind::Project)?, call.page()?);
    call.query(ListTasks { room, page }, |tasks| list(tasks, Task::of)).await
}

/// Makes a task. The project hears `task.created`, and who gets it is notified.
#[utoipa::path(post, path = "/api/v1/projects/{id}/tasks", request_body = NewTask, responses((status = 201, body = Task), (status = 422)))]
async fn create_task(call: AuthedRequest) -> Result<(HeaderMap, RestResponse), RestError> {
    let room = call.room(RoomKind::Project)?;
    let (NewTask { title, description, status, priority, assignee }, warnings) = call.whole_object()?;
    let assignee = assignee.map(|name| name.0);
    let command = CreateTask { description, status, priority, assignee, ..CreateTask::new(room, title) };
    Ok((warnings, call.command(StatusCode::CREATED, command, task).await?))
}

/// Reads a task.
#[utoipa::path(get, path = "/api/v1/tasks/{id}", responses((status = 200, body = Task)))]
async fn read_task(call: AuthedRequest) -> RestResult {
    let task_id = call.task()?;
    call.query(of_project(task_id, GetTask { task: task_id }), task).await
}

/// Changes a task. The project hears `task.updated`, and what else the change was.
#[utoipa::path(
    put,
    path = "/api/v1/tasks/{id}",
    request_body = TaskChanges,
    responses((status = 200, body = Task), (status = 409), (status = 422))
)]
async fn edit_task(call: AuthedRequest) -> RestResult {
    let task_id = call.task()?;
    let TaskChanges { title, description, status, priority, assignee } = call.body()?;
    let assignee = assignee.map(|name| name.map(|name| name.0));
    let command = EditTask { title, description, status, priority, assignee, ..EditTask::of(task_id) };
    call.command(StatusCode::OK, of_project(task_id, command), task).await
}

/// Deletes a task. The project hears `task.deleted`.
#[utoipa::path(delete, path = "/api/v1/tasks/{id}", responses((status = 200, body = Task), (status = 409)))]
async fn delete_task(call: AuthedRequest) -> RestResult {
    let task_id = call.task()?;
    call.command(StatusCode::OK, of_project(task_id, DeleteTask { task: task_id }), task).await
}

/// Says how far a task is. The project hears `task.status_changed`.
#[utoipa::path(patch, path = "/api/v1/tasks/{id}/status", request_body = NewStatus, responses((status = 200, body = Task)))]
async fn set_status(call: AuthedRequest) -> RestResult {
    let task_id = call.task()?;
    let NewStatus { status } = call.body()?;
    call.command(StatusCode::OK, of_project(task_id, SetStatus { task: task_id, status }), task).await
}

/// Gives a task to somebody, or takes it back. The project hears `task.assigned`, and who gets it is notified.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/assign", request_body = Assignment, responses((status = 200, body = Task), (status = 422)))]
async fn assign_task(call: AuthedRequest) -> RestResult {
    let task_id = call.task()?;
    let Assignment { assignee } = call.body()?;
    call.command(StatusCode::OK, of_project(task_id, ReassignTask { task: task_id, to: assignee.map(|name| name.0) }), task).await
}

/// Lists the messages of a channel, the newest first.
#[utoipa::path(get, path = "/api/v1/channels/{id}/messages", params(PageQuery), responses((status = 200, body = Vec<Message>)))]
async fn list_messages(call: AuthedRequest) -> RestResult {
    let (room, page) = (call.room(RoomKind::Channel)?, call.page()?);
    call.query(ListMessages { room, page }, |messages| list(messages, Message::of)).await
}

/// Sends a message. Whoever is in the channel hears `message`, and who is mentioned is notified.
#[utoipa::path(post, path = "/api/v1/channels/{id}/messages", request_body = NewMessage, responses((status = 201, body = Message)))]
async fn send_message(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Channel)?;
    let NewMessage { content, metadata, client_id } = call.body()?;
    let (metadata, client_id) = (metadata.map(Value::Object), client_id.map(|id| id.0));
    let command = SendMessage { room, content, sort: None, file_url: None, metadata, client_id };
    call.command(StatusCode::CREATED, command, |sent| message(&sent.message)).await
}

/// Changes a message of one's own. Whoever is in the channel hears `message.edited`.
#[utoipa::path(
    put,
    path = "/api/v1/messages/{id}",
    request_body = MessageChanges,
    responses((status = 200, body = Message), (status = 403), (status = 409))
)]
async fn edit_message(call: AuthedRequest) -> RestResult {
    let message_id = call.number("Message")?;
    let MessageChanges { content } = call.body()?;
    call.command(StatusCode::OK, EditMessage { of: RoomKind::Channel, message: message_id, content }, message).await
}

/// Deletes a message of one's own. Whoever is in the channel hears `message.deleted`.
#[utoipa::path(delete, path = "/api/v1/messages/{id}", responses((status = 200, body = Message), (status = 403), (status = 409)))]
async fn delete_message(call: AuthedRequest) -> RestResult {
    let command = DeleteMessage { of: RoomKind::Channel, message: call.number("Message")? };
    call.command(StatusCode::OK, command, message).await
}

body! {
    /// A new project.
    NewProject as "workspace.NewProject" {
        /// What it is called; not blank.
        name: required String[1..=validation::MAX_NAME],
        /// Who is in it besides the caller: ids, or objects with one.
        members = "memberIds" or "member_ids": optional UserIdInputs[0..=validation::MAX_USERS],
    }

    /// Changes of a project. What is absent stays as it is.
    ProjectChanges as "workspace.ProjectChanges" {
        /// What it is called; not blank.
        name: change String[1..=validation::MAX_NAME],
    }
    ignores ["id", "created_by", "created_at", "updated_at", "archived_at", "member_count", "members"]

    /// Who comes to a project.
    NewMember as "workspace.NewMember" {
        /// The person.
        user = "userId" or "user_id": required UserIdInput,
    }

    /// A new channel.
    NewChannel as "workspace.NewChannel" {
        /// What it is called; not blank.
        name: required String[1..=validation::MAX_NAME],
    }

    /// A new task. It may be a whole task; what is no field of it is passed over, and what looks like a misspelt one is named in a `Warning` header.
    NewTask as "workspace.NewTask" {
        /// What is to be done; not blank.
        title: required String[1..=validation::MAX_TITLE],
        /// More words about it.
        description: optional String[0..=validation::MAX_DESCRIPTION],
        /// How far it is, in a word of the team's own; `todo` without one.
        status: optional String[TextBounds::Word],
        /// How it ranks, in a word of the team's own; `medium` without one.
        priority: optional String[TextBounds::Word],
        /// A member to whom it is given, by id or username.
        assignee: optional IdInput,
    }
    ignores ["id", "project_id", "assignee_id", "creator", "creator_id", "created_at", "updated_at"], and others

    /// Changes of a task. What is absent stays as it is.
    TaskChanges as "workspace.TaskChanges" {
        /// What is to be done; not blank.
        title: change String[1..=validation::MAX_TITLE],
        /// More words about it; null takes them away.
        description: nullable String[0..=validation::MAX_DESCRIPTION],
        /// How far it is, in a word of the team's own.
        status: change String[TextBounds::Word],
        /// How it ranks, in a word of the team's own.
        priority: change String[TextBounds::Word],
        /// A member to whom it is given, by id or username; null for nobody.
        assignee: nullable IdInput,
    }
    ignores ["id", "project_id", "assignee_id", "creator", "creator_id", "created_at", "updated_at"]

    /// How far a task is.
    NewStatus as "workspace.NewStatus" {
        /// A word of the team's own.
        status: required String[TextBounds::Word],
    }

    /// To whom a task is given.
    Assignment as "workspace.Assignment" {
        /// A member, by id or username; null for nobody.
        assignee: present IdInput,
    }

    /// A new message.
    NewMessage as "workspace.NewMessage" {
        /// What is said; not blank. `@name` mentions a member.
        content: required String[1..=validation::MAX_CONTENT],
        /// Whatever the front end wants to keep with it.
        metadata: optional Map<String, Value>,
        /// The sender's own id for it: sent again, it is answered with the message that is there.
        client_id: optional IdInput[0..=validation::MAX_CLIENT_ID],
    }

    /// What a message says from now on.
    MessageChanges as "workspace.MessageChanges" {
        /// What is said; not blank.
        content: required String[1..=validation::MAX_CONTENT],
    }
    ignores ["id", "channel_id", "username", "user_id", "metadata", "client_id", "created_at", "edited_at"]
}

fn of_project<O>(task: EntityId, operation: O) -> InRoomKind<O> {
    InRoomKind(RoomKind::Project, task, operation)
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
