//! Data that may be too large for one transaction is removed in steps, each a command of its own. After a restart the server removes the rest.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex, mpsc};

use domain::event::{Event, PersistedEvent};
use domain::id_generator::IdGenerator;
use domain::ids::{RoomKind, UserId, RoomId, Timestamp};
use domain::command::{Actor, Command, Query, CommandContext};
use domain::users::{Claims, DeleteUser, EnsureUser, User, UpdateProfile};
use domain::error::DomainError;
use domain::removals::{CHANGES_PER_STEP, ContinueRemovals, MEMBERS_PER_STEP};
use domain::sessions::ReadEvents;
use domain::spaces::{CreateSpace, JoinRoom, RemoveMember, Role};
use domain::tasks::CreateTask;
use domain::trips::{CreateTrip, DeleteTrip, TripDetails};
use store::{Database, Options, Writer};
use tempfile::TempDir;

const T0: Timestamp = Timestamp(1_763_725_000_000_000);

/// A server that is restarted for each command.
struct Restarting(TempDir);

impl Restarting {
    fn run<T: Send + 'static>(
        &self,
        actor: &str,
        work: impl FnOnce(&mut CommandContext<'_>) -> Result<T, DomainError> + Send + 'static,
    ) -> (Result<T, DomainError>, Vec<PersistedEvent>) {
        let database = Database::open(Options::new(format!("sqlite://{}", self.0.path().join("test.db").display()))).unwrap();
        let facts = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&facts);
        let (writer, thread) = Writer::start(&database, || T0, IdGenerator::new(|| 42), move |fact| told.lock().unwrap().push(fact)).unwrap();
        let (reply, answer) = mpsc::channel();
        let actor = if actor.is_empty() { Actor::server() } else { Actor { person: UserId::new(actor), admin: false } };
        writer.submit(actor, work, move |result| reply.send(result).unwrap());
        let answer = answer.recv().unwrap();
        writer.close();
        thread.join().unwrap();
        let facts = std::mem::take(&mut *facts.lock().unwrap());
        (answer, facts)
    }

    fn command<C: Command>(&self, actor: &str, command: C) -> (Result<C::Output, DomainError>, Vec<PersistedEvent>) {
        self.run(actor, |tx| command.execute(tx))
    }

    /// The events of each step until the removal has ended.
    fn finish(&self) -> Vec<Vec<PersistedEvent>> {
        let mut steps = Vec::new();
        loop {
            let (more, facts) = self.command("", ContinueRemovals);
            if !more.unwrap() {
                return steps;
            }
            steps.push(facts);
        }
    }
}

fn anna(tx: &mut CommandContext<'_>) {
    tx.store.insert_user(&User { name: "Anna".to_owned(), ..User::unseen(UserId::new("anna"), T0) }).unwrap();
}

