//! What a source and a target can do. Each database driver has both.

use crate::copy::page::RowPage;
use crate::copy::problem::CopyError;
use crate::copy::schema::CopiedTable;

/// A connection to one of the two databases, in a transaction.
pub(super) trait CopyEnd {
    /// The number that a query returns.
    fn number(&mut self, sql: &str) -> Result<i64, CopyError>;

    /// How many rows of a table are copied.
    fn count(&mut self, table: &CopiedTable) -> Result<u64, CopyError> {
        Ok(self.number(&table.count())?.unsigned_abs())
    }
}

/// The database that is read, at one moment.
pub(super) trait CopySource: CopyEnd + Send {
    /// Reads all rows of a table, a page at a time. An error of `take` ends it.
    fn read(&mut self, table: &CopiedTable, take: &mut dyn FnMut(RowPage) -> Result<(), CopyError>) -> Result<(), CopyError>;
}

/// The database that is written, in one transaction. Nothing is stored if it is dropped before [`CopyTarget::commit`].
pub(super) trait CopyTarget: CopyEnd {
    /// Deletes the rows of a table that the copied ones replace.
    fn clear(&mut self, table: &CopiedTable) -> Result<(), CopyError>;

    /// Begins to store rows of a table.
    fn begin_table(&mut self, table: &CopiedTable) -> Result<(), CopyError>;

    /// Stores rows of the table.
    fn write(&mut self, table: &CopiedTable, page: &RowPage) -> Result<(), CopyError>;

    /// Ends the rows of the table.
    fn end_table(&mut self, table: &CopiedTable) -> Result<(), CopyError>;

    /// Lets the numbers that the database gives continue behind the copied rows, and the event log behind this offset.
    fn continue_numbers(&mut self, tables: &[CopiedTable], event_log_end: i64) -> Result<(), CopyError>;

    /// Commits.
    fn commit(&mut self) -> Result<(), CopyError>;
}
