//! The open connections, one page at a time, and one of them.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use logging::audit;
use maud::{Markup, html};
use realtime::{LiveSocket, SocketCursor, SocketFilter};
use serde::Deserialize;

use crate::layout::{self, Page, csrf, muted};
use crate::operator::Operator;
use crate::request::OperatorForm;
use crate::{Console, format};

/// The number of connections of a page.
const PAGE_SIZE: usize = 50;

/// The longest text of a search, in bytes: that of a user's id.
pub(crate) const MAX_SEARCH: usize = 200;

/// The longest reason for the client, in bytes: that of a close frame.
const MAX_REASON: usize = 123;

/// The reason for the client if the operator gives none.
const REASON: &str = "Closed by an operator";

const SECTION: &str = "/console/connections";

/// The query of the list.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct ConnectionSearch {
    user: String,
    transport: String,
    /// The place where the list continues, as `shard-slot`.
    from: String,
    /// Says that a connection was closed.
    done: String,
}

/// The list.
pub(crate) async fn list(State(console): State<Arc<Console>>, operator: Operator, Query(search): Query<ConnectionSearch>) -> Response {
    let filter = SocketFilter { user: shortened(search.user.trim(), MAX_SEARCH).to_owned(), transport: search.transport };
    let found = console.deps.shard_query.socket_page(&filter, cursor(&search.from), PAGE_SIZE).await;
    let Some(found) = found else { return layout::not_responding(&console, &operator) };
    let content = html! {
        @if search.done == "closed" { p.done role="status" { "The connection was closed." } }
        (search_form(&filter))
        @if console.node.is_some() { p.hint { "The list has the connections of this node." } }
        @if found.sockets.is_empty() {
            p.empty { "No open connection matches." }
        } @else {
            (table("Open connections. A Socket.IO client has one entry for each namespace.", &found.sockets, true))
        }
        nav.pages aria-label="Parts of the list" {
            @if !search.from.is_empty() { a href=(link(&filter, None)) { "First page" } }
            @if let Some(next) = found.next { a rel="next" href=(link(&filter, Some(next))) { "Next page" } }
        }
    };
    Page { title: "Connections", section: SECTION, content }.render(&console, &operator)
}

fn search_form(filter: &SocketFilter) -> Markup {
    html! {
        form.search method="get" action=(SECTION) {
            label for="user" { "User id contains" }
            input #user type="search" name="user" value=(filter.user) maxlength=(MAX_SEARCH) spellcheck="false" autocapitalize="none";
            label for="transport" { "Transport" }
            select #transport name="transport" {
                @for (value, name) in [("", "all"), ("websocket", "WebSocket"), ("polling", "long-polling"), ("raw", "raw WebSocket")] {
                    option value=(value) selected[filter.transport == value] { (name) }
                }
            }
            button type="submit" { "Search" }
        }
    }
}

/// A table of connections. `names_users`: whether it has a column for the user.
pub(crate) fn table(caption: &str, sockets: &[LiveSocket], names_users: bool) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="sockets-caption" {
            table {
                caption #sockets-caption { (caption) }
                thead { tr {
                    th scope="col" { "Connection" }
                    @if names_users { th scope="col" { "User" } }
                    th scope="col" { "Namespace" } th scope="col" { "Transport" } th scope="col" { "Address" }
                    th.number scope="col" { "Rooms" } th.number scope="col" { "Waiting" } th.number scope="col" { "Open for" }
                } }
                tbody { @for socket in sockets { (row(socket, names_users)) } }
            }
        }
    }
}

fn row(socket: &LiveSocket, names_users: bool) -> Markup {
    let waiting = socket.connection.map_or(0, |connection| connection.outbox_bytes as u64);
    html! {
        tr {
            th scope="row" { a href=(path(&socket.id)) { code { (socket.id) } } }
            @if names_users { td { a href=(crate::users::path(socket.user.as_str())) { (socket.user.as_str()) } } }
            td { (namespace(socket)) }
            td { (transport(socket)) }
            td { @match socket.address { Some(address) => code { (address) }, None => (muted("ending")) } }
            td.number { (format::count(socket.rooms.len() as u64)) }
            td.number { (format::bytes(waiting)) }
            td.number { (format::duration(socket.age)) }
        }
    }
}

fn namespace(socket: &LiveSocket) -> Markup {
    match &socket.namespace {
        Some(name) => html! { code { (name) } },
        None => muted("none"),
    }
}

fn transport(socket: &LiveSocket) -> &'static str {
    match socket.transport {
        "websocket" => "WebSocket",
        "polling" => "long-polling",
        _ => "raw WebSocket",
    }
}

