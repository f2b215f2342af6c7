//! The household contract: households and their tasks, told over Socket.IO.

pub mod objects;
pub mod payloads;

use domain::event::{Event, Fact};
use domain::names::{Kind, Room};
use domain::refusal::Refusal;
use engine::Saying;
use serde::{Deserialize, Serialize};
use wire::socketio::Args;

use super::ids::GivenId;
use super::{Answer, Ask, Dialect, Heard, Outcome, Reply, Request, json, refused};
use objects::{Task, User};
use payloads::{
    HouseholdUpdated, InviteCodeRefreshed, MemberJoined, MemberLeft, TaskAssigned, TaskChanged, TaskCompleted, TaskDeleted, TaskUnassigned,
    UserUpdated,
};

/// The household contract's way of speaking.
#[derive(Clone, Copy, Debug)]
pub struct Household;

impl Dialect for Household {
    fn namespace(&self) -> Option<&'static str> {
        Some("/household")
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Household]
    }

    fn joins_by_itself(&self, room: &Room) -> bool {
        room.kind() == Kind::Household
    }

    fn fact(&self, fact: &Fact) -> Option<Saying> {
        if fact.room.kind() != Kind::Household {
            return None;
        }
        let household_id = fact.room.id();
        let changed = |task| json(&TaskChanged { task: Task::of(task), household_id });
        let (name, payload) = match &fact.event {
            Event::TaskCreated { task } => ("task:created", changed(task)),
            Event::TaskUpdated { task } => ("task:updated", changed(task)),
            Event::TaskDeleted { task } => ("task:deleted", json(&TaskDeleted { task_id: task.to_string(), household_id })),
            Event::TaskToggled { task, by } => {
                ("task:completed", json(&TaskCompleted { task: Task::of(task), household_id, completed_by: User::of(by) }))
            }
            Event::TaskAssigned { task, to } => {
                ("task:assigned", json(&TaskAssigned { task: Task::of(task), household_id, assigned_to: User::of(to) }))
            }
            Event::TaskUnassigned { task, from } => {
                ("task:unassigned", json(&TaskUnassigned { task: Task::of(task), household_id, unassigned_from: User::of(from) }))
            }
            Event::SpaceUpdated { space } => ("household:updated", json(&HouseholdUpdated { household: objects::Household::of(space) })),
            Event::MemberJoined { space, person } => {
                ("household:member_joined", json(&MemberJoined { user: User::of(person), household: objects::Household::of(space) }))
            }
            Event::MemberLeft { space, person } => ("household:member_left", json(&MemberLeft::of(space, person))),
            Event::InviteRefreshed { space } => ("household:invite_code_refreshed", json(&InviteCodeRefreshed::of(space))),
            Event::ProfileUpdated { person } => ("user:updated", json(&UserUpdated { user: User::of(person), household_id })),
            Event::SpaceCreated { .. } | Event::MessageSent { .. } => return None,
        };
        Some(Saying::event(name, payload))
    }

    fn understand(&self, heard: &Heard<'_>) -> Option<Request> {
        let Heard::Event { name, args } = heard else { return None };
        let (name, ask): (_, fn(Room) -> Ask) = match *name {
            "join:household" => ("join:household", Ask::Enter),
            "leave:household" => ("leave:household", Ask::Leave),
            _ => return None,
        };
        Some(Request { name: name.into(), ask: household_of(args).map(ask) })
    }

    fn answer(&self, answer: &Answer<'_>) -> Reply {
        match answer.result {
            Err(refusal) => refused(answer.name, refusal, answer.acked),
            // Clients of this contract wait for no word but the acknowledgement.
            Ok(_) if !answer.acked => Reply::default(),
            Ok(Outcome::Entered(room) | Outcome::Left(room)) => {
                Reply { ack: Some(json(&Confirmed { ok: true, household_id: room.id() })), ..Reply::default() }
            }
            // Nothing that this contract can ask for ends so.
            Ok(Outcome::Pong | Outcome::Changed(_)) => Reply { ack: Some(r#"{"ok":true}"#.into()), ..Reply::default() },
        }
    }
}

/// The acknowledgement of a room entered or left.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Confirmed<'a> {
    ok: bool,
    household_id: &'a str,
}

/// The household that a client names: `{householdId}`, or the id alone.
fn household_of(args: &Args<'_>) -> Result<Room, Refusal> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "householdId")]
        household_id: GivenId,
    }
    let given = args.get(0).and_then(|arg| match arg.starts_with('{') {
        true => serde_json::from_str::<Named>(arg).ok().map(|named| named.household_id),
        false => serde_json::from_str(arg).ok(),
    });
    let room = given.and_then(|id| Room::parse(&format!("{}:{}", Kind::Household.as_str(), id.0)));
    room.ok_or_else(|| Refusal::invalid("householdId", "must be the id of a household, as text or number"))
}
