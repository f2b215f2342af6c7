//! The permissions of the trip contract, and its objects.

use serde_json::json;

use super::fixtures::FixtureKind::Nothing;
use super::fixtures::{ContractFixture, Fixture, FixtureKind, SECRET};
use super::table::{ADMINS, ANYBODY, ANYBODY_CREATES, BACK_ENDS, MEMBER_ONESELF, MEMBERS, MEMBERS_CREATE, Row, row, users};
use crate::support::Server;

/// A trip.
pub const TRIP: FixtureKind = FixtureKind::OfContract(ContractFixture {
    name: "Trip",
    create: |server| Box::pin(create(server)),
    end: |server, trip| Box::pin(end(server, trip)),
});

async fn create(server: &Server) -> Fixture {
    let alice = server.client("alice");
    let created = alice.post("/api/v1/trips", json!({ "name": SECRET })).await.expect(201);
    let trip = Fixture::of(&created["data"]);
    let members = format!("/api/v1/trips/{}/members", trip.id);
    for sub in ["bob", "carol"] {
        alice.post(&members, json!({ "userId": sub })).await.expect(201);
    }
    alice.delete(&format!("{members}/carol")).await.expect(200);
    trip
}

async fn end(server: &Server, trip: &Fixture) {
    server.client("alice").delete(&format!("/api/v1/trips/{}", trip.id)).await.expect(200);
}

pub fn rows() -> Vec<Row> {
    vec![
        row("GET /api/v1/trips", Nothing, ANYBODY),
        row("GET /api/v1/trips", TRIP, ANYBODY),
        row("POST /api/v1/trips", Nothing, ANYBODY_CREATES).body(json!({ "name": "Mine" })),
        row("GET /api/v1/trips/{id}", TRIP, MEMBERS),
        row("PUT /api/v1/trips/{id}", TRIP, MEMBERS).body(json!({ "name": "Roma" })),
        row("DELETE /api/v1/trips/{id}", TRIP, ADMINS),
        row("GET /api/v1/trips/{id}/members", TRIP, MEMBERS),
        row("POST /api/v1/trips/{id}/members", TRIP, MEMBERS_CREATE).body(json!({ "userId": "eve" })),
        row("POST /api/v1/trips/{id}/members", TRIP, users(404, 404, 403, 201, 404, 404)).body(json!({ "userId": "eve", "role": "admin" })),
        row("POST /api/v1/trips/{id}/members", TRIP, users(404, 404, 403, 201, 404, 404))
            .body(json!({ "userId": "dave", "role": "admin" })),
        row("DELETE /api/v1/trips/{id}/members/{userId}", TRIP, MEMBER_ONESELF).user("bob"),
        row("DELETE /api/v1/trips/{id}/members/{userId}", TRIP, ADMINS).user("alice"),
        row("GET /api/v1/socket/health", Nothing, [200; 11]),
        row("GET /api/v1/socket/stats", Nothing, BACK_ENDS),
        row("GET /api/v1/socket/rooms", Nothing, BACK_ENDS),
        row("GET /api/v1/socket/my-connections", Nothing, ANYBODY),
        row("POST /api/v1/socket/test-notification", Nothing, ANYBODY).body(json!({ "title": "x", "message": "x" })),
        row("POST /api/v1/socket/test-trip-update", TRIP, MEMBERS).body(json!({ "tripId": "{id}", "changes": {} })),
        row("POST /api/v1/socket/broadcast", Nothing, BACK_ENDS).body(json!({ "title": "x", "message": "x" })),
    ]
}
