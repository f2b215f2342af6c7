//! Every operation, and the callers who may use it.

use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use super::callers::Caller;
use super::fixtures::{Fixture, FixtureKind};
use super::trip;
use crate::support::has_contract;

/// The status for each caller, in the order of [`Caller::ALL`].
pub type Statuses = [u16; Caller::ALL.len()];

/// One request, which each caller sends.
pub struct Row {
    /// The method and the path template.
    pub operation: &'static str,
    /// The kind of object of `{id}`.
    pub kind: FixtureKind,
    /// The user of `{userId}`.
    user: &'static str,
    /// The query of the URL; `{id}` is that of the object.
    query: &'static str,
    /// The body; `{id}` and `{code}` are those of the object.
    pub body: Value,
    pub statuses: Statuses,
    /// Whether it makes an outsider a member, who then sees the object.
    pub grants_access: bool,
}

impl Row {
    pub fn user(self, user: &'static str) -> Self {
        Self { user, ..self }
    }

    pub fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    pub fn body(self, body: Value) -> Self {
        Self { body, ..self }
    }

    pub fn grants_access(self) -> Self {
        Self { grants_access: true, ..self }
    }

    /// The method and the path for an object.
    pub fn request(&self, fixture: &Fixture) -> (&'static str, String) {
        let (method, path) = self.operation.split_once(' ').unwrap();
        (
            method,
            format!(
                "{}{}",
                path.replace("{id}", &fixture.id).replace("{userId}", self.user).replace("{user}", self.user),
                self.query.replace("{id}", &fixture.id)
            ),
        )
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.operation, self.user, self.body)
    }
}

pub fn row(operation: &'static str, kind: FixtureKind, statuses: Statuses) -> Row {
    Row { operation, kind, user: "", query: "", body: Value::Null, statuses, grants_access: false }
}

/// For users. A request without a valid token is unauthenticated, also with the API key.
pub const fn users(stranger: u16, removed: u16, member: u16, admin: u16, service: u16, root: u16) -> Statuses {
    [401, 401, 401, 401, stranger, removed, member, admin, service, root, 401]
}

pub const MEMBERS: Statuses = users(404, 404, 200, 200, 404, 404);
pub const MEMBERS_CREATE: Statuses = users(404, 404, 201, 201, 404, 404);
/// The server's admin is an admin of every space.
pub const ADMINS: Statuses = users(404, 404, 403, 200, 404, 200);
/// A member may leave; admins remove others.
pub const MEMBER_ONESELF: Statuses = users(404, 404, 200, 200, 404, 200);
/// For one member: a message, which only its sender changes.
pub const SENDER: Statuses = users(404, 404, 200, 403, 404, 404);
pub const ANYBODY: Statuses = users(200, 200, 200, 200, 200, 200);
pub const ANYBODY_CREATES: Statuses = users(201, 201, 201, 201, 201, 201);
/// For backends and the server's admins.
pub const BACK_ENDS: Statuses = [401, 401, 401, 401, 403, 403, 403, 403, 200, 200, 200];
pub const BACK_ENDS_CREATE: Statuses = [401, 401, 401, 401, 403, 403, 403, 403, 201, 201, 201];

/// The rows of all contracts, and those of no contract.
pub fn rows() -> Vec<Row> {
    let of_contracts =
        [("household", household()), ("trip", trip::rows()), ("studio", studio()), ("messenger", messenger()), ("workspace", workspace())];
    let of_contracts = of_contracts.into_iter().filter(|(contract, _)| has_contract(contract)).flat_map(|(_, rows)| rows);
    of_contracts.chain(blocks()).chain(backend()).chain(operations()).collect()
}

fn blocks() -> Vec<Row> {
    vec![
        row("GET /api/v1/blocks", FixtureKind::Nothing, ANYBODY),
        row("PUT /api/v1/blocks/{user}", FixtureKind::Nothing, ANYBODY).user("zoe"),
        row("DELETE /api/v1/blocks/{user}", FixtureKind::Nothing, ANYBODY).user("zoe"),
    ]
}

