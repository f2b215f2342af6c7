//! The household contract: households and their tasks, over Socket.IO.

mod events;
pub mod objects;
pub mod payloads;
mod rate_limits;
mod rest;

use client_json::json;
use domain::error::DomainError;
use domain::event::{Event, PersistedEvent};
use domain::ids::{RoomId, RoomKind};
use domain::tasks;
use domain::users;
use engine::OutboundMessage;
use rest_toolkit::api::RestApi;

use super::acknowledgements::{AckOk, ConstBool};
use super::auth_refresh::EXPIRING;
use super::event_schema::{ClientEvent, ContractSchema, ServerEvent, parse_event};
use super::shared_events::{ERROR, RESYNC};
use super::{ClientMessage, Contract, EntryAudience, Outcome, ParsedRequest, Reply, RequestInfo, error_reply};
use events::HouseholdAck;
use objects::{Task, User};
use payloads::{
    HouseholdUpdated, InviteCodeRefreshed, MemberJoined, MemberLeft, TaskAssigned, TaskChanged, TaskCompleted, TaskDeleted, TaskUnassigned,
    UserUpdated,
};

/// The household contract.
#[derive(Clone, Copy, Debug)]
pub struct HouseholdContract;

impl Contract for HouseholdContract {
    fn namespace(&self) -> Option<&'static str> {
        Some("/household")
    }

    fn schema(&self) -> ContractSchema {
        ContractSchema {
            contract: "household",
            about: "Households and their tasks.",
            namespace: self.namespace(),
            server_events: events::server_events().into_iter().chain([ERROR.schema(), EXPIRING.schema(), RESYNC.schema()]).collect(),
            client_events: events::CLIENT_EVENTS.iter().map(ClientEvent::schema).collect(),
            close_codes: Vec::new(),
        }
    }

    fn kinds(&self) -> &'static [RoomKind] {
        &[RoomKind::Household]
    }

    fn room_field(&self) -> &'static str {
        "householdId"
    }

    fn auto_joins(&self, room: &RoomId) -> bool {
        room.kind() == RoomKind::Household
    }

    fn entry_audience(&self) -> EntryAudience {
        EntryAudience::NoUsers
    }

    fn persisted_event(&self, persisted: &PersistedEvent) -> Vec<OutboundMessage> {
        if persisted.room.kind() != RoomKind::Household {
            return Vec::new();
        }
        let household_id = persisted.room.id();
        match &persisted.event {
            Event::TaskCreated { task } => {
                let change = TaskChange { task, household_id };
                let assigned = task.assigned_to.iter().map(|to| change.assigned(to));
                [change.changed(&events::TASK_CREATED)].into_iter().chain(assigned).collect()
            }
            Event::TaskUpdated { task, toggled_by, assigned, unassigned, .. } => {
                let change = TaskChange { task, household_id };
                let completed = toggled_by.iter().map(|by| change.completed(by));
                let assigned = assigned.iter().map(|to| change.assigned(to));
                let unassigned = unassigned.iter().map(|from| change.unassigned(from));
                [change.changed(&events::TASK_UPDATED)].into_iter().chain(completed).chain(assigned).chain(unassigned).collect()
            }
            Event::TaskToggled { task, by } => vec![TaskChange { task, household_id }.completed(by)],
            Event::TaskAssigned { task, to, .. } => vec![TaskChange { task, household_id }.assigned(to)],
            Event::TaskUnassigned { task, from, .. } => vec![TaskChange { task, household_id }.unassigned(from)],
            Event::TaskDeleted { task, .. } => vec![events::TASK_DELETED.render(&TaskDeleted { task_id: task.to_string(), household_id })],
            Event::SpaceUpdated { space, .. } => {
                vec![events::HOUSEHOLD_UPDATED.render(&HouseholdUpdated { household: objects::Household::of(space) })]
            }
            Event::MemberJoined { space, user, .. } => {
                vec![events::MEMBER_JOINED.render(&MemberJoined { user: User::of(user), household: objects::Household::of(space) })]
            }
            Event::MemberLeft { space, user, .. } => vec![events::MEMBER_LEFT.render(&MemberLeft::of(space, user))],
            Event::InviteRefreshed { space } => vec![events::INVITE_CODE_REFRESHED.render(&InviteCodeRefreshed::of(space))],
            Event::ProfileUpdated { user, .. } => vec![events::USER_UPDATED.render(&UserUpdated { user: User::of(user), household_id })],
            _ => Vec::new(),
        }
    }

    fn parse(&self, message: &ClientMessage<'_>) -> Option<ParsedRequest> {
        parse_event(events::CLIENT_EVENTS, message)
    }

    fn rest_api(&self) -> Option<RestApi> {
        Some(rest::api())
    }

    fn answer(&self, request: &RequestInfo<'_>, result: Result<&Outcome, &DomainError>) -> Reply {
        match result {
            Err(error) => error_reply(request.name, error, request.acked, self.field_names()),
            // Clients of this contract wait for no other answer than the acknowledgement.
            Ok(_) if !request.acked => Reply::default(),
            Ok(Outcome::Joined(room) | Outcome::Left(room)) => {
                Reply { ack: Some(json(&HouseholdAck { ok: ConstBool, household_id: room.id() })), ..Reply::default() }
            }
            // No request of this contract has another result.
            Ok(_) => Reply { ack: Some(json(&AckOk::default())), ..Reply::default() },
        }
    }
}

/// A task and its household. The methods encode the changes of a task as the contract's events.
#[derive(Clone, Copy)]
struct TaskChange<'a> {
    task: &'a tasks::Task,
    household_id: &'a str,
}

impl<'a> TaskChange<'a> {
    fn changed(self, event: &ServerEvent<TaskChanged<'a>>) -> OutboundMessage {
        let Self { task, household_id } = self;
        event.render(&TaskChanged { task: Task::of(task), household_id })
    }

    fn completed(self, by: &users::User) -> OutboundMessage {
        let Self { task, household_id } = self;
        events::TASK_COMPLETED.render(&TaskCompleted { task: Task::of(task), household_id, completed_by: User::of(by) })
    }

    fn assigned(self, to: &users::User) -> OutboundMessage {
        let Self { task, household_id } = self;
        events::TASK_ASSIGNED.render(&TaskAssigned { task: Task::of(task), household_id, assigned_to: User::of(to) })
    }

    fn unassigned(self, from: &users::User) -> OutboundMessage {
        let Self { task, household_id } = self;
        events::TASK_UNASSIGNED.render(&TaskUnassigned { task: Task::of(task), household_id, unassigned_from: User::of(from) })
    }
}
