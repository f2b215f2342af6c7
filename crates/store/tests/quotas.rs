//! The usage of a user's quota survives a restart of the writer.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, mpsc};

use domain::command::Actor;
use domain::error::DomainError;
use domain::event::PersistedEvent;
use domain::id_generator::IdGenerator;
use domain::ids::{RoomKind, Timestamp, UserId};
use domain::quotas::QuotaBounds;
use domain::spaces::CreateSpace;
use domain::users::{Claims, EnsureUser};
use store::{Database, Options, Writer};
use test_postgres::TestServer;

const NOW: i64 = 1_763_035_200_000_000;

fn actor(admin: bool) -> Actor {
    Actor { user: UserId::new("ann"), admin }
}

fn create(writer: &Writer, admin: bool) -> Result<(), DomainError> {
    let (reply, answer) = mpsc::channel();
    let command = CreateSpace { kind: RoomKind::ChatRoom, name: "Team".to_owned(), members: Vec::new() };
    writer.run(actor(admin), command, move |result| reply.send(result.map(drop)).unwrap());
    answer.recv().unwrap()
}

#[test]
fn quota_usage_survives_a_restart_and_resets_next_day() {
    let folder = tempfile::tempdir().unwrap();
    check(&format!("sqlite://{}", folder.path().join("test.db").display()));
    check(&TestServer::shared().create_database());
}

fn check(url: &str) {
    let quotas = QuotaBounds { objects_per_day: Some(3), ..QuotaBounds::default() };
    let clock = Arc::new(AtomicI64::new(NOW));
    let run = |commands: &mut dyn FnMut(&Writer)| {
        let database = Database::open(Options { quotas, ..Options::new(url) }).unwrap();
        let time = Arc::clone(&clock);
        let clock = move || Timestamp(time.load(Ordering::SeqCst));
        let (writer, thread) = Writer::start(&database, clock, IdGenerator::new(|| 42), drop::<PersistedEvent>).unwrap();
        let (reply, met) = mpsc::channel();
        writer.run(actor(false), EnsureUser { claims: Claims::default() }, move |result| reply.send(result.map(drop)).unwrap());
        met.recv().unwrap().unwrap();
        commands(&writer);
        writer.close();
        thread.join().unwrap();
    };
    run(&mut |writer| {
        for _ in 0..3 {
            assert_eq!(create(writer, false), Ok(()));
        }
        assert_eq!(create(writer, false), Err(DomainError::OverQuota { retry_after: 86_400 }));
        assert_eq!(create(writer, true), Ok(()), "an admin has no quota");
        clock.fetch_add(20_000_000, Ordering::SeqCst);
        // The used quota is stored with the next batch.
        assert_eq!(create(writer, true), Ok(()));
    });
    run(&mut |writer| assert_eq!(create(writer, false), Err(DomainError::OverQuota { retry_after: 86_380 })));
    clock.fetch_add(24 * 60 * 60 * 1_000_000, Ordering::SeqCst);
    run(&mut |writer| assert_eq!(create(writer, false), Ok(())));
}
