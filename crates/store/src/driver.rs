//! The interface of a database driver, for the SQL of the areas.
//!
//! The SQL is written once for all databases: BIGINT and TEXT only, ids from the server, `ON CONFLICT`, and parameters `$1`, `$2` … whose first
//! appearances are in that order (SQLite numbers them by appearance).

use std::sync::Arc;
use std::time::Duration;

use domain::event::Account;
use domain::ids::{EntityId, RoomId, Timestamp, UserId};
use domain::ports::{StoreError, StoreResult};
use domain::quotas::{Usage, UsageChange};

use crate::batch::{BatchContext, Job};
use crate::readers::QueryJob;

/// A parameter of a statement.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Value<'a> {
    Int(i64),
    Text(&'a str),
    Null,
}

/// A row of a result; columns count from 0.
pub(crate) trait Row {
    fn maybe_int(&self, column: usize) -> StoreResult<Option<i64>>;
    fn maybe_text(&self, column: usize) -> StoreResult<Option<&str>>;

    fn int(&self, column: usize) -> StoreResult<i64> {
        self.maybe_int(column)?.ok_or_else(|| unexpected(column, "a number"))
    }

    fn text(&self, column: usize) -> StoreResult<&str> {
        self.maybe_text(column)?.ok_or_else(|| unexpected(column, "a text"))
    }

    fn owned_text(&self, column: usize) -> StoreResult<Option<String>> {
        Ok(self.maybe_text(column)?.map(str::to_owned))
    }

    fn time(&self, column: usize) -> StoreResult<Timestamp> {
        Ok(Timestamp(self.int(column)?))
    }

    fn user_id(&self, column: usize) -> StoreResult<UserId> {
        Ok(UserId::new(self.text(column)?))
    }

    fn room(&self, column: usize) -> StoreResult<RoomId> {
        RoomId::parse(self.text(column)?).ok_or_else(|| unexpected(column, "a room"))
    }
}

fn unexpected(column: usize, wanted: &str) -> StoreError {
    StoreError::Broken(format!("column {column} of a row is not {wanted}"))
}

/// An event that is to be appended to the event log.
pub(crate) struct NewEvent<'a> {
    pub(crate) room: &'a RoomId,
    pub(crate) at: Timestamp,
    /// The event as JSON.
    pub(crate) body: &'a str,
    pub(crate) account: Account,
    /// How many offsets the event takes, at least 1.
    pub(crate) offsets: usize,
}

/// The numbers of an event in the event log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct EventNumbers {
    /// The last of its offsets.
    pub(crate) offset: i64,
    /// Its number in its room; 0 if the driver gives it later, see [`Transactions::assigned_seq`].
    pub(crate) seq: i64,
}

/// A database driver.
pub(crate) trait Driver {
    /// The id of the node whose writer uses this driver; `None` for a single server, readers, and tools.
    fn node(&self) -> Option<Arc<str>> {
        None
    }

    /// Appends an event to the event log, with the next number of its room.
    fn append(&mut self, event: &NewEvent<'_>) -> StoreResult<EventNumbers>;

    /// The offset of the last event, including those of the present transaction.
    fn last_offset(&mut self) -> StoreResult<i64>;

    /// Writes the appended events that the driver has kept back, before SQL reads or deletes events.
    fn write_events(&mut self) -> StoreResult<()> {
        Ok(())
    }

    /// Runs a statement that changes rows; returns how many it changed.
    fn write(&mut self, sql: &'static str, values: &[Value<'_>]) -> StoreResult<u64>;

    /// Runs a statement that changes rows, whose number does not matter. The driver may send it together with a later statement. An error may then
    /// come from the later statement, or from the commit.
    fn post(&mut self, sql: &'static str, values: &[Value<'_>]) -> StoreResult<()> {
        self.write(sql, values).map(drop)
    }

    /// Runs a statement that changes the one row with a key. Error: the row does not exist.
    fn change_one(&mut self, sql: &'static str, values: &[Value<'_>]) -> StoreResult<()> {
        match self.write(sql, values)? {
            0 => Err(StoreError::Broken("the row to change is not stored".to_owned())),
            _ => Ok(()),
        }
    }

    /// The first row of a result.
    fn first<T>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(&dyn Row) -> StoreResult<T>,
    ) -> StoreResult<Option<T>>;

    /// All rows of a result.
    fn all<T>(&mut self, sql: &'static str, values: &[Value<'_>], read: impl FnMut(&dyn Row) -> StoreResult<T>) -> StoreResult<Vec<T>>;
}

