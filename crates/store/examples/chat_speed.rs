//! Measures the cost of a chat message on the writer's thread: `cargo run --release -p roomcast-store --example chat_speed -- [messages] [folder or URL] [channels]`.
//!
//! Prints the CPU time of the writer's thread and the wall time for each message, with thousands waiting (full batches), and for known members who
//! connect again (which writes nothing). Linux only: it reads the thread's CPU time from /proc.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use domain::chat::SendMessage;
use domain::command::Actor;
use domain::error::DomainError;
use domain::event::PersistedEvent;
use domain::id_generator::IdGenerator;
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::spaces::{CreateChannel, CreateSpace, JoinRoom};
use domain::users::{Claims, EnsureUser};
use store::{Database, Options, Writer};

const USERS: usize = 100;
const BUNDLE: usize = 8192;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let messages: usize = arguments.next().map_or(Ok(300_000), |text| text.parse())?;
    let url = match arguments.next() {
        None => "sqlite::memory:".to_owned(),
        Some(place) if place == "-" => "sqlite::memory:".to_owned(),
        Some(place) if place.contains("://") => place,
        Some(folder) => format!("sqlite://{folder}/speed.db"),
    };
    let channel_count: usize = arguments.next().map_or(Ok(50), |text| text.parse())?;
    let database = Database::open(Options::new(url))?;
    let start = Instant::now();
    let clock = move || Timestamp(1_763_725_000_000_000 + start.elapsed().as_micros() as i64);
    let (writer, thread) = Writer::start(&database, clock, IdGenerator::new(|| 42), drop::<PersistedEvent>)?;

    let users: Vec<Actor> = (0..USERS).map(|n| Actor { user: UserId::new(format!("person-{n}")), admin: false }).collect();
    let claims = |n: usize| Claims { name: Some(format!("Person {n}")), email: Some(format!("p{n}@example.com")), ..Claims::default() };
    for (n, actor) in users.iter().enumerate() {
        wait(|send| writer.run(actor.clone(), EnsureUser { claims: claims(n) }, send))?;
    }
    let members = users.iter().map(|actor| actor.user.clone()).collect();
    let create = CreateSpace { kind: RoomKind::Project, name: "Speed".into(), members };
    let project = wait(|send| writer.run(users[0].clone(), create, send))?.room;
    let mut channels: Vec<RoomId> = Vec::new();
    for n in 0..channel_count {
        let create = CreateChannel { project: project.clone(), name: format!("channel {n}") };
        channels.push(wait(|send| writer.run(users[0].clone(), create, send))?.room);
    }

    flood("send a message", &writer, messages, |n, writer, done| {
        let content = format!("Message number {n}, as long as users' messages are on the whole.");
        let send =
            SendMessage { room: channels[n % channel_count].clone(), content, sort: None, file_url: None, metadata: None, client_id: None };
        writer.run(users[n * 7 % USERS].clone(), send, move |sent| done(sent.is_ok()));
    })?;
    flood("connect again", &writer, messages, |n, writer, done| {
        writer.run(users[n % USERS].clone(), EnsureUser { claims: claims(n % USERS) }, move |connected| done(connected.is_ok()));
    })?;
    flood("join a channel", &writer, messages, |n, writer, done| {
        let enter = JoinRoom { room: channels[n % channel_count].clone(), session: None, since: false };
        writer.run(users[n % USERS].clone(), enter, move |entered| done(entered.is_ok()));
    })?;
    flood("pass through the queue", &writer, messages, |_, writer, done| writer.submit_passthrough(move || done(true)))?;
    drop(writer);
    thread.join().map_err(|_| "the writer panicked")?;
    Ok(())
}

/// Runs `count` commands, with always between one and two thousands-strong bundles in flight, and prints what one cost. Only a bundle's last
/// command wakes this thread, so that its wake-ups are not counted.
fn flood(
    what: &str,
    writer: &Writer,
    count: usize,
    submit: impl Fn(usize, &Writer, Box<dyn FnOnce(bool) + Send>),
) -> Result<(), Box<dyn Error>> {
    let (sender, received) = channel();
    let failed = Arc::new(AtomicUsize::new(0));
    let cpu_before = writer_cpu(writer)?;
    let start = Instant::now();
    let bundles = count.div_ceil(BUNDLE);
    for bundle in 0..bundles {
        for n in 0..BUNDLE {
            let sender = (n == BUNDLE - 1).then(|| sender.clone());
            let failed = Arc::clone(&failed);
            let done = Box::new(move |ok: bool| {
                failed.fetch_add(usize::from(!ok), Relaxed);
                let _ = sender.map(|sender| sender.send(()));
            });
            submit(bundle * BUNDLE + n, writer, done);
        }
        if bundle > 0 {
            received.recv()?;
        }
    }
    received.recv()?;
    let wall = start.elapsed().as_secs_f64();
    let cpu = (writer_cpu(writer)? - cpu_before) as f64;
    let done = (bundles * BUNDLE) as f64;
    println!(
        "{what}: {done} in {wall:.2} s, {:.0}/s; writer's CPU {:.2} µs each; {} failed",
        done / wall,
        cpu / 1000.0 / done,
        failed.load(Relaxed)
    );
    Ok(())
}

/// Nanoseconds that the writer's thread has run.
fn writer_cpu(writer: &Writer) -> Result<u64, Box<dyn Error>> {
    let (sender, received): (_, Receiver<Option<u64>>) = channel();
    writer.submit_passthrough(move || {
        let account = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
        let _ = sender.send(account.and_then(|text| text.split(' ').next()?.parse().ok()));
    });
    Ok(received.recv()?.ok_or("no /proc/thread-self/schedstat")?)
}

/// Runs one command to its end.
fn wait<T: Send + 'static>(run: impl FnOnce(Box<dyn FnOnce(Result<T, DomainError>) + Send>)) -> Result<T, Box<dyn Error>> {
    let (sender, received) = channel();
    run(Box::new(move |output| {
        let _ = sender.send(output);
    }));
    Ok(received.recv()??)
}
