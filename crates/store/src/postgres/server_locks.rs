//! The locks that identify the servers of a database: a single server holds the lock of the database alone, and nodes share it. A node also holds a
//! lock of its id. A session holds them until it ends.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_postgres::{Client, Error};

use crate::driver::Row;
use crate::postgres::problem::PostgresProblem;

/// The first number of all advisory locks of Roomcast: "room" in ASCII. The second number distinguishes the lock from the others.
pub(crate) const LOCKS: i32 = 0x726f_6f6d;
/// The lock of the servers that write to the database.
const SERVER_LOCK: i32 = 1;
/// The first number of the locks of nodes. The second is a digest of the node's id.
const NODE_LOCKS: i32 = 0x726f_6f6e;
/// The SQL for the second numbers of the locks of the nodes whose processes run; see [`lock_number`]. 1919905646 is [`NODE_LOCKS`].
///
/// The session of a frozen process stays open, but its writer no longer checks its connection every second. The times of another role's sessions are not
/// visible.
pub(crate) const RUNNING_NODES: &str = "SELECT l.objid::BIGINT FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.classid::BIGINT = 1919905646 AND l.objsubid = 2 AND l.granted AND a.datname = current_database()
        AND (a.state = 'active' OR a.state_change IS NULL OR a.state_change > clock_timestamp() - INTERVAL '10 seconds')";

/// How long a start waits for a lock: the sessions of a killed server end after a moment.
const LOCK_WAIT: Duration = Duration::from_secs(2);
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// How long the first node waits for nodes that have not stopped. A node whose connection was lost is back sooner: it checks its connection every second, and
/// the pauses between its attempts are as long.
const RETURN_WAIT: Duration = Duration::from_secs(4);

/// A session that takes locks.
pub(super) struct Locks<'a> {
    pub(super) client: &'a Client,
    /// The address and the name of the database, for messages.
    pub(super) server: &'a str,
}

/// A session that holds a lock.
struct Holder {
    /// Its name and its address, for messages.
    name: String,
    /// Whether it is the session of a node.
    is_node: bool,
}