/// The transactions of a driver. Each has parts, one for each command, which can be rolled back alone.
pub(crate) trait Transactions: Driver + Sized {
    /// Whether events get the numbers in their rooms at the end of the transaction; see [`Transactions::assigned_seq`].
    const NUMBERS_EVENTS_LATE: bool = false;

    /// Whether the commands of a transaction that has failed are executed again, each in a transaction of its own. A database on a network ends
    /// transactions for reasons that have passed a moment later.
    const REPEATS_COMMANDS: bool = false;

    /// Begins the transaction of a batch.
    fn begin_batch(batch_context: &mut BatchContext<Self>, _jobs: &[Box<dyn Job>]) -> StoreResult<()> {
        batch_context.session.0.begin()
    }

    /// Whether the database can be reached, as far as is known without a statement.
    fn is_reachable(&self) -> bool {
        true
    }

    /// Executes a job in a batch with this driver.
    fn execute(job: &mut dyn Job, batch_context: &mut BatchContext<Self>) -> StoreResult<()>;

    /// Executes a query with this driver.
    fn query(job: Box<dyn QueryJob>, session: &mut Tables<Self>);

    /// Begins a transaction that may write. It excludes all other transactions that may write.
    fn begin(&mut self) -> StoreResult<()>;

    /// Begins a read-only transaction: all its queries see the same state of the database.
    fn begin_to_read(&mut self) -> StoreResult<()>;

    /// Writes what belongs to the transaction as a whole, and not to one of its parts. Called before [`Transactions::commit`].
    fn complete(&mut self) -> StoreResult<()>;

    /// Commits the transaction to the disk. After an error the caller must call [`Transactions::rollback`].
    fn commit(&mut self) -> StoreResult<()>;

    /// Rolls the transaction back, if it has not ended.
    fn rollback(&mut self);

    /// False when the database has ended the transaction by itself, as SQLite does when the disk is full.
    fn in_transaction(&self) -> bool;

    /// The offset of the last event that the present transaction has read or appended; 0 if replies need not wait for events.
    fn position(&self) -> i64 {
        0
    }

    /// Begins a part of the transaction.
    fn savepoint(&mut self);

    /// Keeps the writes since [`Transactions::savepoint`].
    fn release(&mut self) -> StoreResult<()>;

    /// Rolls back the writes since [`Transactions::savepoint`].
    fn rollback_to(&mut self) -> StoreResult<()>;

    /// After the commit: the number in its room of an event whose number was not given when it was appended.
    fn assigned_seq(&self, _offset: i64) -> Option<i64> {
        None
    }

    /// Adds the usage of quotas to the stored usage, in the present transaction; returns the sums. `None` if no other server uses the database: then the
    /// counts of this server are the stored usage.
    fn add_usage(&mut self, _changes: &[UsageChange]) -> StoreResult<Option<Vec<(UserId, Usage)>>> {
        Ok(None)
    }

    /// How many round trips to the database there were, and how often the driver has connected again. 0 without a network.
    fn connection_counts(&self) -> (u64, u64) {
        (0, 0)
    }

    /// How long the writer waits for commands before it calls [`Transactions::check_connection`]; `None` if it never does.
    fn check_interval(&self) -> Option<Duration> {
        None
    }

    /// Connects again if the connection was lost while there were no commands.
    fn check_connection(&mut self) {}

    /// Releases memory after a burst of commands.
    fn release_memory(&mut self) {}

    /// Prepares the end of the last transaction's connection.
    fn finish(&mut self) {}
}

/// The tables, with any driver: each area's file implements the area's store trait for them.
pub(crate) struct Tables<D>(pub(crate) D);

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a UserId> for Value<'a> {
    fn from(id: &'a UserId) -> Self {
        Self::Text(id.as_str())
    }
}

impl<'a> From<&'a RoomId> for Value<'a> {
    fn from(room: &'a RoomId) -> Self {
        Self::Text(room.as_str())
    }
}

impl From<EntityId> for Value<'_> {
    fn from(number: EntityId) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Int(truth.into())
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Int(time.0)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The parameters of a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::driver::Value::from($value)),*] };
}
pub(crate) use values;
