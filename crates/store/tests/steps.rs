//! Data that may be too large for one transaction is removed in steps, each a command of its own. After a restart the server removes the rest.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex, mpsc};

use domain::command::{Actor, Command, CommandContext, Query};
use domain::error::DomainError;
use domain::event::{Event, PersistedEvent};
use domain::id_generator::IdGenerator;
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::removals::{CHANGES_PER_STEP, ContinueRemovals, DeleteUser, MEMBERS_PER_STEP};
use domain::sessions::ReadEvents;
use domain::spaces::{CreateSpace, JoinRoom, RemoveMember, Role};
use domain::tasks::CreateTask;
use domain::trips::{CreateTrip, DeleteTrip, TripDetails};
use domain::users::{Claims, EnsureUser, UpdateProfile, User};
use store::{Database, Options, Writer};
use tempfile::TempDir;

const T0: Timestamp = Timestamp(1_763_725_000_000_000);

/// A server that is restarted for each command.
struct Restarting(TempDir);

impl Restarting {
    fn run<T: Send + 'static>(
        &self,
        actor: &str,
        work: impl FnOnce(&mut CommandContext<'_>) -> Result<T, DomainError> + Clone + Send + 'static,
    ) -> (Result<T, DomainError>, Vec<PersistedEvent>) {
        let database = Database::open(Options::new(format!("sqlite://{}", self.0.path().join("test.db").display()))).unwrap();
        let persisted_events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&persisted_events);
        let (writer, thread) =
            Writer::start(&database, || T0, IdGenerator::new(|| 42), move |persisted| told.lock().unwrap().push(persisted)).unwrap();
        let (reply, answer) = mpsc::channel();
        let actor = if actor.is_empty() { Actor::server() } else { Actor { user: UserId::new(actor), admin: false } };
        writer.submit(actor, work, move |result| reply.send(result).unwrap());
        let answer = answer.recv().unwrap();
        writer.close();
        thread.join().unwrap();
        let persisted_events = std::mem::take(&mut *persisted_events.lock().unwrap());
        (answer, persisted_events)
    }

    fn command<C: Command>(&self, actor: &str, command: C) -> (Result<C::Output, DomainError>, Vec<PersistedEvent>) {
        self.run(actor, |context| command.execute(context))
    }

    /// The events of each step until the removal has ended.
    fn finish(&self) -> Vec<Vec<PersistedEvent>> {
        let mut steps = Vec::new();
        loop {
            let (more, persisted_events) = self.command("", ContinueRemovals);
            if !more.unwrap() {
                return steps;
            }
            steps.push(persisted_events);
        }
    }
}

fn anna(context: &mut CommandContext<'_>) {
    context.store.insert_user(&User { name: "Anna".to_owned(), ..User::unseen(UserId::new("anna"), T0) }).unwrap();
}