fn household() -> Vec<Row> {
    use FixtureKind::{Chore, Household, Nothing, Person};
    vec![
        row("GET /households", Nothing, ANYBODY),
        row("GET /households", Household, ANYBODY),
        row("POST /households", Nothing, ANYBODY_CREATES).body(json!({ "name": "Mine" })),
        row("GET /households/{id}", Household, MEMBERS),
        row("PUT /households/{id}", Household, MEMBERS).body(json!({ "name": "Ours" })),
        row("POST /households/{id}/join", Household, ANYBODY).body(json!({ "inviteCode": "{code}" })).grants_access(),
        row("POST /households/{id}/join", Household, users(400, 400, 200, 200, 400, 400)).body(json!({ "inviteCode": "WRONG" })),
        row("POST /households/{id}/invite/refresh", Household, MEMBERS),
        row("GET /households/{id}/members", Household, MEMBERS),
        row("DELETE /households/{id}/members/{userId}", Household, MEMBER_ONESELF).user("bob"),
        row("DELETE /households/{id}/members/{userId}", Household, ADMINS).user("alice"),
        row("DELETE /households/{id}/members/{userId}", Household, users(404, 404, 403, 404, 404, 404)).user("dave"),
        row("GET /households/{id}/tasks", Household, MEMBERS),
        row("POST /households/{id}/tasks", Household, MEMBERS_CREATE).body(json!({ "title": "x" })),
        row("GET /tasks/{id}", Chore, MEMBERS),
        row("PUT /tasks/{id}", Chore, MEMBERS).body(json!({ "title": "y" })),
        row("DELETE /tasks/{id}", Chore, MEMBERS),
        row("PATCH /tasks/{id}/toggle", Chore, MEMBERS),
        row("POST /tasks/{id}/assign", Chore, MEMBERS).body(json!({ "userId": "bob" })),
        row("POST /tasks/{id}/assign", Chore, users(404, 404, 400, 400, 404, 404)).body(json!({ "userId": "dave" })),
        row("DELETE /tasks/{id}/assign/{userId}", Chore, MEMBERS).user("alice"),
        row("GET /users/{id}", Person, users(404, 404, 200, 200, 404, 200)),
        row("PUT /users/{id}", Person, ADMINS).body(json!({ "name": "A" })),
        row("DELETE /users/{id}", Person, ADMINS),
    ]
}

fn operations() -> Vec<Row> {
    ["GET /health/live", "GET /health/ready"].map(|path| row(path, FixtureKind::Nothing, [200; 11])).into()
}

fn studio() -> Vec<Row> {
    use FixtureKind::{Nothing, Room, RoomMessage};
    vec![
        row("GET /shared/chat/rooms", Nothing, ANYBODY),
        row("GET /shared/chat/rooms", Room, ANYBODY),
        row("POST /shared/chat/rooms", Nothing, ANYBODY_CREATES).body(json!({ "name": "Mine" })),
        row("GET /shared/chat/rooms/{id}", Room, MEMBERS),
        row("GET /shared/chat/rooms/{id}/members", Room, MEMBERS),
        row("POST /shared/chat/rooms/{id}/members", Room, MEMBERS_CREATE).body(json!({ "userId": "erin" })),
        row("POST /shared/chat/rooms/{id}/members", Room, MEMBERS_CREATE).body(json!({ "userId": "dave" })),
        row("DELETE /shared/chat/rooms/{id}/members/{userId}", Room, MEMBER_ONESELF).user("bob"),
        row("DELETE /shared/chat/rooms/{id}/members/{userId}", Room, ADMINS).user("alice"),
        row("GET /shared/chat/rooms/{id}/messages", Room, MEMBERS),
        row("POST /shared/chat/rooms/{id}/messages", Room, MEMBERS_CREATE).body(json!({ "content": "x" })),
        row("GET /shared/chat/rooms/{id}/calls", Room, MEMBERS),
        row("PUT /shared/chat/messages/{id}", RoomMessage, SENDER).body(json!({ "content": "x" })),
        row("DELETE /shared/chat/messages/{id}", RoomMessage, SENDER),
    ]
}

fn messenger() -> Vec<Row> {
    use FixtureKind::{Nothing, Notification, Talk, TalkMessage};
    let notification = || json!({ "userId": "bob", "type": "info", "title": "x", "message": "" });
    vec![
        row("GET /api/conversations", Nothing, ANYBODY),
        row("GET /api/conversations", Talk, ANYBODY),
        row("POST /api/conversations", Nothing, ANYBODY_CREATES).body(json!({ "participantIds": [] })),
        row("GET /api/conversations/{id}", Talk, MEMBERS),
        row("GET /api/conversations/{id}/participants", Talk, MEMBERS),
        row("POST /api/conversations/{id}/participants", Talk, MEMBERS_CREATE).body(json!({ "userId": "erin" })),
        row("DELETE /api/conversations/{id}/participants/{userId}", Talk, MEMBER_ONESELF).user("bob"),
        row("DELETE /api/conversations/{id}/participants/{userId}", Talk, ADMINS).user("alice"),
        row("GET /api/conversations/{id}/messages", Talk, MEMBERS),
        row("POST /api/conversations/{id}/messages", Talk, MEMBERS_CREATE).body(json!({ "content": "x" })),
        row("POST /api/conversations/{id}/read", Talk, MEMBERS).body(json!({ "upTo": "1" })),
        row("POST /api/conversations/{id}/read", Talk, MEMBERS).body(json!({ "messageIds": ["1"] })),
        row("DELETE /api/messages/{id}", TalkMessage, SENDER),
        row("GET /api/messages/unread-count", TalkMessage, ANYBODY),
        row("GET /api/notifications", Notification, ANYBODY),
        row("POST /api/notifications/{id}/read", Notification, users(404, 404, 200, 404, 404, 404)),
        row("POST /api/notifications/read-all", Notification, ANYBODY),
        row("POST /api/notifications", Nothing, BACK_ENDS_CREATE).body(notification()),
    ]
}