#[test]
fn a_user_with_very_many_objects_is_deleted_in_steps_across_restarts() {
    let server = Restarting(tempfile::tempdir().unwrap());
    let (spaces, tasks) = (2 * CHANGES_PER_STEP + 20, CHANGES_PER_STEP + 10);
    let (rooms, _) = server.run("anna", move |tx| {
        anna(tx);
        let mut rooms = Vec::new();
        for _ in 0..spaces {
            rooms.push(CreateSpace { kind: RoomKind::Household, name: "Home".to_owned(), members: Vec::new() }.execute(tx)?.room);
        }
        for _ in 0..tasks {
            let mut task = CreateTask::new(rooms[0].clone(), "Dishes".to_owned());
            task.assigned_to = vec![UserId::new("anna")];
            task.execute(tx)?;
        }
        Ok(rooms)
    });
    let rooms = rooms.unwrap();

    let (deleted, first) = server.command("anna", DeleteUser { person: UserId::new("anna") });
    assert_eq!(deleted.unwrap().name, "Anna");
    assert_eq!(first.len(), CHANGES_PER_STEP as usize, "the first step is no larger than the others");
    let (met, _) = server.command("anna", EnsureUser { claims: Claims::default() });
    assert!(matches!(met, Err(DomainError::Unavailable(_))), "a user in removal cannot connect: {met:?}");
    let (again, facts) = server.command("anna", DeleteUser { person: UserId::new("anna") });
    assert!(again.is_ok() && facts.is_empty(), "the removal continues");

    let steps = server.finish();
    assert!(steps.len() >= 3 && steps.iter().all(|facts| facts.len() <= CHANGES_PER_STEP as usize), "{}", steps.len());
    let facts: Vec<PersistedEvent> = first.into_iter().chain(steps.into_iter().flatten()).collect();
    let taken_back = facts.iter().filter(|fact| matches!(fact.event, Event::TaskUnassigned { .. })).count();
    let mut left: Vec<RoomId> = facts
        .iter()
        .filter(|fact| matches!(&fact.event, Event::MemberLeft { by, .. } if *by == Some(UserId::new("anna"))))
        .map(|fact| fact.room.clone())
        .collect();
    left.sort();
    let mut all = rooms;
    all.sort();
    assert_eq!((taken_back, left), (tasks as usize, all), "each task and each household once");
    let (known, _) = server.run("", |tx| Ok(tx.store.user(&UserId::new("anna"))?));
    assert_eq!(known, Ok(None));
    let meet = |issued_at| server.command("anna", EnsureUser { claims: Claims { issued_at, ..Claims::default() } }).0;
    for before in [None, Some(T0.minus_seconds(1)), Some(T0)] {
        assert_eq!(meet(before).unwrap_err(), DomainError::UserDeleted, "a token of {before:?} may be older than the deletion");
    }
    assert!(meet(Some(T0.minus_seconds(-1))).unwrap().created);
    assert_eq!(meet(Some(T0)).unwrap_err(), DomainError::UserDeleted, "the older token stays refused");
}

#[test]
fn a_user_is_deleted_while_a_trip_of_the_user_is_being_removed() {
    for user_first in [true, false] {
        let server = Restarting(tempfile::tempdir().unwrap());
        let (trip, _) = server.run("anna", move |tx| {
            anna(tx);
            tx.store.insert_user(&User::unseen(UserId::new("ben"), T0))?;
            let trip = CreateTrip { name: "Rome".to_owned(), details: TripDetails::default() }.execute(tx)?.space.room;
            for number in 1..2 * MEMBERS_PER_STEP {
                tx.store.put_member(&trip, &UserId::new(format!("member-{number}")), Role::Member, T0)?;
            }
            tx.store.put_member(&trip, &UserId::new("ben"), Role::Member, T0)?;
            Ok(trip)
        });
        let trip = trip.unwrap();
        let (joined, _) = server.run("ben", |tx| {
            for _ in 0..CHANGES_PER_STEP {
                CreateSpace { kind: RoomKind::Household, name: "Home".to_owned(), members: Vec::new() }.execute(tx)?;
            }
            Ok(())
        });
        joined.unwrap();
        let delete_user = || server.command("", DeleteUser { person: UserId::new("ben") }).0.unwrap();
        if user_first {
            delete_user();
        }
        server.command("anna", DeleteTrip { room: trip.clone() }).0.unwrap();
        if !user_first {
            delete_user();
        }
        server.finish();
        let (left, _) = server.run("", move |tx| {
            Ok((tx.store.user(&UserId::new("ben"))?, tx.store.member_ids(&trip, 1)?, tx.store.rooms_of(&UserId::new("ben"), None)?))
        });
        assert_eq!(left.unwrap(), (None, vec![], vec![]), "the user first: {user_first}");
    }
}

