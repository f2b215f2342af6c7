//! The trip contract's paths. Answers are `{success: true, data}`, and errors are `{success: false, error, code}`.

use std::sync::Arc;

use axum::middleware;
use domain::command::{Command, CommandContext};
use domain::error::DomainError;
use domain::ids::RoomKind;
use domain::notifications::{create_notification, create_notification_by_actor};
use domain::spaces::{ListMembers, Role};
use domain::trips::{AddTripMember, CreateTrip, DeleteTrip, GetTrip, LeaveTrip, ListTrips, Trip, TripChanges, TripDetails, UpdateTrip};
use domain::validation;
use http::StatusCode;
use serde_json::Map;
use utoipa::openapi::schema::Schema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;
use super::body::Field;
use super::body_schema::{TextBounds, body};
use super::ids::{MemberPageQuery, SpacePageQuery, UserIdInput};
use super::list::{list, member_list};
use super::openapi::with_router;
use super::request_context::AuthedRequest;
use super::response::{RestError, RestResult, SuccessEnvelope, success, with_success};
use super::trip_connections;
use crate::contracts::schemas::role;
use crate::contracts::trip::{notification_texts, objects, requests};

/// The prefixes of this contract's paths.
const BEGINNINGS: [&str; 2] = ["/api/v1/trips", "/api/v1/socket"];

/// Whether every answer at a path, also 404, has this contract's form.
pub(super) fn answers_at(path: &str) -> bool {
    let rest = BEGINNINGS.iter().find_map(|beginning| path.strip_prefix(beginning));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The trip contract's routes.
pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    let paths = OpenApiRouter::new()
        .routes(routes!(list_trips, create_trip))
        .routes(routes!(read_trip, update_trip, delete_trip))
        .routes(routes!(list_members, add_member))
        .routes(routes!(remove_member))
        .merge(trip_connections::routes());
    with_router(paths, |router| {
        let router = router.method_not_allowed_fallback(async || RestError::wrong_method());
        router.layer(middleware::map_response(with_success))
    })
}

/// Lists the trips of the caller, the newest first.
#[utoipa::path(get, path = "/api/v1/trips", params(SpacePageQuery), responses((status = 200, body = SuccessEnvelope<Vec<objects::Trip>>)))]
async fn list_trips(call: AuthedRequest) -> RestResult {
    let page = call.page_of(RoomKind::Trip)?;
    call.query(ListTrips { page }, |trips| list(trips, objects::Trip::of).with_success()).await
}

/// Plans a trip. The caller is its admin, and notified on all devices.
#[utoipa::path(post, path = "/api/v1/trips", request_body = NewTrip, responses((status = 201, body = SuccessEnvelope<objects::Trip>)))]
async fn create_trip(call: AuthedRequest) -> RestResult {
    let NewTrip { name, description, start_date, end_date } = call.body()?;
    let command = CreateTrip { name, details: TripDetails { description, start_date, end_date } };
    let work = |context: &mut CommandContext<'_>| {
        let trip = command.execute(context)?;
        create_notification(context, notification_texts::created(&trip))?;
        Ok(trip)
    };
    call.change(StatusCode::CREATED, work, trip).await
}

/// Reads a trip.
#[utoipa::path(get, path = "/api/v1/trips/{id}", responses((status = 200, body = SuccessEnvelope<objects::Trip>)))]
async fn read_trip(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Trip)?;
    call.query(GetTrip { room }, trip).await
}

/// Changes a trip. Its members hear `trip:updated`.
#[utoipa::path(put, path = "/api/v1/trips/{id}", request_body = Changes, responses((status = 200, body = SuccessEnvelope<objects::Trip>)))]
async fn update_trip(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Trip)?;
    let Changes { name, description, start_date, end_date } = call.body()?;
    let changes = TripChanges { name, description, start_date, end_date };
    call.command(StatusCode::OK, UpdateTrip { room, changes, more: Map::new() }, trip).await
}