fn workspace() -> Vec<Row> {
    use FixtureKind::{Channel, ChannelMessage, Nothing, Project, ProjectTask};
    vec![
        row("GET /api/v1/projects", Nothing, ANYBODY),
        row("GET /api/v1/projects", Project, ANYBODY),
        row("POST /api/v1/projects", Nothing, ANYBODY_CREATES).body(json!({ "name": "Mine" })),
        row("GET /api/v1/projects/{id}", Project, MEMBERS),
        row("PUT /api/v1/projects/{id}", Project, MEMBERS).body(json!({ "name": "x" })),
        row("POST /api/v1/projects/{id}/archive", Project, ADMINS),
        row("POST /api/v1/projects/{id}/unarchive", Project, ADMINS),
        row("GET /api/v1/projects/{id}/members", Project, MEMBERS),
        row("POST /api/v1/projects/{id}/members", Project, MEMBERS_CREATE).body(json!({ "userId": "erin" })),
        row("DELETE /api/v1/projects/{id}/members/{userId}", Project, MEMBER_ONESELF).user("bob"),
        row("DELETE /api/v1/projects/{id}/members/{userId}", Project, ADMINS).user("alice"),
        row("GET /api/v1/projects/{id}/channels", Project, MEMBERS),
        row("POST /api/v1/projects/{id}/channels", Project, MEMBERS_CREATE).body(json!({ "name": "x" })),
        row("GET /api/v1/projects/{id}/tasks", Project, MEMBERS),
        row("POST /api/v1/projects/{id}/tasks", Project, MEMBERS_CREATE).body(json!({ "title": "x" })),
        row("POST /api/v1/projects/{id}/tasks", Project, MEMBERS_CREATE).body(json!({ "title": "x", "assignee": "bob" })),
        row("GET /api/v1/tasks/{id}", ProjectTask, MEMBERS),
        row("PUT /api/v1/tasks/{id}", ProjectTask, MEMBERS).body(json!({ "title": "x" })),
        row("DELETE /api/v1/tasks/{id}", ProjectTask, MEMBERS),
        row("PATCH /api/v1/tasks/{id}/status", ProjectTask, MEMBERS).body(json!({ "status": "done" })),
        row("POST /api/v1/tasks/{id}/assign", ProjectTask, MEMBERS).body(json!({ "assignee": "bob" })),
        row("POST /api/v1/tasks/{id}/assign", ProjectTask, users(404, 404, 400, 400, 404, 404)).body(json!({ "assignee": "dave" })),
        row("GET /api/v1/channels/{id}/messages", Channel, MEMBERS),
        row("POST /api/v1/channels/{id}/messages", Channel, MEMBERS_CREATE).body(json!({ "content": "x" })),
        row("PUT /api/v1/messages/{id}", ChannelMessage, SENDER).body(json!({ "content": "x" })),
        row("DELETE /api/v1/messages/{id}", ChannelMessage, SENDER),
    ]
}

fn backend() -> Vec<Row> {
    use FixtureKind::{Nothing, TalkMessage};
    vec![
        row("GET /api/v1/explain", TalkMessage, BACK_ENDS).query("?event={id}&user=bob"),
        row("POST /api/v1/emit", Nothing, BACK_ENDS).body(json!({ "to": { "everyone": true }, "event": "x" })),
        row("POST /api/v1/emit", Nothing, BACK_ENDS).body(json!({ "to": { "everyone": true }, "event": "x", "volatile": true })),
        row("GET /api/v1/presence", Nothing, BACK_ENDS).query("?users=bob"),
        row("GET /api/v1/presence/count", Nothing, BACK_ENDS),
        row("GET /api/v1/sync", Nothing, ANYBODY),
        row("GET /api/v1/nodes", Nothing, BACK_ENDS),
        row("POST /api/v1/disconnect", Nothing, BACK_ENDS).body(json!({ "users": ["bob"] })),
    ]
}
