//! What became of an event on each connection of a user.

use client_json::timestamps::Milliseconds;
use domain::event::Event;
use domain::ids::{RoomId, Timestamp, UserId};
use engine::{DeliveryOutcome, DeliveryStep};
use realtime::{ConnectionEnd, ExplainedConnection, Timing};

use super::outcome::Outcome;
use super::report::{ConnectionReport, RoomStayReport, StepReport};

/// The reason of a connection that was closed because its client did not read.
const TOO_SLOW: &str = "too slow";

/// An event, for its way to the connections of a user.
pub(super) struct EventOnConnections<'a> {
    /// The event, if the event log still has it.
    pub event: Option<&'a Event>,
    /// The user.
    pub user: &'a UserId,
    /// When it was published, or else stored.
    pub at: Option<Timestamp>,
    /// How far back the log of deliveries reaches.
    pub reaches_back_to: Option<Timestamp>,
    /// The present time.
    pub now: Timestamp,
}

/// Explains each connection of a user. They are in the order of their beginnings.
pub(super) fn explain_connections(event: &EventOnConnections<'_>, connections: &[ExplainedConnection]) -> Vec<ConnectionReport> {
    let explained = connections.iter().enumerate().map(|(index, connection)| {
        let same_id = |other: &&ExplainedConnection| other.id == connection.id;
        let chain = Chain {
            is_continued: connections[index + 1..].iter().any(|later| same_id(&later)),
            began_before: connections[..index].iter().filter(same_id).any(|earlier| earlier.timing == Some(Timing::During)),
        };
        let outcome = event.outcome(connection, chain);
        report(connection, outcome, event.text(connection, outcome))
    });
    explained.collect()
}

/// The connections with the same id: each continues the one before.
#[derive(Clone, Copy)]
struct Chain {
    /// Whether a later connection continues this one.
    is_continued: bool,
    /// Whether the event was published during an earlier one.
    began_before: bool,
}

