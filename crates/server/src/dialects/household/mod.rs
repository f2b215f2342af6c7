//! The household contract: households and their tasks, over Socket.IO.

pub mod objects;
pub mod payloads;
mod words;

use domain::event::{Event, PersistedEvent};
use domain::ids::{RoomKind, RoomId};
use domain::users;
use domain::tasks;
use engine::OutboundMessage;

use super::answers::{Always, Done, ERROR, RESYNC};
use super::tokens::EXPIRING;
use super::vocabulary::{ClientWord, Vocabulary, Word, understood};
use super::{Answer, Dialect, Heard, Outcome, Reply, Request, json, refused};
use objects::{Task, User};
use payloads::{
    HouseholdUpdated, InviteCodeRefreshed, MemberJoined, MemberLeft, TaskAssigned, TaskChanged, TaskCompleted, TaskDeleted, TaskUnassigned,
    UserUpdated,
};
use words::Confirmed;

/// The household contract.
#[derive(Clone, Copy, Debug)]
pub struct Household;

impl Dialect for Household {
    fn namespace(&self) -> Option<&'static str> {
        Some("/household")
    }

    fn vocabulary(&self) -> Vocabulary {
        Vocabulary {
            contract: "household",
            about: "Households and their tasks.",
            namespace: self.namespace(),
            says: words::said().into_iter().chain([ERROR.described(), EXPIRING.described(), RESYNC.described()]).collect(),
            understands: words::UNDERSTOOD.iter().map(ClientWord::described).collect(),
            closes: Vec::new(),
        }
    }

    fn kinds(&self) -> &'static [RoomKind] {
        &[RoomKind::Household]
    }

    fn room_field(&self) -> &'static str {
        "householdId"
    }

    fn joins_by_itself(&self, room: &RoomId) -> bool {
        room.kind() == RoomKind::Household
    }

    fn fact(&self, fact: &PersistedEvent) -> Vec<OutboundMessage> {
        if fact.room.kind() != RoomKind::Household {
            return Vec::new();
        }
        let household_id = fact.room.id();
        match &fact.event {
            Event::TaskCreated { task } => {
                let told = TaskTold { task, household_id };
                let assigned = task.assigned_to.iter().map(|to| told.assigned(to));
                [told.whole(&words::TASK_CREATED)].into_iter().chain(assigned).collect()
            }
            Event::TaskUpdated { task, toggled_by, assigned, unassigned, .. } => {
                let told = TaskTold { task, household_id };
                let completed = toggled_by.iter().map(|by| told.completed(by));
                let assigned = assigned.iter().map(|to| told.assigned(to));
                let unassigned = unassigned.iter().map(|from| told.unassigned(from));
                [told.whole(&words::TASK_UPDATED)].into_iter().chain(completed).chain(assigned).chain(unassigned).collect()
            }
            Event::TaskToggled { task, by } => vec![TaskTold { task, household_id }.completed(by)],
            Event::TaskAssigned { task, to, .. } => vec![TaskTold { task, household_id }.assigned(to)],
            Event::TaskUnassigned { task, from, .. } => vec![TaskTold { task, household_id }.unassigned(from)],
            Event::TaskDeleted { task, .. } => vec![words::TASK_DELETED.say(&TaskDeleted { task_id: task.to_string(), household_id })],
            Event::SpaceUpdated { space, .. } => {
                vec![words::HOUSEHOLD_UPDATED.say(&HouseholdUpdated { household: objects::Household::of(space) })]
            }
            Event::MemberJoined { space, person, .. } => {
                vec![words::MEMBER_JOINED.say(&MemberJoined { user: User::of(person), household: objects::Household::of(space) })]
            }
            Event::MemberLeft { space, person, .. } => vec![words::MEMBER_LEFT.say(&MemberLeft::of(space, person))],
            Event::InviteRefreshed { space } => vec![words::INVITE_CODE_REFRESHED.say(&InviteCodeRefreshed::of(space))],
            Event::ProfileUpdated { person, .. } => vec![words::USER_UPDATED.say(&UserUpdated { user: User::of(person), household_id })],
            _ => Vec::new(),
        }
    }

    fn understand(&self, heard: &Heard<'_>) -> Option<Request> {
        understood(words::UNDERSTOOD, heard)
    }

    fn answer(&self, answer: &Answer<'_>) -> Reply {
        match answer.result {
            Err(refusal) => refused(answer.name, refusal, answer.acked),
            // Clients of this contract wait for no other answer than the acknowledgement.
            Ok(_) if !answer.acked => Reply::default(),
            Ok(Outcome::Entered(room) | Outcome::Left(room)) => {
                Reply { ack: Some(json(&Confirmed { ok: Always, household_id: room.id() })), ..Reply::default() }
            }
            // No request of this contract has another result.
            Ok(_) => Reply { ack: Some(json(&Done::default())), ..Reply::default() },
        }
    }
}

/// A task and its household. The methods encode the changes of a task as the contract's events.
#[derive(Clone, Copy)]
struct TaskTold<'a> {
    task: &'a tasks::Task,
    household_id: &'a str,
}

impl<'a> TaskTold<'a> {
    fn whole(self, word: &Word<TaskChanged<'a>>) -> OutboundMessage {
        let Self { task, household_id } = self;
        word.say(&TaskChanged { task: Task::of(task), household_id })
    }

    fn completed(self, by: &users::User) -> OutboundMessage {
        let Self { task, household_id } = self;
        words::TASK_COMPLETED.say(&TaskCompleted { task: Task::of(task), household_id, completed_by: User::of(by) })
    }

    fn assigned(self, to: &users::User) -> OutboundMessage {
        let Self { task, household_id } = self;
        words::TASK_ASSIGNED.say(&TaskAssigned { task: Task::of(task), household_id, assigned_to: User::of(to) })
    }

    fn unassigned(self, from: &users::User) -> OutboundMessage {
        let Self { task, household_id } = self;
        words::TASK_UNASSIGNED.say(&TaskUnassigned { task: Task::of(task), household_id, unassigned_from: User::of(from) })
    }
}
