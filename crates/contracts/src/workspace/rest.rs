//! The REST paths of the workspace contract. Responses are the bare object or array, with numbers for ids.

use std::sync::Arc;

use axum::middleware;
use client_json::ids::IdInput;
use client_json::json;
use domain::chat::{self, DeleteMessage, EditMessage, ListMessages, SendMessage};
use domain::ids::{EntityId, RoomKind};
use domain::spaces::{
    AddMember, ArchiveSpace, CreateChannel, CreateSpace, GetSpace, ListChannels, ListMembers, ListSpaces, RemoveMember, RenameSpace, Space,
};
use domain::tasks::{self, CreateTask, DeleteTask, EditTask, GetTask, ListTasks, ReassignTask, SetStatus};
use domain::validation;
use http::{HeaderMap, StatusCode};
use rest_toolkit::RestState;
use rest_toolkit::api::RestApi;
use rest_toolkit::body;
use rest_toolkit::body_schema::TextBounds;
use rest_toolkit::ids::{MemberPageQuery, PageQuery, SpacePageQuery, UserIdInput, UserIdInputs};
use rest_toolkit::kind_guard::InRoomKind;
use rest_toolkit::list::{list, member_list};
use rest_toolkit::request_context::AuthedRequest;
use rest_toolkit::response::{RestError, RestResponse, RestResult, with_field_names};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::workspace::field_name;
use crate::workspace::objects::{Channel, Message, Project, ProjectMember, Task};

/// The contract's paths.
pub(super) fn api() -> RestApi {
    RestApi {
        name: "workspace",
        about: "Projects with their channels and tasks.",
        routes: routes(),
        error_format: None,
        health_checks: &[],
    }
}

fn routes() -> OpenApiRouter<Arc<RestState>> {
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

/// Creates a project. The caller becomes a member and its admin.
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

/// Changes a project. Its members receive `project.updated`.
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

/// Archives a project, which makes it read-only. Its members receive `project.archived`.
#[utoipa::path(post, path = "/api/v1/projects/{id}/archive", responses((status = 200, body = Project), (status = 403)))]
async fn archive_project(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Project)?;
    call.command(StatusCode::OK, ArchiveSpace { room, archived: true }, project).await
}

/// Reopens an archived project. Its members receive `project.updated`.
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

/// Adds a user to a project. Its members receive `project.updated`.
#[utoipa::path(post, path = "/api/v1/projects/{id}/members", request_body = NewMember, responses((status = 201, body = Project), (status = 403)))]
async fn add_member(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Project)?;
    let NewMember { user } = call.body()?;
    call.command(StatusCode::CREATED, AddMember { room, user: user.0 }, project).await
}

/// Removes a member from a project; a member may remove itself. The members receive `project.updated`.
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

/// Creates a channel in a project.
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

/// Creates a task. The connections in the project receive `task.created`, and the assignee is notified.
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

/// Changes a task. The connections in the project receive `task.updated`, and further events if the status or the assignee changed.
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

/// Deletes a task. The connections in the project receive `task.deleted`.
#[utoipa::path(delete, path = "/api/v1/tasks/{id}", responses((status = 200, body = Task), (status = 409)))]
async fn delete_task(call: AuthedRequest) -> RestResult {
    let task_id = call.task()?;
    call.command(StatusCode::OK, of_project(task_id, DeleteTask { task: task_id }), task).await
}

/// Sets the status of a task. The connections in the project receive `task.status_changed`.
#[utoipa::path(patch, path = "/api/v1/tasks/{id}/status", request_body = NewStatus, responses((status = 200, body = Task)))]
async fn set_status(call: AuthedRequest) -> RestResult {
    let task_id = call.task()?;
    let NewStatus { status } = call.body()?;
    call.command(StatusCode::OK, of_project(task_id, SetStatus { task: task_id, status }), task).await
}

/// Assigns a task to a member, or unassigns it. The connections in the project receive `task.assigned`, and the assignee is notified.
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

