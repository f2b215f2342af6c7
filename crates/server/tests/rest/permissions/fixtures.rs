//! The objects that the permission tests request.

use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;

use serde_json::{Value, json};

use super::callers::Caller;
use crate::support::{Client, Server, household, id};

/// A text in every private object.
pub const SECRET: &str = "Rosebud";

/// The kind of object that a path or a body names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FixtureKind {
    /// None, or the caller.
    Nothing,
    Person,
    Household,
    Chore,
    Room,
    RoomMessage,
    Talk,
    TalkMessage,
    /// A notification of bob.
    Notification,
    Project,
    Channel,
    ProjectTask,
    ChannelMessage,
    /// An object that a contract defines in a file of its own.
    OfContract(ContractFixture),
}

/// A future of a test.
type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// How to create and end an object of a contract.
#[derive(Clone, Copy)]
pub struct ContractFixture {
    pub name: &'static str,
    /// Creates an object.
    pub create: for<'a> fn(&'a Server) -> LocalFuture<'a, Fixture>,
    /// Ends an object that was created.
    pub end: for<'a> fn(&'a Server, &'a Fixture) -> LocalFuture<'a, ()>,
}

impl PartialEq for ContractFixture {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for ContractFixture {}

impl Debug for ContractFixture {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// An object.
pub struct Fixture {
    pub id: String,
    /// A household's invite code.
    code: String,
}

impl Fixture {
    pub fn of(object: &Value) -> Self {
        Self { id: text(&object["id"]), code: text(&object["inviteCode"]) }
    }

    fn named(id: &str) -> Self {
        Self { id: id.to_owned(), code: String::new() }
    }

    /// Fills the object's id and code into a body.
    pub fn fill(&self, body: &Value) -> Value {
        let filled = body.to_string().replace("{id}", &self.id).replace("{code}", &self.code);
        serde_json::from_str(&filled).unwrap()
    }
}

/// An object that never existed.
pub fn missing(sort: FixtureKind) -> Fixture {
    match sort {
        FixtureKind::Person => Fixture::named("zoe"),
        _ => Fixture::named("8123456789012345"),
    }
}

impl FixtureKind {
    /// Creates an object.
    pub async fn create(self, server: &Server) -> Fixture {
        let (alice, bob) = (server.client("alice"), server.client("bob"));
        match self {
            Self::Nothing => Fixture::named(""),
            Self::Person => {
                alice.put("/users/alice", json!({ "name": SECRET })).await.expect(200);
                household(server).await;
                Fixture::named("alice")
            }
            Self::Household => {
                let home = household(server).await;
                alice.put(&format!("/households/{}", id(&home)), json!({ "name": SECRET })).await.expect(200);
                Fixture::of(&home)
            }
            Self::Chore => {
                let tasks = format!("/households/{}/tasks", id(&household(server).await));
                create(&alice, &tasks, json!({ "title": SECRET, "assignedTo": ["alice"] })).await
            }
            Self::Room => space(&alice, "/shared/chat/rooms", "members", json!({ "name": SECRET, "memberIds": ["bob", "carol"] })).await,
            Self::Talk => {
                let body = json!({ "title": SECRET, "participantIds": ["bob", "carol"] });
                space(&alice, "/api/conversations", "participants", body).await
            }
            Self::Project => space(&alice, "/api/v1/projects", "members", json!({ "name": SECRET, "memberIds": ["bob", "carol"] })).await,
            Self::RoomMessage => {
                let room = Box::pin(Self::Room.create(server)).await;
                create(&bob, &format!("/shared/chat/rooms/{}/messages", room.id), json!({ "content": SECRET })).await
            }
            Self::TalkMessage => {
                let talk = Box::pin(Self::Talk.create(server)).await;
                create(&bob, &format!("/api/conversations/{}/messages", talk.id), json!({ "content": SECRET })).await
            }
            Self::Notification => {
                let body = json!({ "userId": "bob", "type": "info", "title": SECRET, "message": "" });
                create(&Caller::Key.client(server), "/api/notifications", body).await
            }
            Self::Channel | Self::ProjectTask => {
                let project = Box::pin(Self::Project.create(server)).await;
                let (list, field) = if self == Self::Channel { ("channels", "name") } else { ("tasks", "title") };
                create(&alice, &format!("/api/v1/projects/{}/{list}", project.id), json!({ field: SECRET })).await
            }
            Self::OfContract(fixture) => (fixture.create)(server).await,
            Self::ChannelMessage => {
                let channel = Box::pin(Self::Channel.create(server)).await;
                create(&bob, &format!("/api/v1/channels/{}/messages", channel.id), json!({ "content": SECRET })).await
            }
        }
    }

    /// Creates an object and ends it: it is deleted, or all members leave it. `None` for objects that cannot end.
    pub async fn end(self, server: &Server) -> Option<Fixture> {
        let (alice, bob) = (server.client("alice"), server.client("bob"));
        let fixture = match self {
            Self::Nothing | Self::Notification | Self::Channel => return None,
            Self::Person => Fixture::named("erin"),
            _ => self.create(server).await,
        };
        let path = |start: &str| format!("{start}/{}", fixture.id);
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
            Self::RoomMessage => drop(bob.delete(&path("/shared/chat/messages")).await.expect(200)),
            Self::TalkMessage => drop(bob.delete(&path("/api/messages")).await.expect(200)),
            Self::ProjectTask => drop(alice.delete(&path("/api/v1/tasks")).await.expect(200)),
            Self::ChannelMessage => drop(bob.delete(&path("/api/v1/messages")).await.expect(200)),
            Self::OfContract(of_contract) => (of_contract.end)(server, &fixture).await,
        }
        Some(fixture)
    }
}

/// Creates a space of alice with bob. Carol is added and removed.
async fn space(alice: &Client<'_>, list: &str, members: &str, body: Value) -> Fixture {
    let space = create(alice, list, body).await;
    alice.delete(&format!("{list}/{}/{members}/carol", space.id)).await.expect(200);
    space
}

async fn create(client: &Client<'_>, list: &str, body: Value) -> Fixture {
    Fixture::of(&client.post(list, body).await.expect(201))
}

async fn all_leave(server: &Server, members: &str) {
    for sub in ["bob", "alice"] {
        server.client(sub).delete(&format!("{members}/{sub}")).await.expect(200);
    }
}

/// An id for a path. In some contracts it is a number.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
