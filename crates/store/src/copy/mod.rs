//! Copies all data from one database to another: SQLite and PostgreSQL in any combination.
//!
//! Read in this order:
//!
//! - [`copy_database`]: the steps.
//! - `schema`: the tables that are copied. `page`: some rows of a table.
//! - `ends`: what a source and a target can do. `sqlite` and `postgres`: the two drivers.
//! - `open`: the checks before the copy. `problem`: why a database cannot be copied.

mod ends;
mod open;
mod page;
mod postgres;
mod problem;
mod schema;
mod sqlite;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

pub use problem::{CopyError, CopyRole};

use crate::copy::ends::{CopySource, CopyTarget};
use crate::copy::open::OpenedEnds;
use crate::copy::page::RowPage;
use crate::copy::schema::{CopiedTable, EVENT_LOG_END, tables};
use crate::database::Options;

/// How many pages may wait for the target. The reader waits when there are as many.
const WAITING_PAGES: usize = 4;

/// How far a copy is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CopyProgress<'a> {
    /// The table that is copied now.
    pub table: &'a str,
    /// The rows of this table that are in the target.
    pub table_rows: u64,
    /// The rows of this table in the source.
    pub table_total: u64,
    /// The rows of all tables that are in the target.
    pub rows: u64,
    /// The rows of all tables in the source.
    pub total: u64,
}

/// The rows of a table that were copied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CopiedRows {
    /// The name of the table.
    pub table: String,
    /// How many rows the source and the target have.
    pub rows: u64,
}

/// Copies all data of a server to an empty database, in one transaction of the target. Both databases are locked for this process, and their schemas
/// are brought up to date first. `progress` is called after each page of rows, and at the end of each table.
///
/// It blocks the thread, and must not be called by an async task.
///
/// # Errors
/// A [`CopyError`], whose message is one line. The data of the source is never changed, and a target that was empty is empty then.
pub fn copy_database(source: &Options, target: &Options, progress: &mut dyn FnMut(CopyProgress<'_>)) -> Result<Vec<CopiedRows>, CopyError> {
    let tables = tables()?;
    let opened = OpenedEnds::open(source, target)?;
    let (mut source, mut target) = (opened.source()?, opened.target()?);
    for table in &tables {
        if table.has_initial_rows {
            target.clear(table)?;
        } else if target.number(&table.has_row())? > 0 {
            return Err(CopyError::NotEmpty { database: opened.target_name(), table: table.name.clone() });
        }
    }
    let totals = tables.iter().map(|table| source.count(table)).collect::<Result<Vec<_>, _>>()?;
    let source_end = source.number(EVENT_LOG_END)?;

    let (pages, waiting) = sync_channel(WAITING_PAGES);
    let (sent, written) = thread::scope(|scope| {
        let reader = scope.spawn(|| send_rows(&mut *source, &tables, pages));
        let written = write_rows(&mut *target, &tables, &totals, waiting, progress);
        (reader.join().unwrap_or_else(|_| Err(CopyError::Schema("the thread that reads the source has panicked".to_owned()))), written)
    });
    // A reader stops without an error of its own if the target has failed.
    let rows = written?;
    sent?;

    for ((table, rows), total) in tables.iter().zip(&rows).zip(&totals) {
        let target_rows = target.count(table)?;
        if *rows != *total || target_rows != *total {
            return Err(CopyError::Differs { table: table.name.clone(), source_rows: *total, target_rows });
        }
    }
    target.continue_numbers(&tables, source_end)?;
    let target_end = target.number(EVENT_LOG_END)?;
    if target_end != source_end {
        return Err(CopyError::EventLogEnd { source_end, target_end });
    }
    target.commit()?;
    Ok(tables.into_iter().zip(totals).map(|(table, rows)| CopiedRows { table: table.name, rows }).collect())
}

/// What the reader sends to the target.
enum Transfer {
    Rows(RowPage),
    EndOfTable,
}

/// Reads all tables, and sends their rows. A target that takes no more pages ends it.
fn send_rows(source: &mut dyn CopySource, tables: &[CopiedTable], pages: SyncSender<Transfer>) -> Result<(), CopyError> {
    // The error is that of the target, which the other thread returns.
    let stopped = |_| CopyError::Schema("the target takes no more rows".to_owned());
    for table in tables {
        source.read(table, &mut |page| pages.send(Transfer::Rows(page)).map_err(stopped))?;
        pages.send(Transfer::EndOfTable).map_err(stopped)?;
    }
    Ok(())
}

/// Writes the rows of all tables; returns how many of each. It ends early if the source has failed.
fn write_rows(
    target: &mut dyn CopyTarget,
    tables: &[CopiedTable],
    totals: &[u64],
    pages: Receiver<Transfer>,
    progress: &mut dyn FnMut(CopyProgress<'_>),
) -> Result<Vec<u64>, CopyError> {
    let (mut counts, total) = (Vec::with_capacity(tables.len()), totals.iter().sum());
    let mut rows = 0;
    for (table, table_total) in tables.iter().zip(totals) {
        target.begin_table(table)?;
        let mut table_rows = 0;
        let mut report =
            |table_rows, rows| progress(CopyProgress { table: &table.name, table_rows, table_total: *table_total, rows, total });
        while let Ok(Transfer::Rows(page)) = pages.recv() {
            target.write(table, &page)?;
            let written = page.rows(table).len() as u64;
            table_rows += written;
            rows += written;
            report(table_rows, rows);
        }
        target.end_table(table)?;
        if table_rows == 0 {
            report(0, rows);
        }
        counts.push(table_rows);
    }
    Ok(counts)
}
