//! The users who are online, one page at a time, and one user.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::chat::CountUnread;
use domain::command::Actor;
use domain::error::DomainError;
use domain::ids::{RoomKind, UserId};
use domain::notifications::{ListNotifications, NewNotification};
use domain::ports::Page as StorePage;
use domain::users::{GetUser, User};
use http::StatusCode;
use logging::audit;
use maud::{Markup, html};
use realtime::LiveSocket;
use realtime::presence::OnlineUser;
use serde::Deserialize;

use crate::connections::{MAX_SEARCH, reason, shortened, table};
use crate::layout::{self, Page, csrf, muted};
use crate::operator::Operator;
use crate::queries::ask;
use crate::request::OperatorForm;
use crate::{Console, format};

/// The number of users of a page.
const PAGE_SIZE: usize = 50;

/// The newest notifications of a user that are read to count the unread ones.
const COUNTED_NOTIFICATIONS: u32 = 100;

/// The reason for the clients if the operator gives none.
const REASON: &str = "Disconnected by an operator";

const SECTION: &str = "/console/users";

/// The query of the list.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct UserSearch {
    part: String,
    after: String,
}

/// The list.
pub(crate) async fn list(State(console): State<Arc<Console>>, operator: Operator, Query(search): Query<UserSearch>) -> Response {
    let part = shortened(search.part.trim(), MAX_SEARCH);
    let mut users = console.deps.online_users.page(part, &search.after, PAGE_SIZE + 1);
    let has_more = users.len() > PAGE_SIZE;
    users.truncate(PAGE_SIZE);
    let last = users.last().map(|listed| listed.user.as_str()).filter(|_| has_more);
    let content = html! {
        form.search method="get" action=(SECTION) {
            label for="part" { "User id contains" }
            input #part type="search" name="part" value=(part) maxlength=(MAX_SEARCH) spellcheck="false" autocapitalize="none";
            button type="submit" { "Search" }
        }
        @if console.node.is_some() { p.hint { "The list has the users who are connected to this node." } }
        @if users.is_empty() { p.empty { "No user who is online matches." } } @else { (user_table(&users)) }
        @if UserId::parse(part).is_some() { p { "The user with exactly this id, online or not: " a href=(path(part)) { (part) } } }
        nav.pages aria-label="Parts of the list" {
            @if !search.after.is_empty() { a href=(link(part, "")) { "First page" } }
            @if let Some(last) = last { a rel="next" href=(link(part, last)) { "Next page" } }
        }
    };
    Page { title: "Users", section: SECTION, content }.render(&console, &operator)
}

fn user_table(users: &[OnlineUser]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="users-caption" {
            table {
                caption #users-caption { "Users who are online, by id." }
                thead { tr {
                    th scope="col" { "User" } th.number scope="col" { "Socket.IO connections" } th.number scope="col" { "Raw WebSockets" }
                } }
                tbody {
                    @for OnlineUser { user, connections } in users {
                        tr {
                            th scope="row" { a href=(path(user.as_str())) { (user.as_str()) } }
                            td.number { (connections.socketio) }
                            td.number { (connections.raw) }
                        }
                    }
                }
            }
        }
    }
}

/// The query of a user's page.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Done {
    /// What the operator has done last.
    done: String,
}

/// A user.
pub(crate) async fn page(
    State(console): State<Arc<Console>>,
    operator: Operator,
    Path(id): Path<String>,
    Query(Done { done }): Query<Done>,
) -> Response {
    let Some(user) = UserId::parse(&id) else { return not_a_user(&console, &operator) };
    let Some(sockets) = console.deps.shard_query.live_sockets_of(&user).await else { return layout::not_responding(&console, &operator) };
    let stored = match stored_user(&console, &user).await {
        Ok(stored) => stored,
        Err(error) => return layout::database_problem(&console, &operator, &error),
    };
    if stored.profile.is_none() && stored.notifications == 0 && sockets.is_empty() {
        let text = "The database has nothing about a user with this id, and no such user is connected.";
        return layout::problem(&console, &operator, StatusCode::NOT_FOUND, "This user is not known", text);
    }
    let content = html! {
        @if let Some(text) = done_text(&done) { p.done role="status" { (text) } }
        (facts(&console, &user, &stored, &sockets))
        h2 { "Connections" }
        @if sockets.is_empty() { p.empty { "The user has no open connection to this server." } } @else {
            (table("Open connections of this user, the oldest first.", &sockets, false))
        }
        (actions(&operator, &user))
    };
    Page { title: &format!("User {}", user.as_str()), section: SECTION, content }.render(&console, &operator)
}

