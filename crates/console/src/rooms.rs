//! The rooms with open connections, the largest ones first, and one room.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use domain::command::Actor;
use domain::ids::{RoomId, RoomKind};
use domain::spaces::{InspectSpace, Member, Role, Space};
use http::StatusCode;
use maud::{Markup, html};
use realtime::{LiveRoom, RoomFilter};
use serde::Deserialize;

use crate::connections::{MAX_SEARCH, shortened, table};
use crate::layout::{self, Page, muted};
use crate::operator::Operator;
use crate::queries::ask;
use crate::{Console, format};

/// The number of rooms of the list.
const LISTED_ROOMS: usize = 50;

/// The number of members and of connections of a room that are listed.
const LISTED_MEMBERS: u32 = 50;
const LISTED_SOCKETS: usize = 50;

/// The kinds of the search.
const KINDS: [RoomKind; 8] = [
    RoomKind::Household,
    RoomKind::Project,
    RoomKind::Channel,
    RoomKind::Task,
    RoomKind::Conversation,
    RoomKind::ChatRoom,
    RoomKind::Trip,
    RoomKind::User,
];

const SECTION: &str = "/console/rooms";

/// The query of the list.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct RoomSearch {
    kind: String,
    part: String,
}

/// The list.
pub(crate) async fn list(State(console): State<Arc<Console>>, operator: Operator, Query(search): Query<RoomSearch>) -> Response {
    let part = shortened(search.part.trim(), MAX_SEARCH).to_owned();
    let filter = RoomFilter { kind: RoomKind::parse(&search.kind), part };
    let Some(rooms) = console.deps.shard_query.largest_rooms(&filter, LISTED_ROOMS).await else {
        return layout::not_responding(&console, &operator);
    };
    let content = html! {
        (search_form(&filter))
        @if console.node.is_some() { p.hint { "The list counts the connections to this node." } }
        @if rooms.is_empty() { p.empty { "No room with an open connection matches." } } @else { (room_table(&rooms)) }
    };
    Page { title: "Rooms", section: SECTION, content }.render(&console, &operator)
}

fn search_form(filter: &RoomFilter) -> Markup {
    html! {
        form.search method="get" action=(SECTION) {
            label for="part" { "Address contains" }
            input #part type="search" name="part" value=(filter.part) maxlength=(MAX_SEARCH) spellcheck="false" autocapitalize="none";
            label for="kind" { "Kind" }
            select #kind name="kind" {
                option value="" { "all but inboxes" }
                @for kind in KINDS { option value=(kind.as_str()) selected[filter.kind == Some(kind)] { (kind_name(kind)) } }
            }
            button type="submit" { "Search" }
        }
    }
}

fn room_table(rooms: &[LiveRoom]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="rooms-caption" {
            table {
                caption #rooms-caption { "Rooms with open connections, the largest ones first, at most " (LISTED_ROOMS) "." }
                thead { tr { th scope="col" { "Room" } th scope="col" { "Kind" } th.number scope="col" { "Connections" } } }
                tbody {
                    @for LiveRoom { room, sockets } in rooms {
                        tr {
                            th scope="row" { a href=(format::room_path(room)) { code { (room.as_str()) } } }
                            td { (kind_name(room.kind())) }
                            td.number { (format::count(*sockets as u64)) }
                        }
                    }
                }
            }
        }
    }
}

fn kind_name(kind: RoomKind) -> &'static str {
    if kind == RoomKind::User { "inbox of a user" } else { kind.display_name() }
}

/// A room.
pub(crate) async fn page(State(console): State<Arc<Console>>, operator: Operator, Path(address): Path<String>) -> Response {
    let Some(room) = RoomId::parse(&address) else {
        let text = "An address is a kind and an id, such as household:7.";
        return layout::problem(&console, &operator, StatusCode::NOT_FOUND, "This is not the address of a room", text);
    };
    let Some((sockets, total)) = console.deps.shard_query.sockets_in(&room, LISTED_SOCKETS).await else {
        return layout::not_responding(&console, &operator);
    };
    let space = match ask(&console, Actor::server(), InspectSpace { room: room.clone(), members: LISTED_MEMBERS }).await {
        Ok(space) => space,
        Err(error) => return layout::database_problem(&console, &operator, &error),
    };
    if space.is_none() && sockets.is_empty() {
        let text = "The database has no such room, and no connection is in it.";
        return layout::problem(&console, &operator, StatusCode::NOT_FOUND, "This room is not known", text);
    }
    let caption = format!("{} of {} connections that receive the events of this room.", sockets.len(), format::count(total as u64));
    let content = html! {
        (facts(&room, space.as_ref().map(|(space, _)| space), total))
        h2 { "Who listens" }
        @if sockets.is_empty() { p.empty { "No open connection is in this room." } } @else { (table(&caption, &sockets, true)) }
        @if let Some((space, members)) = &space { @if !members.is_empty() { h2 { "Members" } (member_table(space, members)) } }
    };
    Page { title: &format!("Room {}", room.as_str()), section: SECTION, content }.render(&console, &operator)
}

fn facts(room: &RoomId, space: Option<&Space>, total: usize) -> Markup {
    html! {
        dl.facts {
            div { dt { "Kind" } dd { (kind_name(room.kind())) } }
            div { dt { "Connections" } dd { (format::count(total as u64)) } }
            @if let Some(space) = space {
                div { dt { "Name" } dd { @if space.name.is_empty() { (muted("none")) } @else { (space.name) } } }
                div { dt { "Members" } dd { (format::count(space.member_count())) } }
                @if let Some(parent) = &space.parent { div { dt { "Part of" } dd { a href=(format::room_path(parent)) { (parent.as_str()) } } } }
                div { dt { "Created" } dd { (format::time(space.created_at.0)) " by " a href=(crate::users::path(space.created_by.as_str())) { (space.created_by.as_str()) } } }
                @if let Some(archived) = space.archived_at { div { dt { "Archived" } dd { (format::time(archived.0)) } } }
            }
        }
    }
}

fn member_table(space: &Space, members: &[Member]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="members-caption" {
            table {
                caption #members-caption { (members.len()) " of " (format::count(space.member_count())) " members, in the order of joining." }
                thead { tr { th scope="col" { "User" } th scope="col" { "Name" } th scope="col" { "Role" } th scope="col" { "Since" } } }
                tbody {
                    @for Member { user, role, joined_at } in members {
                        tr {
                            th scope="row" { a href=(crate::users::path(user.id.as_str())) { (user.id.as_str()) } }
                            td { (user.shown_name()) }
                            td { @if *role == Role::Admin { "admin" } @else { "member" } }
                            td { (format::time(joined_at.0)) }
                        }
                    }
                }
            }
        }
    }
}
