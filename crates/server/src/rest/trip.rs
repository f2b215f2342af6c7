//! The trip contract's paths. Answers are `{success: true, data}`, and every no is `{success: false, error, code}`.

use std::sync::Arc;

use axum::routing::{delete, get, post};
use axum::{Router, middleware};
use domain::names::Kind;
use domain::notifications::notify;
use domain::operation::{Command, Tx};
use domain::refusal::Refusal;
use domain::spaces::Role;
use domain::trips::{BringToTrip, CreateTrip, DeleteTrip, LeaveTrip, ListTrips, ReadTrip, Trip, TripChanges, TripDetails, UpdateTrip};
use http::StatusCode;
use serde_json::Map;

use super::Desk;
use super::answer::{Answer, Failure, success, with_success};
use super::call::Call;
use super::{body, socket};
use crate::dialects::ids::GivenId;
use crate::dialects::trip::{notices, objects, requests};

type Answered = Result<Answer, Failure>;

/// The paths.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/v1/trips", get(list_trips).post(create_trip))
        .route("/api/v1/trips/{id}", get(read_trip).put(update_trip).delete(delete_trip))
        .route("/api/v1/trips/{id}/members", post(add_member))
        .route("/api/v1/trips/{id}/members/{user_id}", delete(remove_member))
        .merge(socket::routes())
        .method_not_allowed_fallback(async || Failure::wrong_method())
        .layer(middleware::map_response(with_success))
}

async fn list_trips(call: Call) -> Answered {
    let page = call.page_of(Kind::Trip)?;
    call.query(ListTrips { page }, |trips| success(&trips.iter().map(objects::Trip::of).collect::<Vec<_>>())).await
}

async fn create_trip(call: Call) -> Answered {
    let mut fields = call.fields()?;
    let command = CreateTrip {
        name: fields.required("name")?,
        details: TripDetails {
            description: fields.optional("description")?,
            start_date: fields.optional("startDate")?,
            end_date: fields.optional("endDate")?,
        },
    };
    fields.end()?;
    let work = |tx: &mut Tx<'_>| {
        let trip = command.decide(tx)?;
        notify(tx, notices::created(&trip))?;
        Ok(trip)
    };
    call.change(StatusCode::CREATED, work, trip).await
}

async fn read_trip(call: Call) -> Answered {
    let room = call.room(Kind::Trip)?;
    call.query(ReadTrip { room }, trip).await
}

async fn update_trip(call: Call) -> Answered {
    let room = call.room(Kind::Trip)?;
    let mut fields = call.fields()?;
    let changes = TripChanges {
        name: fields.change("name")?,
        description: fields.nullable("description")?,
        start_date: fields.nullable("startDate")?,
        end_date: fields.nullable("endDate")?,
    };
    fields.pass_over(requests::SET_BY_SERVER);
    fields.end()?;
    call.command(StatusCode::OK, UpdateTrip { room, changes, more: Map::new() }, trip).await
}

async fn delete_trip(call: Call) -> Answered {
    let room = call.room(Kind::Trip)?;
    call.command(StatusCode::OK, DeleteTrip { room }, trip).await
}

async fn add_member(call: Call) -> Answered {
    let room = call.room(Kind::Trip)?;
    let mut fields = call.fields()?;
    let person = body::person("userId", &fields.required::<GivenId>("userId")?)?;
    let role = match fields.optional::<String>("role")?.as_deref() {
        None => None,
        Some("admin") => Some(Role::Admin),
        Some("member") => Some(Role::Member),
        Some(_) => return Err(Failure::field("role", "must be admin or member")),
    };
    fields.end()?;
    let work = move |tx: &mut Tx<'_>| -> Result<Trip, Refusal> {
        let added = BringToTrip { room, person: person.clone(), role }.decide(tx)?;
        if added.is_new {
            notify(tx, notices::added(&added.trip, &person))?;
        }
        Ok(added.trip)
    };
    call.change(StatusCode::CREATED, work, trip).await
}

async fn remove_member(call: Call) -> Answered {
    let room = call.room(Kind::Trip)?;
    let person = call.person("user_id", "Member")?;
    let work = move |tx: &mut Tx<'_>| {
        let trip = LeaveTrip { room, person: person.clone() }.decide(tx)?;
        notify(tx, notices::removed(&trip, &person))?;
        Ok(trip)
    };
    call.change(StatusCode::OK, work, trip).await
}

fn trip(trip: &Trip) -> String {
    success(&objects::Trip::of(trip))
}
