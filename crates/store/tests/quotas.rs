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
use store::{Database, NodeOptions, Options, Writer};
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
fn usage_on_all_nodes_counts_within_ten_seconds() {
    let url = TestServer::shared().create_database();
    let quotas = QuotaBounds { objects_per_day: Some(6), ..QuotaBounds::default() };
    let clock = Arc::new(AtomicI64::new(NOW));
    let start = |id: &str| {
        let node = Some(NodeOptions { id: id.to_owned(), epoch: "e".to_owned() });
        let database = Database::open(Options { quotas, node, ..Options::new(&url) }).unwrap();
        let time = Arc::clone(&clock);
        Writer::start(&database, move || Timestamp(time.load(Ordering::SeqCst)), IdGenerator::new(|| 42), drop::<PersistedEvent>).unwrap().0
    };
    let (a, b) = (start("a"), start("b"));
    let (reply, met) = mpsc::channel();
    a.run(actor(false), EnsureUser { claims: Claims::default() }, move |result| reply.send(result.map(drop)).unwrap());
    met.recv().unwrap().unwrap();
    let create_all = |creations: [(&Writer, usize); 2]| {
        for (writer, count) in creations {
            for _ in 0..count {
                assert_eq!(create(writer, false), Ok(()));
            }
        }
        clock.fetch_add(11_000_000, Ordering::SeqCst);
        // The next batch of each node stores what it has counted, and reads the sums.
        for writer in [&a, &b, &a] {
            assert_eq!(create(writer, true), Ok(()));
        }
    };
    create_all([(&a, 2), (&b, 2)]);
    create_all([(&a, 1), (&b, 1)]);
    let over = |retry_after| Err(DomainError::OverQuota { retry_after });
    assert_eq!(create(&b, false), over(86_378), "six objects on both");
    assert_eq!(create(&a, false), Ok(()), "this node has read the sums before the other has stored its last object");
    create_all([(&a, 0), (&b, 0)]);
    assert_eq!((create(&a, false), create(&b, false)), (over(86_367), over(86_367)));
    clock.fetch_add(24 * 60 * 60 * 1_000_000, Ordering::SeqCst);
    create_all([(&a, 3), (&b, 3)]);
    assert_eq!(create(&b, false), over(86_389), "the windows of both nodes are one");
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