impl Locks<'_> {
    /// Takes the lock of the database alone.
    pub(super) async fn take_alone(&self) -> Result<(), PostgresProblem> {
        let until = Instant::now() + LOCK_WAIT;
        while !self.try_lock("pg_try_advisory_lock", LOCKS, SERVER_LOCK).await? {
            if Instant::now() >= until {
                let (server, holder) = (self.server.to_owned(), self.holder(LOCKS, SERVER_LOCK).await?);
                return Err(match holder {
                    Some(Holder { name, is_node: true }) => PostgresProblem::NodesRun { server, holder: name },
                    holder => PostgresProblem::InUse { server, holder: name_of(holder) },
                });
            }
            sleep(LOCK_INTERVAL).await;
        }
        Ok(())
    }

    /// Takes the lock of a node's id, and then shares the lock of the database. With `may_be_first` it takes the lock alone if no other server has it.
    /// Returns whether it has the lock alone, which [`share`] ends.
    pub(super) async fn take_as_node(&self, id: &str, may_be_first: bool) -> Result<bool, PostgresProblem> {
        self.take_node_lock(id).await?;
        let mut until = Instant::now() + LOCK_WAIT;
        let mut others_return_until = None;
        loop {
            let others_are_gone = others_return_until.is_none_or(|until| Instant::now() >= until);
            if may_be_first && others_are_gone && self.try_lock("pg_try_advisory_lock", LOCKS, SERVER_LOCK).await? {
                if others_return_until.is_some() || !self.others_may_return(id).await? {
                    return Ok(true);
                }
                self.run("pg_advisory_unlock", LOCKS, SERVER_LOCK).await?;
                tracing::info!(server = self.server, "no other node is connected, but some have not stopped; waits for them");
                others_return_until = Some(Instant::now() + RETURN_WAIT);
            }
            if self.try_lock("pg_try_advisory_lock_shared", LOCKS, SERVER_LOCK).await? {
                if !may_be_first || self.is_shared().await? {
                    return Ok(false);
                }
                // Other nodes have not returned yet, or the server that had the lock alone has ended before it had prepared the database.
                self.run("pg_advisory_unlock_shared", LOCKS, SERVER_LOCK).await?;
                until = Instant::now() + LOCK_WAIT;
            }
            if Instant::now() >= until {
                match self.holder(LOCKS, SERVER_LOCK).await? {
                    Some(Holder { name, is_node: true }) => {
                        tracing::info!(server = self.server, node = name, "waits until the first node has prepared the database");
                        until = Instant::now() + LOCK_WAIT;
                    }
                    holder => return Err(PostgresProblem::SingleServer { server: self.server.to_owned(), holder: name_of(holder) }),
                }
            }
            sleep(LOCK_INTERVAL).await;
        }
    }

    async fn take_node_lock(&self, id: &str) -> Result<(), PostgresProblem> {
        let (lock, until) = (digest(id), Instant::now() + LOCK_WAIT);
        while !self.try_lock("pg_try_advisory_lock", NODE_LOCKS, lock).await? {
            if Instant::now() >= until {
                let holder = name_of(self.holder(NODE_LOCKS, lock).await?);
                return Err(PostgresProblem::NodeInUse { server: self.server.to_owned(), id: id.to_owned(), holder });
            }
            sleep(LOCK_INTERVAL).await;
        }
        Ok(())
    }

    async fn try_lock(&self, function: &str, class: i32, number: i32) -> Result<bool, PostgresProblem> {
        let sql = format!("SELECT {function}({class}, {number})");
        Ok(self.client.query_one(&sql, &[]).await.map_err(|error| self.failed(&error))?.get(0))
    }

    async fn run(&self, function: &str, class: i32, number: i32) -> Result<(), PostgresProblem> {
        let sql = format!("SELECT {function}({class}, {number})");
        self.client.batch_execute(&sql).await.map_err(|error| self.failed(&error))
    }

    /// Whether another session has the lock of the database.
    async fn is_shared(&self) -> Result<bool, PostgresProblem> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {} AND l.pid <> pg_backend_pid())", held(LOCKS, SERVER_LOCK));
        Ok(self.client.query_one(&sql, &[]).await.map_err(|error| self.failed(&error))?.get(0))
    }

    /// Whether other nodes take part in the present epoch and have not stopped: they were killed, or PostgreSQL has restarted and they connect again.
    async fn others_may_return(&self, id: &str) -> Result<bool, PostgresProblem> {
        let has_tables = "SELECT to_regclass('marks') IS NOT NULL AND to_regclass('epochs') IS NOT NULL";
        if !self.client.query_one(has_tables, &[]).await.map_err(|error| self.failed(&error))?.get::<_, bool>(0) {
            return Ok(false);
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM marks WHERE name LIKE 'joined:%' AND name <> 'joined:' || $1::TEXT
            AND value = (SELECT MAX(id) FROM epochs))";
        // The tables of another program have other columns.
        Ok(self.client.query_one(sql, &[&id]).await.is_ok_and(|row| row.get(0)))
    }

    /// A session that holds a lock.
    async fn holder(&self, class: i32, number: i32) -> Result<Option<Holder>, PostgresProblem> {
        let sql = format!(
            "SELECT a.application_name, COALESCE(host(a.client_addr), 'this machine'),
                EXISTS (SELECT 1 FROM pg_locks n WHERE n.pid = l.pid AND n.locktype = 'advisory' AND n.classid::BIGINT = {NODE_LOCKS})::INT
            FROM {} ORDER BY a.backend_start",
            held(class, number)
        );
        let rows = self.client.query(&sql, &[]).await.map_err(|error| self.failed(&error))?;
        Ok(rows.first().and_then(|row| {
            let (name, address) = (row.maybe_text(0).ok()??, row.maybe_text(1).ok()??);
            let name: String = name.chars().filter(|character| !character.is_control()).collect();
            Some(Holder { name: format!("\"{name}\" from {address}"), is_node: row.int(2).ok()? != 0 })
        }))
    }

    fn failed(&self, error: &Error) -> PostgresProblem {
        PostgresProblem::failed(self.server, error)
    }
}

/// Shares the lock of the database that this session has alone, without a moment in which it has none.
pub(super) fn share() -> String {
    format!("SELECT pg_advisory_lock_shared({LOCKS}, {SERVER_LOCK}); SELECT pg_advisory_unlock({LOCKS}, {SERVER_LOCK})")
}

/// The locks of sessions of this database that hold a lock, as a part of SQL.
fn held(class: i32, number: i32) -> String {
    // The view shows both numbers without a sign.
    let (class, number) = (class.cast_unsigned(), number.cast_unsigned());
    format!(
        "pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.classid::BIGINT = {class}
            AND l.objid::BIGINT = {number} AND l.objsubid = 2 AND l.granted AND a.datname = current_database()"
    )
}

fn name_of(holder: Option<Holder>) -> String {
    holder.map_or_else(|| "another server".to_owned(), |holder| holder.name)
}

/// The second number of the lock of a node's id (FNV-1a). It must stay the same in all versions. Two ids of a cluster with the same digest, one of
/// four billion, would be refused like the same id.
fn digest(id: &str) -> i32 {
    let digest = |digest: u32, byte: u8| (digest ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    id.bytes().fold(0x811c_9dc5, digest).cast_signed()
}

/// The second number of the lock of a node's id as PostgreSQL shows it: without a sign.
pub(crate) fn lock_number(id: &str) -> i64 {
    digest(id).cast_unsigned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_locks_stay_the_same() {
        assert!(RUNNING_NODES.contains(&format!("classid::BIGINT = {NODE_LOCKS} ")));
        assert_eq!([digest(""), digest("a")], [-2_128_831_035, -468_965_076]);
        assert_ne!(digest("node-1"), digest("node-2"));
    }
}
