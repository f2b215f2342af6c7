//! A database with a writer, as a server or a node has it.

use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;

use domain::command::{Actor, Command, CommandContext};
use domain::error::DomainError;
use domain::event::{Event, PersistedEvent};
use domain::id_generator::IdGenerator;
use domain::ids::{RoomKind, Timestamp};
use store::{Database, NodeOptions, Options, Writer};
use test_postgres::TestServer;

pub const NOW: Timestamp = Timestamp(1_763_725_000_000_000);

pub struct Server {
    pub database: Database,
    pub writer: Writer,
    thread: JoinHandle<()>,
    published: Receiver<PersistedEvent>,
}

/// The options of a node, whose epoch has the name of the node.
pub fn node(url: &str, id: &str) -> Options {
    let node = NodeOptions { id: id.to_owned(), epoch: format!("epoch of {id}") };
    Options { node: Some(node), holder: format!("process of {id}"), ..Options::new(url) }
}

/// Waits until PostgreSQL has ended all sessions of a database, so that the next node is the first.
pub fn wait_for_no_sessions(url: &str) {
    let sessions = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while TestServer::shared().sql(url.rsplit('/').next().unwrap(), sessions) != "0" {}
}

impl Server {
    /// A single server.
    pub fn on(url: &str) -> Self {
        Self::open(Options::new(url), NOW)
    }

    /// A node.
    pub fn node(url: &str, id: &str) -> Self {
        Self::open(node(url, id), NOW)
    }

    pub fn open(options: Options, clock: Timestamp) -> Self {
        let database = Database::open(options).unwrap();
        let (publish, published) = mpsc::channel();
        let sink = move |persisted: PersistedEvent| publish.send(persisted).unwrap();
        let (writer, thread) = Writer::start(&database, move || clock, IdGenerator::new(|| 42), sink).unwrap();
        Self { database, writer, thread, published }
    }

    /// Runs a command of the server itself, and waits for its result.
    pub fn run<C: Command>(&self, command: C) -> Result<C::Output, DomainError> {
        self.writer.run_as_server_blocking(command).unwrap()
    }

    /// Runs a command of a user, and waits for its result.
    pub fn run_as<C: Command>(&self, actor: Actor, command: C) -> Result<C::Output, DomainError> {
        let (reply, result) = mpsc::channel();
        self.writer.run(actor, command, move |output| reply.send(output).unwrap());
        result.recv().unwrap()
    }

    /// Executes work, and waits for its result.
    pub fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut CommandContext<'_>) -> Result<T, DomainError> + Clone + Send + 'static,
    ) -> Result<T, DomainError> {
        let (reply, result) = mpsc::channel();
        self.writer.submit(Actor::server(), work, move |output| reply.send(output).unwrap());
        result.recv().unwrap()
    }

    /// Records an event, and waits for its result.
    pub fn record(&self, number: i64) -> Result<(), DomainError> {
        self.submit(move |context| context.record_event(&RoomKind::Household.room(1), Event::TaskDeleted { task: number, by: None }))
    }

    /// The numbers of the recorded events that are stored, in the order of their offsets, which have no holes.
    pub fn recorded(&self) -> Vec<i64> {
        let stored = self.database.with_store(|store| store.events_after(0, Timestamp(0), 10_000)).unwrap().unwrap().events;
        assert!(stored.iter().map(|persisted| persisted.offset).eq(1..=stored.len() as i64));
        assert!(stored.iter().map(|persisted| persisted.seq).eq(1..=stored.len() as i64));
        stored.iter().map(task_of).collect()
    }

    pub fn close(self) -> Vec<PersistedEvent> {
        self.writer.close();
        self.thread.join().unwrap();
        self.published.iter().collect()
    }
}

pub fn task_of(persisted: &PersistedEvent) -> i64 {
    let Event::TaskDeleted { task, .. } = persisted.event else { panic!("{persisted:?}") };
    task
}
