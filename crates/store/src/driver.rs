//! The interface of a database driver, for the SQL of the areas.
//!
//! The SQL is written once for all databases: BIGINT and TEXT only, ids from the server, `ON CONFLICT`, and parameters `$1`, `$2` … whose first
//! appearances are in that order (SQLite numbers them by appearance).

use domain::ids::{EntityId, RoomId, Timestamp, UserId};
use domain::ports::{StoreError, StoreResult};

use crate::sequences::Sequences;

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

/// A database driver.
pub(crate) trait Driver {
    /// The rooms' counters, inside a command's part of a transaction.
    fn sequences(&mut self) -> Option<&mut Sequences>;

    /// Runs a statement that changes rows; returns how many it changed.
    fn write(&mut self, sql: &'static str, values: &[Value<'_>]) -> StoreResult<u64>;

    /// Runs a statement that changes the one row with a key. Error: the row does not exist.
    fn change_one(&mut self, sql: &'static str, values: &[Value<'_>]) -> StoreResult<()> {
        match self.write(sql, values)? {
            0 => Err(StoreError::Broken("the row to change is not stored".to_owned())),
            _ => Ok(()),
        }
    }

    /// Runs a statement that inserts one row; returns the row's `{{serial}}` number.
    fn insert_numbered(&mut self, sql: &'static str, values: &[Value<'_>]) -> StoreResult<i64>;

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
