//! Some rows of a table on their way from the source to the target.

use crate::copy::problem::CopyError;
use crate::copy::schema::CopiedTable;

/// The value of a column in a row.
#[derive(Debug)]
pub(super) enum Cell {
    Int(i64),
    Text(String),
    Null,
}

/// The number of cells, and the bytes of their texts, at which a page is full. A page has one row more at most, so the memory of a page is bounded by
/// them and one row.
const MAX_CELLS: usize = 8_192;
const MAX_TEXT_BYTES: usize = 256 << 10;

/// Some rows of a table, row by row.
#[derive(Debug, Default)]
pub(super) struct RowPage {
    cells: Vec<Cell>,
    text_bytes: usize,
}

impl RowPage {
    /// Appends the next cell of a row.
    pub(super) fn push(&mut self, cell: Cell) {
        if let Cell::Text(text) = &cell {
            self.text_bytes += text.len();
        }
        self.cells.push(cell);
    }

    /// Whether the page is to be sent before the next row.
    pub(super) fn is_full(&self) -> bool {
        self.cells.len() >= MAX_CELLS || self.text_bytes >= MAX_TEXT_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The rows, each with a cell for each column of the table.
    pub(super) fn rows(&self, table: &CopiedTable) -> impl ExactSizeIterator<Item = &[Cell]> {
        self.cells.chunks_exact(table.columns.len())
    }
}

/// The error for a value that cannot be copied.
pub(super) fn unsuitable(table: &CopiedTable, column: usize, problem: &str) -> CopyError {
    let column = table.columns.get(column).map(|column| column.name.clone()).unwrap_or_default();
    CopyError::Value { table: table.name.clone(), column, problem: problem.to_owned() }
}
