//! What is asked about.

use serde_json::{Value, json};

use super::callers::Caller;
use crate::support::{Client, Server, household, id};

/// A word that stands in everything that is its people's own.
pub const SECRET: &str = "Rosebud";

/// What a path or a body names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// Nothing; or the caller alone.
    Nothing,
    Person,
    Household,
    Chore,
    Trip,
    Room,
    RoomMessage,
    Talk,
    TalkMessage,
    /// Bob's.
    Notification,
    Project,
    Channel,
    ProjectTask,
    ChannelMessage,
}

/// One of them.
pub struct Thing {
    pub id: String,
    /// A household's invite code.
    code: String,
}

impl Thing {
    fn of(object: &Value) -> Self {
        Self { id: text(&object["id"]), code: text(&object["inviteCode"]) }
    }

    fn named(id: &str) -> Self {
        Self { id: id.to_owned(), code: String::new() }
    }

    /// A body with the thing's id and code in it.
    pub fn fill(&self, body: &Value) -> Value {
        let filled = body.to_string().replace("{id}", &self.id).replace("{code}", &self.code);
        serde_json::from_str(&filled).unwrap()
    }
}

/// A thing that never was.
pub fn never_there(sort: Sort) -> Thing {
    match sort {
        Sort::Person => Thing::named("zoe"),
        _ => Thing::named("8123456789012345"),
    }
}

impl Sort {
    /// One that is there.
    pub async fn make(self, server: &Server) -> Thing {
        let (alice, bob) = (server.client("alice"), server.client("bob"));
        match self {
            Self::Nothing => Thing::named(""),
            Self::Person => {
                alice.put("/users/alice", json!({ "name": SECRET })).await.expect(200);
                household(server).await;
                Thing::named("alice")
            }
            Self::Household => {
                let home = household(server).await;
                alice.put(&format!("/households/{}", id(&home)), json!({ "name": SECRET })).await.expect(200);
                Thing::of(&home)
            }
            Self::Chore => {
                let tasks = format!("/households/{}/tasks", id(&household(server).await));
                create(&alice, &tasks, json!({ "title": SECRET, "assignedTo": ["alice"] })).await
            }
            Self::Trip => {
                let made = alice.post("/api/v1/trips", json!({ "name": SECRET })).await.expect(201);
                let trip = Thing::of(&made["data"]);
                let members = format!("/api/v1/trips/{}/members", trip.id);
                for sub in ["bob", "carol"] {
                    alice.post(&members, json!({ "userId": sub })).await.expect(201);
                }
                alice.delete(&format!("{members}/carol")).await.expect(200);
                trip
            }
            Self::Room => space(&alice, "/shared/chat/rooms", "members", json!({ "name": SECRET, "memberIds": ["bob", "carol"] })).await,
            Self::Talk => {
                let body = json!({ "title": SECRET, "participantIds": ["bob", "carol"] });
                space(&alice, "/api/conversations", "participants", body).await
            }
            Self::Project => space(&alice, "/api/v1/projects", "members", json!({ "name": SECRET, "memberIds": ["bob", "carol"] })).await,
            Self::RoomMessage => {
                let room = Box::pin(Self::Room.make(server)).await;
                create(&bob, &format!("/shared/chat/rooms/{}/messages", room.id), json!({ "content": SECRET })).await
            }
            Self::TalkMessage => {
                let talk = Box::pin(Self::Talk.make(server)).await;
                create(&bob, &format!("/api/conversations/{}/messages", talk.id), json!({ "content": SECRET })).await
            }
            Self::Notification => {
                let body = json!({ "userId": "bob", "type": "info", "title": SECRET, "message": "" });
                create(&Caller::Key.client(server), "/api/notifications", body).await
            }
            Self::Channel | Self::ProjectTask => {
                let project = Box::pin(Self::Project.make(server)).await;
                let (list, field) = if self == Self::Channel { ("channels", "name") } else { ("tasks", "title") };
                create(&alice, &format!("/api/v1/projects/{}/{list}", project.id), json!({ field: SECRET })).await
            }
            Self::ChannelMessage => {
                let channel = Box::pin(Self::Channel.make(server)).await;
                create(&bob, &format!("/api/v1/channels/{}/messages", channel.id), json!({ "content": SECRET })).await
            }
        }
    }

    /// One that was there: deleted, or left by everybody where nothing deletes it. `None` of what has no end.
    pub async fn end(self, server: &Server) -> Option<Thing> {
        let (alice, bob) = (server.client("alice"), server.client("bob"));
        let thing = match self {
            Self::Nothing | Self::Notification | Self::Channel => return None,
            Self::Person => Thing::named("erin"),
            _ => self.make(server).await,
        };
        let path = |start: &str| format!("{start}/{}", thing.id);
        match self {
            Self::Nothing | Self::Notification | Self::Channel => return None,
            Self::Person => {
                let home = household(server).await;
                let erin = server.client("erin");
                erin.post(&format!("/households/{}/join", id(&home)), json!({ "inviteCode": home["inviteCode"] })).await.expect(200);
                erin.delete("/users/erin").await.expect(200);
            }
            Self::Household => all_leave(server, &format!("{}/members", path("/households"))).await,
            Self::Room => all_leave(server, &format!("{}/members", path("/shared/chat/rooms"))).await,
            Self::Talk => all_leave(server, &format!("{}/participants", path("/api/conversations"))).await,
            Self::Project => all_leave(server, &format!("{}/members", path("/api/v1/projects"))).await,
            Self::Chore => drop(alice.delete(&path("/tasks")).await.expect(200)),
            Self::Trip => drop(alice.delete(&path("/api/v1/trips")).await.expect(200)),
            Self::RoomMessage => drop(bob.delete(&path("/shared/chat/messages")).await.expect(200)),
            Self::TalkMessage => drop(bob.delete(&path("/api/messages")).await.expect(200)),
            Self::ProjectTask => drop(alice.delete(&path("/api/v1/tasks")).await.expect(200)),
            Self::ChannelMessage => drop(bob.delete(&path("/api/v1/messages")).await.expect(200)),
        }
        Some(thing)
    }
}

/// Makes a space of alice, with bob; carol is brought in and removed.
async fn space(alice: &Client<'_>, list: &str, members: &str, body: Value) -> Thing {
    let space = create(alice, list, body).await;
    alice.delete(&format!("{list}/{}/{members}/carol", space.id)).await.expect(200);
    space
}

async fn create(client: &Client<'_>, list: &str, body: Value) -> Thing {
    Thing::of(&client.post(list, body).await.expect(201))
}

async fn all_leave(server: &Server, members: &str) {
    for sub in ["bob", "alice"] {
        server.client(sub).delete(&format!("{members}/{sub}")).await.expect(200);
    }
}

/// An id as it stands in a path: some contracts' ids are numbers.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