fn facts(console: &Console, user: &UserId, stored: &StoredUser, sockets: &[LiveSocket]) -> Markup {
    let is_online = console.deps.online_users.is_online(user);
    let since = sockets.first().map(|oldest| format!(", oldest connection open for {}", format::duration(oldest.age))).unwrap_or_default();
    let text = |text: Option<&str>| html! { @match text.filter(|text| !text.is_empty()) { Some(text) => (text), None => (muted("none")) } };
    let profile = stored.profile.as_ref();
    html! {
        dl.facts {
            div { dt { "Id" } dd { code { (user.as_str()) } } }
            div { dt { "Online" } dd { @if is_online { "yes" (since) } @else { "no" } } }
            div { dt { "Name" } dd { (text(profile.map(|profile| profile.name.as_str()))) } }
            div { dt { "Username" } dd { (text(profile.map(|profile| profile.username.as_str()))) } }
            div { dt { "First seen" } dd { (text(profile.map(|profile| format::time(profile.created_at.0)).as_deref())) } }
            div { dt { "Unread messages in conversations" } dd { (format::count(stored.unread_messages)) } }
            div { dt { "Unread among the newest notifications" } dd { (stored.unread_notifications) " of " (stored.notifications) } }
        }
    }
}

fn actions(operator: &Operator, user: &UserId) -> Markup {
    html! {
        h2 { "Send a test notification" }
        form.action method="post" action=(format!("{}/notify", path(user.as_str()))) {
            (csrf(operator))
            label for="title" { "Title" }
            input #title name="title" required maxlength="200" value="Test from the console";
            label for="message" { "Text" }
            input #message name="message" maxlength="2000" value="An operator sent this notification.";
            button type="submit" { "Send" }
        }
        h2 { "Disconnect" }
        form.action method="post" action=(format!("{}/disconnect", path(user.as_str()))) {
            (csrf(operator))
            p.hint { "The user can connect again. To end access, let the token expire, or delete the user." }
            label for="reason" { "Reason, which the clients receive" }
            input #reason name="reason" maxlength="123" placeholder=(REASON);
            button.danger type="submit" { "Disconnect all connections" }
        }
    }
}

/// What the database has about a user.
struct StoredUser {
    profile: Option<User>,
    unread_messages: u64,
    unread_notifications: usize,
    /// The number of notifications that were looked at.
    notifications: usize,
}

async fn stored_user(console: &Console, user: &UserId) -> Result<StoredUser, DomainError> {
    let actor = Actor { user: user.clone(), admin: false };
    let profile = match ask(console, actor.clone(), GetUser { user: user.clone() }).await {
        Ok(profile) => Some(profile),
        Err(DomainError::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    let unread_messages = ask(console, actor.clone(), CountUnread { kind: RoomKind::Conversation }).await?;
    let notifications = ask(console, actor, ListNotifications { page: StorePage::new(Some(COUNTED_NOTIFICATIONS), None) }).await?;
    let unread_notifications = notifications.iter().filter(|notification| !notification.read).count();
    Ok(StoredUser { profile, unread_messages, unread_notifications, notifications: notifications.len() })
}

/// Ends all connections of a user.
pub(crate) async fn disconnect(State(console): State<Arc<Console>>, Path(id): Path<String>, form: OperatorForm) -> Response {
    let Some(user) = UserId::parse(&id) else { return not_a_user(&console, &form.operator) };
    audit::operated(&form.operator.name, "disconnect user", &id);
    console.deps.backend.disconnect(vec![user], Vec::new(), reason(form.form.field("reason"), REASON));
    Redirect::to(&format!("{}?done=disconnected", path(&id))).into_response()
}

/// Sends a notification to a user.
pub(crate) async fn notify(State(console): State<Arc<Console>>, Path(id): Path<String>, form: OperatorForm) -> Response {
    let Some(user) = UserId::parse(&id) else { return not_a_user(&console, &form.operator) };
    let [title, message] = ["title", "message"].map(|name| form.form.field(name).to_owned());
    let notification = NewNotification { user, kind: "console".to_owned(), title, message, link: None, data: None };
    audit::operated(&form.operator.name, "notify user", &id);
    match console.deps.backend.emit_notification_to_user(notification).await {
        Ok(_) => Redirect::to(&format!("{}?done=notified", path(&id))).into_response(),
        Err(error) => {
            let text = error.to_string();
            layout::problem(&console, &form.operator, StatusCode::BAD_REQUEST, "The notification was not sent", &text)
        }
    }
}

fn done_text(done: &str) -> Option<&'static str> {
    match done {
        "disconnected" => Some("All connections of the user were closed."),
        "notified" => Some("The notification was sent."),
        _ => None,
    }
}

fn not_a_user(console: &Console, operator: &Operator) -> Response {
    let text = "The id of a user has 1 to 200 bytes without control characters.";
    layout::problem(console, operator, StatusCode::NOT_FOUND, "This is not the id of a user", text)
}

/// The path of a user's page.
pub(crate) fn path(id: &str) -> String {
    format!("{SECTION}/{}", format::path_part(id))
}

/// The list of users whose ids contain `part`, after an id.
fn link(part: &str, after: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("part", part), ("after", after)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    format!("{SECTION}?{}", query.finish())
}