/// A connection.
pub(crate) async fn page(State(console): State<Arc<Console>>, operator: Operator, Path(id): Path<String>) -> Response {
    let Some(found) = console.deps.shard_query.socket(&id).await else { return layout::not_responding(&console, &operator) };
    let Some(socket) = found else {
        let text = "No open connection of this server has this id. It may have ended.";
        return layout::problem(&console, &operator, StatusCode::NOT_FOUND, "This connection is not open", text);
    };
    let content = html! {
        (facts(&socket))
        h2 { "Rooms" }
        (rooms(&socket))
        h2 { "Close" }
        form.action method="post" action=(format!("{}/close", path(&socket.id))) {
            (csrf(&operator))
            label for="reason" { "Reason, which the client receives" }
            input #reason name="reason" maxlength=(MAX_REASON) placeholder=(REASON);
            button.danger type="submit" { "Close this connection" }
        }
    };
    Page { title: "Connection", section: SECTION, content }.render(&console, &operator)
}

fn facts(socket: &LiveSocket) -> Markup {
    let connection = socket.connection;
    let protocol = match connection.map(|connection| connection.engineio) {
        Some(Some(version)) => format!("Socket.IO over Engine.IO {version}"),
        Some(None) => "raw WebSocket".to_owned(),
        None => String::new(),
    };
    let ping = if connection.is_some_and(|connection| connection.awaits_pong) {
        "a ping waits for its answer"
    } else {
        "the last ping was answered"
    };
    let compression = if connection.is_some_and(|connection| connection.compresses) { "permessage-deflate" } else { "none" };
    html! {
        dl.facts {
            div { dt { "Id" } dd { code { (socket.id) } } }
            div { dt { "User" } dd { a href=(crate::users::path(socket.user.as_str())) { (socket.user.as_str()) } } }
            div { dt { "Namespace" } dd { (namespace(socket)) } }
            div { dt { "Transport" } dd { (transport(socket)) } }
            div { dt { "Protocol" } dd { (protocol) } }
            div { dt { "Compression" } dd { (compression) } }
            div { dt { "Address" } dd { @if let Some(address) = socket.address { code { (address) } } } }
            div { dt { "Open for" } dd { (format::duration(socket.age)) } }
            div { dt { "Waiting for the client" } dd { (format::bytes(connection.map_or(0, |connection| connection.outbox_bytes as u64))) } }
            div { dt { "Heartbeat" } dd { (ping) } }
        }
    }
}

fn rooms(socket: &LiveSocket) -> Markup {
    html! {
        @if socket.rooms.is_empty() { p.empty { "This connection is in no room." } }
        ul.rooms { @for room in &socket.rooms { li { a href=(format::room_path(room)) { code { (room.as_str()) } } } } }
    }
}

/// Closes a connection.
pub(crate) async fn close(State(console): State<Arc<Console>>, Path(id): Path<String>, form: OperatorForm) -> Response {
    let reason = reason(form.form.field("reason"), REASON);
    audit::operated(&form.operator.name, "close connection", &id);
    console.deps.backend.disconnect(Vec::new(), vec![id], reason);
    Redirect::to("/console/connections?done=closed").into_response()
}

/// The reason for the client: the text of the operator, or a default. It fits into a close frame.
pub(crate) fn reason(text: &str, default: &str) -> String {
    shortened(if text.is_empty() { default } else { text }, MAX_REASON).to_owned()
}

/// The beginning of a text, with at most this many bytes.
pub(crate) fn shortened(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// The path of a connection's page.
fn path(id: &str) -> String {
    format!("{SECTION}/{}", format::path_part(id))
}

/// The list from a place on.
fn link(filter: &SocketFilter, from: Option<SocketCursor>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("user", &filter.user), ("transport", &filter.transport)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    if let Some(SocketCursor { shard, slot }) = from {
        query.append_pair("from", &format!("{shard}-{slot}"));
    }
    format!("{SECTION}?{}", query.finish())
}

/// The place that a link names; the beginning for any other text.
fn cursor(text: &str) -> SocketCursor {
    let place = text.split_once('-').and_then(|(shard, slot)| Some(SocketCursor { shard: shard.parse().ok()?, slot: slot.parse().ok()? }));
    place.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_names_the_place_where_the_list_continues() {
        let filter = SocketFilter { user: "a&b".to_owned(), transport: String::new() };
        let place = SocketCursor { shard: 1, slot: 70 };
        assert_eq!(link(&filter, Some(place)), "/console/connections?user=a%26b&from=1-70");
        assert_eq!(cursor("1-70"), place);
        for text in ["", "-", "1", "1-", "x-1", "-1-1", "1-99999999999"] {
            assert_eq!(cursor(text), SocketCursor::default(), "{text}");
        }
    }

    #[test]
    fn reason_fits_into_a_close_frame() {
        assert_eq!(reason("", "Closed"), "Closed");
        assert_eq!(reason(&"ä".repeat(100), "Closed"), "ä".repeat(61));
    }
}