#[test]
fn a_trip_with_very_many_members_is_gone_at_once_and_each_member_is_notified_once() {
    let server = Restarting(tempfile::tempdir().unwrap());
    let members = 2 * MEMBERS_PER_STEP + 50;
    let (trip, _) = server.run("anna", move |tx| {
        anna(tx);
        let trip = CreateTrip { name: "Rome".to_owned(), details: TripDetails::default() }.execute(tx)?.space.room;
        for number in 1..members {
            let person = UserId::new(format!("member-{number}"));
            tx.store.insert_user(&User::unseen(person.clone(), T0))?;
            tx.store.put_member(&trip, &person, Role::Member, T0)?;
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
    let (left, _) = server.command(&late, RemoveMember { room: trip, person: UserId::new(late.as_str()) });
    assert!(matches!(left, Err(DomainError::NotFound(_))), "{left:?}");

    let facts: Vec<PersistedEvent> = first.into_iter().chain(server.finish().into_iter().flatten()).collect();
    assert!(facts.iter().all(|fact| fact.reach() <= MEMBERS_PER_STEP as usize));
    let mut told: Vec<RoomId> = facts.iter().flat_map(PersistedEvent::audience).collect();
    told.sort();
    let count = told.len();
    told.dedup();
    assert_eq!((count, told.len()), (members as usize, members as usize));
}

#[test]
fn the_tasks_of_a_member_who_leaves_are_all_taken_back() {
    let server = Restarting(tempfile::tempdir().unwrap());
    let tasks = 3 * CHANGES_PER_STEP + 7;
    let (home, _) = server.run("anna", move |tx| {
        anna(tx);
        let home = CreateSpace { kind: RoomKind::Household, name: "Home".to_owned(), members: Vec::new() }.execute(tx)?.room;
        for _ in 0..tasks {
            let mut task = CreateTask::new(home.clone(), "Dishes".to_owned());
            task.assigned_to = vec![UserId::new("anna")];
            task.execute(tx)?;
        }
        Ok(home)
    });
    let (left, first) = server.command("anna", RemoveMember { room: home.unwrap(), person: UserId::new("anna") });
    left.unwrap();
    assert!(first.len() <= 2 * CHANGES_PER_STEP as usize + 1, "{}", first.len());
    let steps = server.finish();
    let facts = first.iter().chain(steps.iter().flatten());
    assert_eq!(facts.filter(|fact| matches!(fact.event, Event::TaskUnassigned { .. })).count(), tasks as usize);
}

#[test]
fn a_change_of_a_profile_is_one_row_and_a_fact_in_each_household() {
    let server = Restarting(tempfile::tempdir().unwrap());
    let (made, _) = server.run("anna", |tx| {
        anna(tx);
        for _ in 0..300 {
            CreateSpace { kind: RoomKind::Household, name: "Home".to_owned(), members: Vec::new() }.execute(tx)?;
        }
        Ok(())
    });
    made.unwrap();
    let (before, _) = server.run("", |tx| Ok(tx.store.last_offset()?));
    let before = before.unwrap();
    let (_, facts) =
        server.command("anna", UpdateProfile { person: UserId::new("anna"), name: Some("Anna B.".to_owned()), avatar_url: None });
    assert_eq!((facts.len(), facts[0].offset, facts[0].first_offset(), facts[0].reach()), (1, before + 300, before + 1, 300));
    let each = facts[0].in_each_room().unwrap().unwrap();
    let offsets: Vec<i64> = each.iter().map(|fact| fact.offset).collect();
    assert_eq!(offsets, (before + 1..=before + 300).collect::<Vec<_>>());
    assert_eq!(each.iter().map(|fact| &fact.room).collect::<std::collections::BTreeSet<_>>().len(), 300);
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
    let (next, facts) = server.run("", |tx| {
        let next = tx.record_event_at(&RoomId::everyone(), Event::NotificationsRead)?;
        Ok((next, tx.store.events_after(next - 2, T0, 9)?.events))
    });
    let (next, found) = next.unwrap();
    assert_eq!((next, found[0].offset, facts.len()), (before + 301, before + 300, 1));
    assert_eq!(found[0].in_each_room().unwrap().unwrap(), each);
}