/// Sends a message. The connections in the channel receive `message`, and mentioned users are notified.
#[utoipa::path(post, path = "/api/v1/channels/{id}/messages", request_body = NewMessage, responses((status = 201, body = Message)))]
async fn send_message(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Channel)?;
    let NewMessage { content, metadata, client_id } = call.body()?;
    let (metadata, client_id) = (metadata.map(Value::Object), client_id.map(|id| id.0));
    let command = SendMessage { room, content, sort: None, file_url: None, metadata, client_id };
    call.command(StatusCode::CREATED, command, |sent| message(&sent.message)).await
}

/// Edits a message of the caller. The connections in the channel receive `message.edited`.
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

/// Deletes a message of the caller. The connections in the channel receive `message.deleted`.
#[utoipa::path(delete, path = "/api/v1/messages/{id}", responses((status = 200, body = Message), (status = 403), (status = 409)))]
async fn delete_message(call: AuthedRequest) -> RestResult {
    let command = DeleteMessage { of: RoomKind::Channel, message: call.number("Message")? };
    call.command(StatusCode::OK, command, message).await
}

body! {
    /// A new project.
    NewProject as "workspace.NewProject" {
        /// The name; not blank.
        name: required String[1..=validation::MAX_NAME],
        /// The members besides the caller: ids, or objects that contain an id.
        members = "memberIds" or "member_ids": optional UserIdInputs[0..=validation::MAX_USERS],
    }

    /// Changes of a project. Absent fields stay unchanged.
    ProjectChanges as "workspace.ProjectChanges" {
        /// The name; not blank.
        name: change String[1..=validation::MAX_NAME],
    }
    ignores ["id", "created_by", "created_at", "updated_at", "archived_at", "member_count", "members"]

    /// A new member of a project.
    NewMember as "workspace.NewMember" {
        /// The user.
        user = "userId" or "user_id": required UserIdInput,
    }

    /// A new channel.
    NewChannel as "workspace.NewChannel" {
        /// The name; not blank.
        name: required String[1..=validation::MAX_NAME],
    }

    /// A new task. A whole task object is accepted. Unknown fields are ignored; a `Warning` header lists those that look like misspelled fields.
    NewTask as "workspace.NewTask" {
        /// The title; not blank.
        title: required String[1..=validation::MAX_TITLE],
        /// The description.
        description: optional String[0..=validation::MAX_DESCRIPTION],
        /// The status, an identifier that the team chooses; `todo` if absent.
        status: optional String[TextBounds::Word],
        /// The priority, an identifier that the team chooses; `medium` if absent.
        priority: optional String[TextBounds::Word],
        /// The assignee, who must be a member: an id or a username.
        assignee: optional IdInput,
    }
    ignores ["id", "project_id", "assignee_id", "creator", "creator_id", "created_at", "updated_at"], and others

    /// Changes of a task. Absent fields stay unchanged.
    TaskChanges as "workspace.TaskChanges" {
        /// The title; not blank.
        title: change String[1..=validation::MAX_TITLE],
        /// The description; null removes it.
        description: nullable String[0..=validation::MAX_DESCRIPTION],
        /// The status, an identifier that the team chooses.
        status: change String[TextBounds::Word],
        /// The priority, an identifier that the team chooses.
        priority: change String[TextBounds::Word],
        /// The assignee, who must be a member: an id or a username; null for none.
        assignee: nullable IdInput,
    }
    ignores ["id", "project_id", "assignee_id", "creator", "creator_id", "created_at", "updated_at"]

    /// The status of a task.
    NewStatus as "workspace.NewStatus" {
        /// An identifier that the team chooses.
        status: required String[TextBounds::Word],
    }

    /// The assignee of a task.
    Assignment as "workspace.Assignment" {
        /// A member: an id or a username; null for none.
        assignee: present IdInput,
    }

    /// A new message.
    NewMessage as "workspace.NewMessage" {
        /// The text; not blank. `@name` mentions a member.
        content: required String[1..=validation::MAX_CONTENT],
        /// Further data that the front end stores with the message.
        metadata: optional Map<String, Value>,
        /// The sender's own id of the message. A repeated request with the same id returns the existing message.
        client_id: optional IdInput[0..=validation::MAX_CLIENT_ID],
    }

    /// The new text of a message.
    MessageChanges as "workspace.MessageChanges" {
        /// The text; not blank.
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