#[test]
fn large_user_is_deleted_in_steps_across_restarts() {
    let server = Restarting(tempfile::tempdir().unwrap());
    let (spaces, tasks) = (2 * CHANGES_PER_STEP + 20, CHANGES_PER_STEP + 10);
    let (rooms, _) = server.run("anna", move |context| {
        anna(context);
        let mut rooms = Vec::new();
        for _ in 0..spaces {
            rooms.push(CreateSpace { kind: RoomKind::Household, name: "Home".to_owned(), members: Vec::new() }.execute(context)?.room);
        }
        for _ in 0..tasks {
            let mut task = CreateTask::new(rooms[0].clone(), "Dishes".to_owned());
            task.assigned_to = vec![UserId::new("anna")];
            task.execute(context)?;
        }
        Ok(rooms)
    });
    let rooms = rooms.unwrap();

    let (deleted, first) = server.command("anna", DeleteUser { user: UserId::new("anna") });
    assert_eq!(deleted.unwrap().name, "Anna");
    assert_eq!(first.len(), CHANGES_PER_STEP as usize, "the first step is no larger than the others");
    let (met, _) = server.command("anna", EnsureUser { claims: Claims::default() });
    assert!(matches!(met, Err(DomainError::Unavailable(_))), "a user in removal cannot connect: {met:?}");
    let (again, persisted_events) = server.command("anna", DeleteUser { user: UserId::new("anna") });
    assert!(again.is_ok() && persisted_events.is_empty(), "the removal continues");

    let steps = server.finish();
    assert!(
        steps.len() >= 3 && steps.iter().all(|persisted_events| persisted_events.len() <= CHANGES_PER_STEP as usize),
        "{}",
        steps.len()
    );
    let persisted_events: Vec<PersistedEvent> = first.into_iter().chain(steps.into_iter().flatten()).collect();
    let taken_back = persisted_events.iter().filter(|persisted| matches!(persisted.event, Event::TaskUnassigned { .. })).count();
    let mut left: Vec<RoomId> = persisted_events
        .iter()
        .filter(|persisted| matches!(&persisted.event, Event::MemberLeft { by, .. } if *by == Some(UserId::new("anna"))))
        .map(|persisted| persisted.room.clone())
        .collect();
    left.sort();
    let mut all = rooms;
    all.sort();
    assert_eq!((taken_back, left), (tasks as usize, all), "each task and each household once");
    let (known, _) = server.run("", |context| Ok(context.store.user(&UserId::new("anna"))?));
    assert_eq!(known, Ok(None));
    let meet = |issued_at| server.command("anna", EnsureUser { claims: Claims { issued_at, ..Claims::default() } }).0;
    for before in [None, Some(T0.minus_seconds(1)), Some(T0)] {
        assert_eq!(meet(before).unwrap_err(), DomainError::UserDeleted, "a token of {before:?} may be older than the deletion");
    }
    assert!(meet(Some(T0.minus_seconds(-1))).unwrap().created);
    assert_eq!(meet(Some(T0)).unwrap_err(), DomainError::UserDeleted, "the older token stays refused");
}

#[test]
fn user_is_deleted_while_a_trip_of_the_user_is_removed() {
    for user_first in [true, false] {
        let server = Restarting(tempfile::tempdir().unwrap());
        let (trip, _) = server.run("anna", move |context| {
            anna(context);
            context.store.insert_user(&User::unseen(UserId::new("ben"), T0))?;
            let trip = CreateTrip { name: "Rome".to_owned(), details: TripDetails::default() }.execute(context)?.space.room;
            for number in 1..2 * MEMBERS_PER_STEP {
                context.store.put_member(&trip, &UserId::new(format!("member-{number}")), Role::Member, T0)?;
            }
            context.store.put_member(&trip, &UserId::new("ben"), Role::Member, T0)?;
            Ok(trip)
        });
        let trip = trip.unwrap();
        let (joined, _) = server.run("ben", |context| {
            for _ in 0..CHANGES_PER_STEP {
                CreateSpace { kind: RoomKind::Household, name: "Home".to_owned(), members: Vec::new() }.execute(context)?;
            }
            Ok(())
        });
        joined.unwrap();
        let delete_user = || server.command("", DeleteUser { user: UserId::new("ben") }).0.unwrap();
        if user_first {
            delete_user();
        }
        server.command("anna", DeleteTrip { room: trip.clone() }).0.unwrap();
        if !user_first {
            delete_user();
        }
        server.finish();
        let (left, _) = server.run("", move |context| {
            Ok((
                context.store.user(&UserId::new("ben"))?,
                context.store.member_ids(&trip, 1)?,
                context.store.rooms_of(&UserId::new("ben"), None)?,
            ))
        });
        assert_eq!(left.unwrap(), (None, vec![], vec![]), "the user first: {user_first}");
    }
}

#[test]
fn large_trip_is_deleted_and_notifies_each_member_once() {
    let server = Restarting(tempfile::tempdir().unwrap());
    let members = 2 * MEMBERS_PER_STEP + 50;
    let (trip, _) = server.run("anna", move |context| {
        anna(context);
        let trip = CreateTrip { name: "Rome".to_owned(), details: TripDetails::default() }.execute(context)?.space.room;
        for number in 1..members {
            let user = UserId::new(format!("member-{number}"));
            context.store.insert_user(&User::unseen(user.clone(), T0))?;
            context.store.put_member(&trip, &user, Role::Member, T0)?;
        }
        Ok(trip)
    });
    let trip = trip.unwrap();
    let (deleted, first) = server.command("anna", DeleteTrip { room: trip.clone() });
    let deleted = deleted.unwrap();
    assert_eq!((deleted.space.member_count, deleted.space.members.len()), (u64::from(members), 100));
    let late = format!("member-{}", members - 1);
    let (entered, _) = server.command(&late, JoinRoom { room: trip.clone(), session: None, since: false });
    assert!(matches!(entered, Err(DomainError::NotFound(_))), "{entered:?}");
    let (left, _) = server.command(&late, RemoveMember { room: trip, user: UserId::new(late.as_str()) });
    assert!(matches!(left, Err(DomainError::NotFound(_))), "{left:?}");

    let persisted_events: Vec<PersistedEvent> = first.into_iter().chain(server.finish().into_iter().flatten()).collect();
    assert!(persisted_events.iter().all(|persisted| persisted.reach() <= MEMBERS_PER_STEP as usize));
    let mut told: Vec<RoomId> = persisted_events.iter().flat_map(PersistedEvent::audience).collect();
    told.sort();
    let count = told.len();
    told.dedup();
    assert_eq!((count, told.len()), (members as usize, members as usize));
}

