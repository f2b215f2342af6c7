//! The REST paths of the household contract. Responses are the bare object or array.

use std::sync::Arc;

use client_json::json;
use domain::command::{Command, CommandContext};
use domain::ids::{EntityId, RoomKind, UserId};
use domain::removals::DeleteUser;
use domain::spaces::{CreateSpace, GetSpace, JoinByInvite, ListMembers, ListSpaces, RefreshInvite, RemoveMember, RenameSpace, Space};
use domain::tasks::{AssignTask, CreateTask, DeleteTask, EditTask, GetTask, ListTasks, Task, ToggleTask, UnassignTask};
use domain::users::{GetUser, UpdateProfile, User};
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
use rest_toolkit::response::{RestError, RestResponse, RestResult};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::rate_limits::PROFILE_CHANGES;
use crate::household::{objects, payloads};

/// The contract's paths.
pub(super) fn api() -> RestApi {
    RestApi {
        name: "household",
        about: "Households and their tasks, and profiles.",
        routes: routes(),
        error_format: None,
        health_checks: &[],
    }
}

fn routes() -> OpenApiRouter<Arc<RestState>> {
    OpenApiRouter::new()
        .routes(routes!(list_households, create_household))
        .routes(routes!(read_household, rename_household))
        .routes(routes!(join_household))
        .routes(routes!(refresh_invite))
        .routes(routes!(list_members))
        .routes(routes!(remove_member))
        .routes(routes!(list_tasks, create_task))
        .routes(routes!(read_task, edit_task, delete_task))
        .routes(routes!(toggle_task))
        .routes(routes!(assign_task))
        .routes(routes!(unassign_task))
        .routes(routes!(read_user, update_user, delete_user))
}

/// Lists the households of the caller, the newest first.
#[utoipa::path(get, path = "/households", params(SpacePageQuery), responses((status = 200, body = Vec<objects::Household>)))]
async fn list_households(call: AuthedRequest) -> RestResult {
    let page = call.page_of(RoomKind::Household)?;
    call.query(ListSpaces { kind: RoomKind::Household, page }, |spaces| list(spaces, objects::Household::of)).await
}

/// Creates a household. The caller becomes its admin.
#[utoipa::path(post, path = "/households", request_body = NewHousehold, responses((status = 201, body = objects::Household)))]
async fn create_household(call: AuthedRequest) -> RestResult {
    let NewHousehold { name } = call.body()?;
    let command = CreateSpace { kind: RoomKind::Household, name, members: Vec::new() };
    call.command(StatusCode::CREATED, command, household).await
}

/// Reads a household.
#[utoipa::path(get, path = "/households/{id}", responses((status = 200, body = objects::Household)))]
async fn read_household(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Household)?;
    call.query(GetSpace { room }, household).await
}

/// Changes a household. Its members receive `household:updated`.
#[utoipa::path(put, path = "/households/{id}", request_body = HouseholdChanges, responses((status = 200, body = objects::Household)))]
async fn rename_household(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Household)?;
    let HouseholdChanges { name } = call.body()?;
    call.command(StatusCode::OK, RenameSpace { room, name }, household).await
}

/// Joins a household with its invite code. Its members receive `household:member_joined`.
#[utoipa::path(post, path = "/households/{id}/join", request_body = Invitation, responses((status = 200, body = objects::Household)))]
async fn join_household(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Household)?;
    let Invitation { code } = call.body()?;
    call.command(StatusCode::OK, JoinByInvite { room, code }, household).await
}

/// Replaces the invite code of a household. Its members receive `household:invite_code_refreshed`.
#[utoipa::path(post, path = "/households/{id}/invite/refresh", responses((status = 200, body = payloads::InviteCodeRefreshed)))]
async fn refresh_invite(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Household)?;
    call.command(StatusCode::OK, RefreshInvite { room }, |space| json(&payloads::InviteCodeRefreshed::of(space))).await
}

/// Lists the members of a household, in the order of joining.
#[utoipa::path(get, path = "/households/{id}/members", params(MemberPageQuery), responses((status = 200, body = Vec<objects::Member>)))]
async fn list_members(call: AuthedRequest) -> RestResult {
    let (room, page) = (call.room(RoomKind::Household)?, call.member_page()?);
    call.query(ListMembers { room, page }, |members| member_list(members, objects::Member::of)).await
}

/// Removes a member from a household; a member may remove itself. The members receive `household:member_left`.
#[utoipa::path(delete, path = "/households/{id}/members/{userId}", responses((status = 200, body = payloads::MemberLeft), (status = 403)))]
async fn remove_member(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Household)?;
    let user = call.user("userId", "Member")?;
    let work = |context: &mut CommandContext<'_>| Ok((RemoveMember { room, user: user.clone() }.execute(context)?, user));
    call.change(StatusCode::OK, work, |(space, user): &(Space, UserId)| json(&payloads::MemberLeft::of(space, user))).await
}