/// Deletes a trip. Its members hear `trip:updated` with `{deleted: true}`.
#[utoipa::path(delete, path = "/api/v1/trips/{id}", responses((status = 200, body = SuccessEnvelope<objects::Trip>), (status = 403)))]
async fn delete_trip(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Trip)?;
    call.command(StatusCode::OK, DeleteTrip { room }, trip).await
}

/// Lists the members of a trip, in the order of joining.
#[utoipa::path(
    get,
    path = "/api/v1/trips/{id}/members",
    params(MemberPageQuery),
    responses((status = 200, body = SuccessEnvelope<Vec<objects::MemberObject>>))
)]
async fn list_members(call: AuthedRequest) -> RestResult {
    let query = ListMembers { room: call.room(RoomKind::Trip)?, page: call.member_page()? };
    call.query(query, |members| member_list(members, objects::MemberObject::of).with_success()).await
}

/// Brings a person to a trip, or gives a member another role. The members hear `trip:updated`, and a new one is notified.
#[utoipa::path(
    post,
    path = "/api/v1/trips/{id}/members",
    request_body = NewMember,
    responses((status = 201, body = SuccessEnvelope<objects::Trip>), (status = 403))
)]
async fn add_member(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Trip)?;
    let NewMember { user, role } = call.body()?;
    let user = user.0;
    let work = move |context: &mut CommandContext<'_>| -> Result<Trip, DomainError> {
        let added = AddTripMember { room, user: user.clone(), role }.execute(context)?;
        if added.is_new {
            create_notification_by_actor(context, notification_texts::added(&added.trip, &user))?;
        }
        Ok(added.trip)
    };
    call.change(StatusCode::CREATED, work, trip).await
}

/// Removes a member from a trip, or leaves it. The members hear `trip:updated`, and who is gone is notified.
#[utoipa::path(
    delete,
    path = "/api/v1/trips/{id}/members/{userId}",
    responses((status = 200, body = SuccessEnvelope<objects::Trip>), (status = 403))
)]
async fn remove_member(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Trip)?;
    let user = call.user("userId", "Member")?;
    let work = move |context: &mut CommandContext<'_>| {
        let trip = LeaveTrip { room, user: user.clone() }.execute(context)?;
        create_notification_by_actor(context, notification_texts::removed(&trip, &user))?;
        Ok(trip)
    };
    call.change(StatusCode::OK, work, trip).await
}

body! {
    /// A new trip.
    NewTrip as "trip.NewTrip" {
        /// What it is called; not blank.
        name: required String[1..=validation::MAX_NAME],
        /// More words about it.
        description: optional String[0..=validation::MAX_DESCRIPTION],
        /// An RFC 3339 date, or date and time.
        start_date = "startDate": optional String[TextBounds::Date],
        /// An RFC 3339 date, or date and time; not before the start.
        end_date = "endDate": optional String[TextBounds::Date],
    }

    /// Changes of a trip. What is absent stays as it is.
    Changes as "trip.Changes" {
        /// What it is called; not blank.
        name: change String[1..=validation::MAX_NAME],
        /// More words about it; null takes them away.
        description: nullable String[0..=validation::MAX_DESCRIPTION],
        /// An RFC 3339 date, or date and time; null for none.
        start_date = "startDate": nullable String[TextBounds::Date],
        /// An RFC 3339 date, or date and time, not before the start; null for none.
        end_date = "endDate": nullable String[TextBounds::Date],
    }
    ignores requests::SET_BY_SERVER

    /// Who comes to a trip.
    NewMember as "trip.NewMember" {
        /// The person.
        user = "userId": required UserIdInput,
        /// What the person may do: `member` for a new one, unless something else is said. Only admins may say it.
        role: optional Role,
    }
}

impl Field for Role {
    const EXPECTED: &'static str = "must be admin or member";

    fn schema() -> Schema {
        role().into()
    }
}

fn trip(trip: &Trip) -> String {
    success(&objects::Trip::of(trip))
}