#[test]
fn all_tasks_of_a_leaving_member_are_unassigned() {
    let server = Restarting(tempfile::tempdir().unwrap());
    let tasks = 3 * CHANGES_PER_STEP + 7;
    let (home, _) = server.run("anna", move |context| {
        anna(context);
        let home = CreateSpace { kind: RoomKind::Household, name: "Home".to_owned(), members: Vec::new() }.execute(context)?.room;
        for _ in 0..tasks {
            let mut task = CreateTask::new(home.clone(), "Dishes".to_owned());
            task.assigned_to = vec![UserId::new("anna")];
            task.execute(context)?;
        }
        Ok(home)
    });
    let (left, first) = server.command("anna", RemoveMember { room: home.unwrap(), user: UserId::new("anna") });
    left.unwrap();
    assert!(first.len() <= 2 * CHANGES_PER_STEP as usize + 1, "{}", first.len());
    let steps = server.finish();
    let persisted_events = first.iter().chain(steps.iter().flatten());
    assert_eq!(persisted_events.filter(|persisted| matches!(persisted.event, Event::TaskUnassigned { .. })).count(), tasks as usize);
}

#[test]
fn profile_update_is_one_row_and_an_event_per_household() {
    let server = Restarting(tempfile::tempdir().unwrap());
    let (made, _) = server.run("anna", |context| {
        anna(context);
        for _ in 0..300 {
            CreateSpace { kind: RoomKind::Household, name: "Home".to_owned(), members: Vec::new() }.execute(context)?;
        }
        Ok(())
    });
    made.unwrap();
    let (before, _) = server.run("", |context| Ok(context.store.last_offset()?));
    let before = before.unwrap();
    let (_, persisted_events) =
        server.command("anna", UpdateProfile { user: UserId::new("anna"), name: Some("Anna B.".to_owned()), avatar_url: None });
    assert_eq!(
        (persisted_events.len(), persisted_events[0].offset, persisted_events[0].first_offset(), persisted_events[0].reach()),
        (1, before + 300, before + 1, 300)
    );
    let each = persisted_events[0].in_each_room().unwrap().unwrap();
    let offsets: Vec<i64> = each.iter().map(|persisted| persisted.offset).collect();
    assert_eq!(offsets, (before + 1..=before + 300).collect::<Vec<_>>());
    assert_eq!(each.iter().map(|persisted| &persisted.room).collect::<std::collections::BTreeSet<_>>().len(), 300);
    // Reading it for many households costs the database no more than reading it for one.
    let read = |offsets: Vec<i64>| {
        let database = Database::open(Options::new(format!("sqlite://{}", server.0.path().join("test.db").display()))).unwrap();
        let query = ReadEvents { offsets, bytes: usize::MAX };
        database.with_counted_store(|store| query.execute(store, &Actor::server()).unwrap()).unwrap()
    };
    let (one, steps) = read(vec![before + 1]);
    assert_eq!(one, each[..1]);
    assert_eq!(read(offsets), (each.clone(), steps));
    // The next event has the offset behind all of these, and the stored event is read again unchanged.
    let (next, persisted_events) = server.run("", |context| {
        let next = context.record_event_at(&RoomId::everyone(), Event::NotificationsRead)?;
        Ok((next, context.store.events_after(next - 2, T0, 9)?.events))
    });
    let (next, found) = next.unwrap();
    assert_eq!((next, found[0].offset, persisted_events.len()), (before + 301, before + 300, 1));
    assert_eq!(found[0].in_each_room().unwrap().unwrap(), each);
}