/// Lists the tasks of a household, the newest first.
#[utoipa::path(get, path = "/households/{id}/tasks", params(PageQuery), responses((status = 200, body = Vec<objects::Task>)))]
async fn list_tasks(call: AuthedRequest) -> RestResult {
    let (room, page) = (call.room(RoomKind::Household)?, call.page()?);
    call.query(ListTasks { room, page }, |tasks| list(tasks, objects::Task::of)).await
}

/// Creates a task. The members of the household receive `task:created`, and a `task:assigned` for each assignee.
#[utoipa::path(post, path = "/households/{id}/tasks", request_body = NewTask, responses((status = 201, body = objects::Task)))]
async fn create_task(call: AuthedRequest) -> Result<(HeaderMap, RestResponse), RestError> {
    let room = call.room(RoomKind::Household)?;
    let (NewTask { title, description, category, due_date, assigned_to }, warnings) = call.whole_object()?;
    let assigned_to = assigned_to.unwrap_or_default().0;
    let command = CreateTask { description, category, due_date, assigned_to, ..CreateTask::new(room, title) };
    Ok((warnings, call.command(StatusCode::CREATED, command, task).await?))
}

/// Reads a task.
#[utoipa::path(get, path = "/tasks/{id}", responses((status = 200, body = objects::Task)))]
async fn read_task(call: AuthedRequest) -> RestResult {
    let task_id = call.task()?;
    call.query(of_household(task_id, GetTask { task: task_id }), task).await
}

/// Changes a task. The members of the household receive `task:updated`, and further events if the completion or the assignees changed.
#[utoipa::path(put, path = "/tasks/{id}", request_body = TaskChanges, responses((status = 200, body = objects::Task)))]
async fn edit_task(call: AuthedRequest) -> RestResult {
    let task_id = call.task()?;
    let TaskChanges { title, description, category, due_date, assigned_to, completed } = call.body()?;
    let assigned_to = assigned_to.map(|users| users.0);
    let command = EditTask { title, description, category, due_date, assigned_to, completed, ..EditTask::of(task_id) };
    call.command(StatusCode::OK, of_household(task_id, command), task).await
}

/// Deletes a task. The members of the household receive `task:deleted`.
#[utoipa::path(delete, path = "/tasks/{id}", responses((status = 200, body = payloads::TaskDeleted)))]
async fn delete_task(call: AuthedRequest) -> RestResult {
    let task = call.task()?;
    call.command(StatusCode::OK, of_household(task, DeleteTask { task }), |task| json(&payloads::TaskDeleted::of(task))).await
}

/// Completes a task, or reopens it. The members of the household receive `task:completed`.
#[utoipa::path(patch, path = "/tasks/{id}/toggle", responses((status = 200, body = objects::Task)))]
async fn toggle_task(call: AuthedRequest) -> RestResult {
    let task_id = call.task()?;
    call.command(StatusCode::OK, of_household(task_id, ToggleTask { task: task_id }), task).await
}

/// Assigns a task to a member. The members of the household receive `task:assigned`.
#[utoipa::path(post, path = "/tasks/{id}/assign", request_body = Assignment, responses((status = 200, body = objects::Task)))]
async fn assign_task(call: AuthedRequest) -> RestResult {
    let task_id = call.task()?;
    let Assignment { user } = call.body()?;
    call.command(StatusCode::OK, of_household(task_id, AssignTask { task: task_id, user: user.0 }), task).await
}

/// Unassigns a member from a task. The members of the household receive `task:unassigned`.
#[utoipa::path(delete, path = "/tasks/{id}/assign/{userId}", responses((status = 200, body = objects::Task)))]
async fn unassign_task(call: AuthedRequest) -> RestResult {
    let task_id = call.task()?;
    let user = call.user("userId", "User")?;
    call.command(StatusCode::OK, of_household(task_id, UnassignTask { task: task_id, user }), task).await
}

/// Reads the profile of the caller, or of a user who shares a space with the caller.
#[utoipa::path(get, path = "/users/{id}", responses((status = 200, body = objects::User)))]
async fn read_user(call: AuthedRequest) -> RestResult {
    let user_id = call.user("id", "User")?;
    call.query(GetUser { user: user_id }, user).await
}

