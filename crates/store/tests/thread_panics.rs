//! When a thread of the store dies, the process must end, because it would only seem to work.

#![allow(clippy::unwrap_used)]

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use domain::command::Actor;
use domain::id_generator::IdGenerator;
use domain::ids::Timestamp;
use store::{Database, Options, Writer};

/// The signal that ends a process that aborts.
const SIGABRT: i32 = 6;

/// The environment variable that makes the second process of this test the one that dies.
const DIES: &str = "THE_WRITER_DIES";

#[test]
fn process_ends_if_the_writer_panics() {
    if std::env::var_os(DIES).is_some() {
        return die();
    }
    let itself = std::env::current_exe().unwrap();
    let ended = Command::new(itself).args(["--exact", "process_ends_if_the_writer_panics", "--nocapture"]).env(DIES, "1").output().unwrap();
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{ended:?}");
}

/// Starts a writer whose clock panics, outside of the commands whose panics are caught, and waits for the end of its thread.
fn die() {
    let database = Database::open(Options::new("sqlite::memory:")).unwrap();
    let clock = || -> Timestamp { panic!("there is no time") };
    let (writer, thread) = Writer::start(&database, clock, IdGenerator::new(|| 0), drop).unwrap();
    writer.submit(Actor::server(), |_| Ok(()), drop);
    let _ = thread.join();
}