impl EventOnConnections<'_> {
    /// What became of the event on a connection.
    fn outcome(&self, connection: &ExplainedConnection, chain: Chain) -> Outcome {
        let has = |wanted: fn(&DeliveryStep) -> bool| connection.steps.iter().any(|(_, step)| wanted(step));
        let is_known_to_client = chain.began_before && connection.was_received_before;
        if has(|step| *step == DeliveryStep::Confirmed) || !connection.steps.is_empty() && connection.is_acked || is_known_to_client {
            return Outcome::Confirmed;
        }
        if has(|step| matches!(step, DeliveryStep::Replaced(_))) {
            return Outcome::Replaced;
        }
        if has(|step| *step == DeliveryStep::Delivered(DeliveryOutcome::Dropped)) {
            return Outcome::Dropped;
        }
        if connection.steps.is_empty() {
            return self.outcome_without_steps(connection, chain);
        }
        match &connection.end {
            None if has(|step| *step == DeliveryStep::Written) => Outcome::Written,
            None => Outcome::Waiting,
            Some(end) => self.outcome_after_end(end, chain),
        }
    }

    /// What became of an event that a client had not confirmed when its connection ended.
    fn outcome_after_end(&self, end: &ConnectionEnd, chain: Chain) -> Outcome {
        match end.recoverable_until {
            _ if chain.is_continued => Outcome::Continued,
            Some(until) if self.now <= until => Outcome::AwaitsReturn,
            _ if end.reason == TOO_SLOW => Outcome::TooSlow,
            Some(_) => Outcome::Expired,
            None => Outcome::Lost,
        }
    }

    /// What became of an event that no step is known of.
    fn outcome_without_steps(&self, connection: &ExplainedConnection, chain: Chain) -> Outcome {
        let Some(at) = self.at else { return Outcome::NoLongerKnown };
        match (self.timing(connection, at), &connection.end) {
            (Timing::Before, _) => return Outcome::OpenedLater,
            (Timing::After, Some(end)) if end.recoverable_until.is_some_and(|until| until >= at) && was_in_room_at_end(connection) => {
                return self.outcome_after_end(end, chain);
            }
            (Timing::After, _) => return Outcome::EndedBefore,
            (Timing::During, _) => {}
        }
        let was_in_room = connection.rooms.iter().any(|stay| stay.since <= at && stay.until.is_none_or(|until| until >= at));
        match was_in_room {
            false => Outcome::NotInRoom,
            true if self.excludes(connection) => Outcome::Excluded,
            true if self.is_all_known() => Outcome::NotInNamespace,
            true if connection.is_acked => Outcome::Confirmed,
            true => Outcome::NoLongerKnown,
        }
    }

    /// Whether the server still knows all deliveries and connections of the time of the event.
    pub fn is_all_known(&self) -> bool {
        self.reaches_back_to.zip(self.at).is_some_and(|(reached, at)| reached <= at)
    }

    /// Compares the time of the event with the time of a connection. Without an offset it compares clocks.
    fn timing(&self, connection: &ExplainedConnection, at: Timestamp) -> Timing {
        let by_clock = match &connection.end {
            _ if at < connection.since => Timing::Before,
            Some(end) if end.at < at => Timing::After,
            _ => Timing::During,
        };
        connection.timing.unwrap_or(by_clock)
    }

    /// Whether the event excludes the user or the connection.
    fn excludes(&self, connection: &ExplainedConnection) -> bool {
        let inbox = RoomId::inbox(self.user);
        match self.event {
            Some(Event::Emitted { custom_event }) => {
                custom_event.except.contains(&inbox) || custom_event.except_connections.contains(&connection.id)
            }
            Some(Event::CallInitiated { not_for, .. }) => not_for.contains(self.user),
            _ => false,
        }
    }

    /// The outcome on a connection in a sentence.
    fn text(&self, connection: &ExplainedConnection, outcome: Outcome) -> String {
        let end = connection.end.as_ref();
        let reason = end.map_or("", |end| end.reason);
        let until = end.and_then(|end| end.recoverable_until).map(|until| Milliseconds(until).to_string()).unwrap_or_default();
        let is_known_to_client = connection.was_received_before && connection.steps.is_empty();
        let is_replayed = connection.steps.iter().any(|(_, step)| *step == DeliveryStep::Replayed);
        match outcome {
            Outcome::Confirmed if is_known_to_client => {
                "The client returned with a position behind the event, so it had received the event before.".to_owned()
            }
            Outcome::Confirmed if is_replayed => "The event was replayed after a reconnect, and the client has confirmed it.".to_owned(),
            Outcome::Confirmed => "The client has confirmed the event: it answered a ping that was sent later.".to_owned(),
            Outcome::Written if is_replayed => "The event was replayed after a reconnect. The client has not confirmed it yet.".to_owned(),
            Outcome::Written => "The event was sent. The client confirms it with the answer to the next ping.".to_owned(),
            Outcome::Waiting => {
                format!("The event waits in the server, because the client does not read: {} bytes wait.", connection.waiting_bytes)
            }
            Outcome::AwaitsReturn => {
                format!("The connection has ended ({reason}). The client receives the event if it returns until {until}.")
            }
            Outcome::Replaced => "A newer event that contains this one took its place while it waited.".to_owned(),
            Outcome::TooSlow => "The connection was closed, because its client did not read and too many bytes waited for it.".to_owned(),
            Outcome::Dropped => "The event is volatile, and the client could not take it at that instant.".to_owned(),
            Outcome::Expired => format!(
                "The connection has ended ({reason}) before the client confirmed the event, and the client has not returned until {until}."
            ),
            Outcome::Lost => {
                format!("The connection has ended ({reason}) before the client confirmed the event, and the client could not recover it.")
            }
            Outcome::Excluded => "The event excludes this user or connection.".to_owned(),
            Outcome::NotInRoom => "The connection was in none of the rooms that receive the event.".to_owned(),
            Outcome::NotInNamespace => "The namespace of the connection does not have the event.".to_owned(),
            Outcome::OpenedLater => "The connection was opened after the event. Its client loads what it needs over REST.".to_owned(),
            Outcome::EndedBefore => format!("The connection had ended before the event ({reason})."),
            Outcome::Continued => format!("The connection has ended ({reason}). A later connection with the same id continues it."),
            Outcome::NoLongerKnown | Outcome::NotAMember | Outcome::Offline => {
                "The log of deliveries does not reach back as far.".to_owned()
            }
        }
    }
}

