//! A PostgreSQL database that was found, locked for this process, and brought up to date.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ports::StoreResult;

use crate::database::OpenError;
use crate::driver::{Tables, Transactions};
use crate::migrations;
use crate::postgres::driver::Postgres;
use crate::postgres::link::{Link, Purpose};
use crate::postgres::url::{Target, parse};

/// A PostgreSQL database in use by this process.
pub(crate) struct PostgresServer {
    target: Arc<Target>,
    holder: String,
    /// The link whose session holds the lock of the database, until the writer takes it and after the writer has ended.
    link: Mutex<Option<Link>>,
}

impl fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresServer").field("server", &self.target.server).finish_non_exhaustive()
    }
}

impl PostgresServer {
    /// Finds a database, locks it for this process until this value is dropped, and brings its schema up to date.
    pub(crate) fn open(url: &str, holder: &str) -> Result<Self, OpenError> {
        let target = Arc::new(parse(url)?);
        let link = on_own_thread(|| {
            let mut link = Link::open(&target, Purpose::Writer, holder)?;
            migrations::apply_to_postgres(&mut link)?;
            Ok(link)
        })?;
        Ok(Self { target, holder: holder.to_owned(), link: Mutex::new(Some(link)) })
    }

    /// Takes the link of the writer, whose session holds the lock, and reads what the writer needs at its start.
    pub(crate) fn start_writer<T: Send>(
        &self,
        read: impl FnOnce(&mut Tables<Postgres>) -> StoreResult<T> + Send,
    ) -> Result<(Tables<Postgres>, T), OpenError> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner).take();
        let link = link.map_or_else(|| self.connect(Purpose::Writer), Ok)?;
        on_own_thread(|| {
            let mut tables = Tables(Postgres::new(link));
            let stored = read(&mut tables)?;
            Ok((tables, stored))
        })
    }

    /// Takes the link back from a writer that has ended.
    pub(crate) fn put_back(&self, link: Link) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
    }

    /// A link for a reader or a tool.
    pub(crate) fn reader(&self) -> Result<Link, OpenError> {
        self.connect(Purpose::Other)
    }

    fn connect(&self, purpose: Purpose) -> Result<Link, OpenError> {
        on_own_thread(|| Ok(Link::open(&self.target, purpose, &self.holder)?))
    }

    /// Runs a function on the store in one transaction, in which a statement that fails is undone alone. Returns its output, and the number of round
    /// trips that it took.
    pub(crate) fn with_store<T>(&self, work: impl FnOnce(&mut Tables<Postgres>) -> T) -> Result<(T, u64), OpenError> {
        let mut tables = Tables(Postgres::isolating_statements(self.reader()?));
        tables.0.begin()?;
        let before = tables.0.round_trips();
        let output = work(&mut tables);
        let round_trips = tables.0.round_trips() - before;
        tables.0.complete()?;
        tables.0.commit()?;
        Ok((output, round_trips))
    }
}

/// Runs a function on a thread of its own: a link waits for replies, which a task must not do.
fn on_own_thread<T: Send>(work: impl FnOnce() -> Result<T, OpenError> + Send) -> Result<T, OpenError> {
    let ended = std::thread::scope(|scope| scope.spawn(work).join());
    ended.unwrap_or_else(|_| Err(OpenError::Failed("the thread that connects to PostgreSQL has panicked".to_owned())))
}
