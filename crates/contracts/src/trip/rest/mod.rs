//! The REST paths of the trip contract. Responses are `{success: true, data}`, and errors are `{success: false, error, code}`.

mod connections;
mod envelope;

use std::sync::Arc;

use domain::command::{Command, CommandContext};
use domain::error::DomainError;
use domain::ids::RoomKind;
use domain::notifications::{create_notification, create_notification_by_actor};
use domain::spaces::{ListMembers, Role};
use domain::trips::{AddTripMember, CreateTrip, DeleteTrip, GetTrip, LeaveTrip, ListTrips, Trip, TripChanges, TripDetails, UpdateTrip};
use domain::validation;
use http::StatusCode;
use rest_toolkit::RestState;
use rest_toolkit::api::RestApi;
use rest_toolkit::body;
use rest_toolkit::body_schema::TextBounds;
use rest_toolkit::fields::Field;
use rest_toolkit::ids::{MemberPageQuery, SpacePageQuery, UserIdInput};
use rest_toolkit::list::{list, member_list};
use rest_toolkit::request_context::AuthedRequest;
use rest_toolkit::response::RestResult;
use serde::Deserialize;
use serde_json::Map;
use utoipa::openapi::schema::Schema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::schemas::role;
use crate::trip::{notification_texts, objects, requests};
use envelope::{ERROR_FORMAT, SuccessEnvelope, success, success_list};

/// The contract's paths.
pub(super) fn api() -> RestApi {
    RestApi {
        name: "trip",
        about: "Trips, and statistics of connections. Responses are in `data`.",
        routes: routes().merge(connections::routes()),
        error_format: Some(ERROR_FORMAT),
        health_checks: &[connections::HEALTH_CHECK],
    }
}

fn routes() -> OpenApiRouter<Arc<RestState>> {
    OpenApiRouter::new()
        .routes(routes!(list_trips, create_trip))
        .routes(routes!(read_trip, update_trip, delete_trip))
        .routes(routes!(list_members, add_member))
        .routes(routes!(remove_member))
}

/// Lists the trips of the caller, the newest first.
#[utoipa::path(get, path = "/api/v1/trips", params(SpacePageQuery), responses((status = 200, body = SuccessEnvelope<Vec<objects::Trip>>)))]
async fn list_trips(call: AuthedRequest) -> RestResult {
    let page = call.page_of(RoomKind::Trip)?;
    call.query(ListTrips { page }, |trips| success_list(list(trips, objects::Trip::of))).await
}

/// Creates a trip. The caller becomes its admin, and is notified on all connections.
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

/// Changes a trip. Its members receive `trip:updated`.
#[utoipa::path(put, path = "/api/v1/trips/{id}", request_body = Changes, responses((status = 200, body = SuccessEnvelope<objects::Trip>)))]
async fn update_trip(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Trip)?;
    let Changes { name, description, start_date, end_date } = call.body()?;
    let changes = TripChanges { name, description, start_date, end_date };
    call.command(StatusCode::OK, UpdateTrip { room, changes, more: Map::new() }, trip).await
}

/// Deletes a trip. Its members receive `trip:updated` with `{deleted: true}`.
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
    call.query(query, |members| success_list(member_list(members, objects::MemberObject::of))).await
}

/// Adds a user to a trip, or changes the role of a member. The members receive `trip:updated`, and a new member is notified.
#[utoipa::path(
    post,
    path = "/api/v1/trips/{id}/members",
    request_body = NewMember,
    responses((status = 201, body = SuccessEnvelope<objects::Trip>), (status = 403))
)]
async fn add_member(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Trip)?;
    let NewMember { user, role } = call.body()?;
    let role = role.map(|RoleInput(role)| role);
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

/// Removes a member from a trip; a member may remove itself. The members receive `trip:updated`, and the removed user is notified.
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
        /// The name; not blank.
        name: required String[1..=validation::MAX_NAME],
        /// The description.
        description: optional String[0..=validation::MAX_DESCRIPTION],
        /// An RFC 3339 date, or date and time.
        start_date = "startDate": optional String[TextBounds::Date],
        /// An RFC 3339 date, or date and time; not before the start.
        end_date = "endDate": optional String[TextBounds::Date],
    }

    /// Changes of a trip. Absent fields stay unchanged.
    Changes as "trip.Changes" {
        /// The name; not blank.
        name: change String[1..=validation::MAX_NAME],
        /// The description; null removes it.
        description: nullable String[0..=validation::MAX_DESCRIPTION],
        /// An RFC 3339 date, or date and time; null removes it.
        start_date = "startDate": nullable String[TextBounds::Date],
        /// An RFC 3339 date, or date and time, not before the start; null removes it.
        end_date = "endDate": nullable String[TextBounds::Date],
    }
    ignores requests::SET_BY_SERVER

    /// A new member of a trip.
    NewMember as "trip.NewMember" {
        /// The user.
        user = "userId": required UserIdInput,
        /// The role; `member` for a new member if absent. Only admins may set it.
        role: optional RoleInput,
    }
}

/// A role, as a request names it.
#[derive(Deserialize)]
struct RoleInput(Role);

impl Field for RoleInput {
    const EXPECTED: &'static str = "must be admin or member";

    fn schema() -> Schema {
        role().into()
    }
}

fn trip(trip: &Trip) -> String {
    success(&objects::Trip::of(trip))
}