/// Whether a connection was in a room of the event when it ended: its client then receives what it missed there.
fn was_in_room_at_end(connection: &ExplainedConnection) -> bool {
    connection.rooms.iter().any(|stay| stay.until.is_none())
}

fn report(connection: &ExplainedConnection, outcome: Outcome, summary: String) -> ConnectionReport {
    let rooms = connection.rooms.iter().map(|stay| RoomStayReport {
        room: stay.room.to_string(),
        since: Milliseconds(stay.since),
        until: stay.until.map(Milliseconds),
    });
    let end = connection.end;
    ConnectionReport {
        id: connection.id.clone(),
        namespace: connection.namespace.clone(),
        transport: connection.transport,
        outcome,
        summary,
        connected_at: Milliseconds(connection.since),
        is_recovered: connection.is_recovered,
        ended_at: end.map(|end| Milliseconds(end.at)),
        end_reason: end.map(|end| end.reason),
        recoverable_until: end.and_then(|end| end.recoverable_until).map(Milliseconds),
        rooms: rooms.collect(),
        steps: connection.steps.iter().map(|(at, step)| step_report(*at, *step)).collect(),
    }
}

fn step_report(at: Timestamp, step: DeliveryStep) -> StepReport {
    let (step, text) = match step {
        DeliveryStep::Delivered(DeliveryOutcome::Queued) => {
            ("queued", "The server put the event into the outbox of the connection.".to_owned())
        }
        DeliveryStep::Delivered(DeliveryOutcome::Deferred) => {
            ("deferred", "The client still receives earlier events; the event waits in the event log.".to_owned())
        }
        DeliveryStep::Delivered(DeliveryOutcome::Dropped) => ("dropped", "The server dropped the volatile event.".to_owned()),
        DeliveryStep::Replayed => ("replayed", "The server replayed the event from the event log.".to_owned()),
        DeliveryStep::Written => ("written", "The server passed the event to the network.".to_owned()),
        DeliveryStep::Replaced(newer) => ("replaced", format!("The event at offset {newer}, which contains this one, took its place.")),
        DeliveryStep::Confirmed => ("confirmed", "The client answered a ping that was sent after the event.".to_owned()),
    };
    StepReport { at: Milliseconds(at), step, text }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use domain::custom_events::CustomEvent;
    use realtime::StayInRoom;

    use super::*;

    const AT: i64 = 1_000;

    fn connection(timing: Timing, steps: &[DeliveryStep]) -> ExplainedConnection {
        ExplainedConnection {
            id: "socket".into(),
            namespace: Some("/".into()),
            transport: "websocket",
            since: Timestamp(0),
            is_recovered: false,
            end: None,
            rooms: vec![StayInRoom { room: RoomId::everyone(), since: Timestamp(1), until: None }],
            timing: Some(timing),
            was_received_before: false,
            steps: iter::repeat(Timestamp(AT)).zip(steps.iter().copied()).collect(),
            is_acked: false,
            waiting_bytes: 7,
        }
    }

    fn ended(connection: ExplainedConnection, at: i64, reason: &'static str, recoverable_until: Option<i64>) -> ExplainedConnection {
        let recoverable_until = recoverable_until.map(Timestamp);
        ExplainedConnection { end: Some(ConnectionEnd { at: Timestamp(at), reason, recoverable_until }), ..connection }
    }

    fn outcomes(event: Option<&Event>, connections: &[ExplainedConnection]) -> Vec<Outcome> {
        let (user, at) = (UserId::new("ben"), Some(Timestamp(AT)));
        let event = EventOnConnections { event, user: &user, at, reaches_back_to: Some(Timestamp(0)), now: Timestamp(5_000) };
        explain_connections(&event, connections).iter().map(|report| report.outcome).collect()
    }

    const QUEUED: DeliveryStep = DeliveryStep::Delivered(DeliveryOutcome::Queued);
    const DEFERRED: DeliveryStep = DeliveryStep::Delivered(DeliveryOutcome::Deferred);
    const DROPPED: DeliveryStep = DeliveryStep::Delivered(DeliveryOutcome::Dropped);

    #[test]
    fn steps_on_an_open_connection_decide_the_outcome() {
        use DeliveryStep::{Confirmed, Replaced, Replayed, Written};
        for (steps, expected) in [
            (&[QUEUED][..], Outcome::Waiting),
            (&[DEFERRED], Outcome::Waiting),
            (&[QUEUED, Written], Outcome::Written),
            (&[QUEUED, Written, Confirmed], Outcome::Confirmed),
            (&[DEFERRED, Replayed, Written, Confirmed], Outcome::Confirmed),
            (&[QUEUED, Replaced(9)], Outcome::Replaced),
            (&[DROPPED], Outcome::Dropped),
        ] {
            assert_eq!(outcomes(None, &[connection(Timing::During, steps)]), [expected], "{steps:?}");
        }
        let acked = ExplainedConnection { is_acked: true, ..connection(Timing::During, &[QUEUED, Written]) };
        assert_eq!(outcomes(None, &[acked]), [Outcome::Confirmed], "the pong is no longer in the log");
    }

    #[test]
    fn end_before_the_confirmation_decides_the_outcome() {
        let sent = || connection(Timing::During, &[QUEUED, DeliveryStep::Written]);
        for (reason, until, expected) in [
            ("transport close", Some(9_000), Outcome::AwaitsReturn),
            ("transport close", Some(4_000), Outcome::Expired),
            ("client namespace disconnect", None, Outcome::Lost),
            ("too slow", Some(4_000), Outcome::TooSlow),
            ("too slow", Some(9_000), Outcome::AwaitsReturn),
        ] {
            assert_eq!(outcomes(None, &[ended(sent(), 2_000, reason, until)]), [expected], "{reason} {until:?}");
        }
        let away = || ended(connection(Timing::After, &[]), 500, "transport close", Some(9_000));
        assert_eq!(outcomes(None, &[away()]), [Outcome::AwaitsReturn]);
        let not_in_room = ExplainedConnection { rooms: Vec::new(), ..away() };
        assert_eq!(outcomes(None, &[not_in_room]), [Outcome::EndedBefore]);
        let long_ago = ended(connection(Timing::After, &[]), 500, "transport close", Some(900));
        assert_eq!(outcomes(None, &[long_ago]), [Outcome::EndedBefore], "it could not return any more when the event was published");
    }

    #[test]
    fn recovered_connection_continues_the_one_before() {
        let lost = || ended(connection(Timing::During, &[QUEUED]), 2_000, "ping timeout", Some(9_000));
        let replayed = connection(Timing::Before, &[DeliveryStep::Replayed, DeliveryStep::Written]);
        assert_eq!(outcomes(None, &[lost(), replayed]), [Outcome::Continued, Outcome::Written]);
        let knew = ExplainedConnection { was_received_before: true, ..connection(Timing::Before, &[]) };
        assert_eq!(outcomes(None, &[lost(), knew.clone()]), [Outcome::Continued, Outcome::Confirmed]);
        let other = ExplainedConnection { id: "other".into(), ..knew };
        assert_eq!(outcomes(None, &[lost(), other]), [Outcome::AwaitsReturn, Outcome::OpenedLater], "a new session");
    }

    #[test]
    fn connection_without_steps_has_a_reason() {
        let open = || connection(Timing::During, &[]);
        assert_eq!(outcomes(None, &[open()]), [Outcome::NotInNamespace]);
        for stay in [(1, Some(999)), (1_001, None)] {
            let rooms = vec![StayInRoom { room: RoomId::everyone(), since: Timestamp(stay.0), until: stay.1.map(Timestamp) }];
            assert_eq!(outcomes(None, &[ExplainedConnection { rooms, ..open() }]), [Outcome::NotInRoom], "{stay:?}");
        }
        let custom_event = |except: &[&str], except_connections: &[&str]| Event::Emitted {
            custom_event: CustomEvent {
                rooms: vec![RoomId::everyone()],
                except: except.iter().filter_map(|room| RoomId::parse(room)).collect(),
                except_connections: except_connections.iter().map(|id| (*id).to_owned()).collect(),
                name: "order".into(),
                data: None,
            },
        };
        for (event, expected) in [
            (custom_event(&["user:ben"], &[]), Outcome::Excluded),
            (custom_event(&["user:anna"], &["socket"]), Outcome::Excluded),
            (custom_event(&["user:anna"], &["other"]), Outcome::NotInNamespace),
        ] {
            assert_eq!(outcomes(Some(&event), &[open()]), [expected], "{event:?}");
        }
    }
}
