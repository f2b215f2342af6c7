//! The household contract: households and their tasks, told over Socket.IO.

pub mod objects;
pub mod payloads;

use domain::event::{Event, Fact};
use domain::names::{Kind, Room};
use domain::people::Person;
use domain::refusal::Refusal;
use domain::tasks;
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

    fn fact(&self, fact: &Fact) -> Vec<Saying> {
        if fact.room.kind() != Kind::Household {
            return Vec::new();
        }
        let household_id = fact.room.id();
        match &fact.event {
            Event::TaskCreated { task } => {
                let told = TaskTold { task, household_id };
                let assigned = task.assigned_to.iter().map(|to| told.assigned(to));
                [told.whole("task:created")].into_iter().chain(assigned).collect()
            }
            Event::TaskUpdated { task, toggled_by, assigned, unassigned, .. } => {
                let told = TaskTold { task, household_id };
                let completed = toggled_by.iter().map(|by| told.completed(by));
                let assigned = assigned.iter().map(|to| told.assigned(to));
                let unassigned = unassigned.iter().map(|from| told.unassigned(from));
                [told.whole("task:updated")].into_iter().chain(completed).chain(assigned).chain(unassigned).collect()
            }
            Event::TaskToggled { task, by } => vec![TaskTold { task, household_id }.completed(by)],
            Event::TaskAssigned { task, to, .. } => vec![TaskTold { task, household_id }.assigned(to)],
            Event::TaskUnassigned { task, from, .. } => vec![TaskTold { task, household_id }.unassigned(from)],
            Event::TaskDeleted { task, .. } => say("task:deleted", &TaskDeleted { task_id: task.to_string(), household_id }),
            Event::SpaceUpdated { space, .. } => say("household:updated", &HouseholdUpdated { household: objects::Household::of(space) }),
            Event::MemberJoined { space, person, .. } => {
                say("household:member_joined", &MemberJoined { user: User::of(person), household: objects::Household::of(space) })
            }
            Event::MemberLeft { space, person, .. } => say("household:member_left", &MemberLeft::of(space, person)),
            Event::InviteRefreshed { space } => say("household:invite_code_refreshed", &InviteCodeRefreshed::of(space)),
            Event::ProfileUpdated { person } => say("user:updated", &UserUpdated { user: User::of(person), household_id }),
            _ => Vec::new(),
        }
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
            Ok(_) => Reply { ack: Some(r#"{"ok":true}"#.into()), ..Reply::default() },
        }
    }
}

/// One message.
fn say(name: &'static str, payload: &impl Serialize) -> Vec<Saying> {
    vec![Saying::event(name, json(payload))]
}

/// What may be told of a task, each as the contract's own event.
#[derive(Clone, Copy)]
struct TaskTold<'a> {
    task: &'a tasks::Task,
    household_id: &'a str,
}

impl TaskTold<'_> {
    fn whole(self, name: &'static str) -> Saying {
        let Self { task, household_id } = self;
        Saying::event(name, json(&TaskChanged { task: Task::of(task), household_id }))
    }

    fn completed(self, by: &Person) -> Saying {
        let Self { task, household_id } = self;
        Saying::event("task:completed", json(&TaskCompleted { task: Task::of(task), household_id, completed_by: User::of(by) }))
    }

    fn assigned(self, to: &Person) -> Saying {
        let Self { task, household_id } = self;
        Saying::event("task:assigned", json(&TaskAssigned { task: Task::of(task), household_id, assigned_to: User::of(to) }))
    }

    fn unassigned(self, from: &Person) -> Saying {
        let Self { task, household_id } = self;
        Saying::event("task:unassigned", json(&TaskUnassigned { task: Task::of(task), household_id, unassigned_from: User::of(from) }))
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