/// Changes the profile of the caller. The households of the caller receive `user:updated`.
#[utoipa::path(put, path = "/users/{id}", request_body = UserChanges, responses((status = 200, body = objects::User), (status = 403)))]
async fn update_user(call: AuthedRequest) -> RestResult {
    let user_id = call.user("id", "User")?;
    let UserChanges { name, avatar_url } = call.body()?;
    call.check_rate_limit(PROFILE_CHANGES)?;
    call.command(StatusCode::OK, UpdateProfile { user: user_id, name, avatar_url }, user).await
}

/// Deletes the calling user. The user's households receive `household:member_left`, and the user's connections are closed.
#[utoipa::path(delete, path = "/users/{id}", responses((status = 200, body = DeletedUser), (status = 403)))]
async fn delete_user(call: AuthedRequest) -> RestResult {
    let user = call.user("id", "User")?;
    let state = Arc::clone(&call.state);
    let command = DeleteUser { user: user.clone() };
    let answered = call.command(StatusCode::OK, command, |user| json(&DeletedUser { user_id: user.id.as_str() })).await;
    if answered.is_ok() {
        // The task continues if the client disconnects.
        let (finishing, removed) = (Arc::clone(&state), user.clone());
        let _ = tokio::spawn(async move { finishing.finish_removal(removed).await }).await;
        // Sent over the bus, so that it arrives after the events of the deletion.
        state.disconnect(user.clone(), "The user was deleted");
    }
    // The next request with that token is refused.
    state.forget_user(&user);
    answered
}

body! {
    /// A new household.
    NewHousehold as "household.NewHousehold" {
        /// The name; not blank.
        name: required String[1..=validation::MAX_NAME],
    }

    /// Changes of a household. Absent fields stay unchanged.
    HouseholdChanges as "household.HouseholdChanges" {
        /// The name; not blank.
        name: change String[1..=validation::MAX_NAME],
    }
    ignores ["id", "inviteCode", "createdBy", "createdAt", "updatedAt", "memberCount", "members"]

    /// An invite code.
    Invitation as "household.Invitation" {
        /// The invite code of the household; not case-sensitive.
        code = "inviteCode": required String,
    }

    /// A new task. A whole task object is accepted. Unknown fields are ignored; a `Warning` header lists those that look like misspelled fields.
    NewTask as "household.NewTask" {
        /// The title; not blank.
        title: required String[1..=validation::MAX_TITLE],
        /// The description.
        description: optional String[0..=validation::MAX_DESCRIPTION],
        /// The category.
        category: optional String[0..=validation::MAX_CATEGORY],
        /// An RFC 3339 date, or date and time.
        due_date = "dueDate": optional String[TextBounds::Date],
        /// The assignees, who must be members: ids, or objects that contain an id.
        assigned_to = "assignedTo": optional UserIdInputs[0..=validation::MAX_USERS],
    }
    ignores ["id", "householdId", "completed", "completedAt", "createdBy", "createdAt", "updatedAt"], and others

    /// Changes of a task. Absent fields stay unchanged.
    TaskChanges as "household.TaskChanges" {
        /// The title; not blank.
        title: change String[1..=validation::MAX_TITLE],
        /// The description; null removes it.
        description: nullable String[0..=validation::MAX_DESCRIPTION],
        /// The category; null removes it.
        category: nullable String[0..=validation::MAX_CATEGORY],
        /// An RFC 3339 date, or date and time; null removes it.
        due_date = "dueDate": nullable String[TextBounds::Date],
        /// All assignees, who must be members: ids, or objects that contain an id.
        assigned_to = "assignedTo": change UserIdInputs[0..=validation::MAX_USERS],
        /// Whether the task is completed.
        completed: change bool,
    }
    ignores ["id", "householdId", "completedAt", "createdBy", "createdAt", "updatedAt"]

    /// The assignee of a task.
    Assignment as "household.Assignment" {
        /// A member.
        user = "userId": required UserIdInput,
    }

    /// Changes of a profile. Absent fields stay unchanged.
    UserChanges as "household.UserChanges" {
        /// The name that other users see; not blank.
        name: change String[1..=validation::MAX_NAME],
        /// A link to a picture; null removes it.
        avatar_url = "avatarUrl": nullable String[TextBounds::Link],
    }
    ignores ["id", "email", "createdAt", "updatedAt"]
}

/// The id of a deleted user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::DeletedUser)]
struct DeletedUser<'a> {
    user_id: &'a str,
}

fn of_household<O>(task: EntityId, operation: O) -> InRoomKind<O> {
    InRoomKind(RoomKind::Household, task, operation)
}

fn household(space: &Space) -> String {
    json(&objects::Household::of(space))
}

fn task(task: &Task) -> String {
    json(&objects::Task::of(task))
}

fn user(user: &User) -> String {
    json(&objects::User::with_email(user))
}
