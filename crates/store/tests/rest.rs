//! What the writer does while there is nothing to do.

#![allow(clippy::unwrap_used)]

use std::sync::mpsc;
use std::thread::sleep;
use std::time::Duration;

use domain::event::Event;
use domain::ids::Generator;
use domain::names::{Kind, Timestamp};
use domain::operation::Actor;
use store::{Database, Options, Writer};

#[test]
fn a_writer_without_commands_gives_its_memory_back_once_and_goes_on() {
    let database = Database::open(Options::new("sqlite::memory:")).unwrap();
    let (writer, thread) = Writer::start(&database, || Timestamp(0), Generator::new(|| 0), drop).unwrap();
    let rests = |count| {
        while writer.figures().rests < count {
            sleep(Duration::from_millis(1));
        }
        assert_eq!(writer.figures().rests, count);
    };
    for count in 1..=2 {
        let (reply, answer) = mpsc::channel();
        let room = Kind::Household.room(1);
        let work = move |tx: &mut domain::operation::Tx<'_>| tx.record_at(&room, Event::NotificationsRead);
        writer.submit(Actor::server(), work, move |offset| reply.send(offset).unwrap());
        assert_eq!(answer.recv().unwrap(), Ok(count));
        rests(count as u64);
    }
    writer.close();
    thread.join().unwrap();
}
