//! A PostgreSQL database that was found, locked for this process, and brought up to date.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ports::{SessionStore, StoreError, StoreResult};

use crate::database::{ClusterStart, NodeOptions, OpenError, Options};
use crate::driver::{Driver, Row, Tables, Transactions};
use crate::migrations;
use crate::postgres::driver::{Member, Postgres};
use crate::postgres::link::{Link, Purpose};
use crate::postgres::session::Request;
use crate::postgres::url::{Target, parse};

/// How long a name in PostgreSQL's list of sessions may be. PostgreSQL shortens a longer one, with a notice for each session.
const MAX_NAME_BYTES: usize = 63;

/// A PostgreSQL database in use by this process.
pub(crate) struct PostgresServer {
    target: Arc<Target>,
    /// The name of this process in PostgreSQL's list of sessions.
    name: String,
    /// For a node: its place in the cluster.
    member: Option<Member>,
    cluster: Option<ClusterStart>,
    /// The link whose session holds the locks of this server, until the writer takes it and after the writer has ended.
    link: Mutex<Option<Link>>,
}

impl fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresServer").field("server", &self.target.server).finish_non_exhaustive()
    }
}

impl PostgresServer {
    /// Finds a database, locks it for this process until this value is dropped, and brings its schema up to date.
    pub(crate) fn open(options: &Options) -> Result<Self, OpenError> {
        let target = Arc::new(parse(&options.url)?);
        let node = options.node.as_ref();
        let name = node.map_or_else(|| "roomcast ".to_owned(), |node| format!("roomcast node {} ", node.id)) + &options.holder;
        let name = name[..name.floor_char_boundary(MAX_NAME_BYTES)].to_owned();
        let (link, cluster) = on_own_thread(|| {
            let purpose = node.map_or(Purpose::Server, |node| Purpose::Node(node.id.as_str().into()));
            let mut link = Link::open(&target, purpose, &name)?;
            migrations::apply_to_postgres(&mut link)?;
            match node {
                Some(node) => start_cluster(link, node).map(|(link, start)| (link, Some(start))),
                None => Ok((link, None)),
            }
        })?;
        let member = node.zip(cluster.as_ref()).map(|(node, start)| Member::new(&node.id, &start.epoch));
        Ok(Self { target, name, member, cluster, link: Mutex::new(Some(link)) })
    }

    /// For a node: how it has found the database.
    pub(crate) fn cluster(&self) -> Option<&ClusterStart> {
        self.cluster.as_ref()
    }

    /// Takes the link of the writer, whose session holds the locks, and reads what the writer needs at its start.
    pub(crate) fn start_writer<T: Send>(
        &self,
        read: impl FnOnce(&mut Tables<Postgres>) -> StoreResult<T> + Send,
    ) -> Result<(Tables<Postgres>, T), OpenError> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner).take();
        let purpose = || self.member.as_ref().map_or(Purpose::Server, |member| Purpose::Node(Arc::clone(&member.id)));
        let link = link.map_or_else(|| self.connect(purpose()), Ok)?;
        on_own_thread(|| {
            let mut tables = Tables(Postgres::of_writer(link, self.member.clone()));
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
        on_own_thread(|| Ok(Link::open(&self.target, purpose, &self.name)?))
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

/// Deletes what nodes have stored for their own next transaction: none of them runs.
const FORGET_NODES: &str = "DELETE FROM marks WHERE name LIKE 'last_batch:%' OR name LIKE 'joined:%'";

/// Begins the epoch of a cluster if this node is the first, and lets other nodes use the database then. Another node joins the last epoch.
fn start_cluster(mut link: Link, node: &NodeOptions) -> Result<(Link, ClusterStart), OpenError> {
    let is_first = link.is_alone();
    if is_first {
        let mut tables = Tables(Postgres::new(link));
        tables.0.begin()?;
        tables.begin_epoch(&node.epoch)?;
        tables.0.post(FORGET_NODES, &[])?;
        tables.0.complete()?;
        tables.0.commit()?;
        link = tables.0.into_link();
        link.share()?;
    }
    let sql = "SELECT (SELECT name FROM epochs ORDER BY id DESC LIMIT 1), value, (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT
        FROM marks WHERE name = 'database_id'";
    let reply = link.exchange(&[Request::plain(sql)]).pop().transpose().map_err(|failure| failure.into_error())?;
    let row = reply.as_ref().and_then(|reply| reply.rows.first());
    let row = row.ok_or_else(|| StoreError::Broken("the database has lost its id".to_owned()))?;
    let epoch = row.owned_text(0)?.ok_or_else(|| OpenError::Failed("no node has begun an epoch yet; start this node again".to_owned()))?;
    let start = ClusterStart { epoch, is_first, database_id: format!("{:016x}", row.int(1)?), time: row.time(2)? };
    Ok((link, start))
}

/// Runs a function on a thread of its own: a link waits for replies, which a task must not do.
fn on_own_thread<T: Send>(work: impl FnOnce() -> Result<T, OpenError> + Send) -> Result<T, OpenError> {
    let ended = std::thread::scope(|scope| scope.spawn(work).join());
    ended.unwrap_or_else(|_| Err(OpenError::Failed("the thread that connects to PostgreSQL has panicked".to_owned())))
}
