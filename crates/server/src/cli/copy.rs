//! `roomcast copy`: copies all data of a server to another database.

use std::io::{IsTerminal, Write};

use anyhow::bail;
use clap::Args;
use config::Config;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use store::{CopyProgress, Options, copy_database};

/// The arguments of `roomcast copy`.
#[derive(Args)]
pub struct CopyArguments {
    /// The database to read, such as sqlite://data/roomcast.db. Without it, the one of DATABASE_URL
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// The empty database to write, such as postgres://USER:PASSWORD@HOST/DATABASE. Without it, the one of DATABASE_URL
    #[arg(long, value_name = "URL")]
    to: Option<String>,
}

/// After how many rows of a large table another line is printed, if standard error is not a terminal.
const ROWS_PER_LINE: u64 = 1_000_000;

/// Copies the data; returns a line for each table. Errors: a line that names the database and the remedy, without a password.
pub fn copy(config: &Config, arguments: CopyArguments) -> anyhow::Result<String> {
    let setting = || config.storage.database_url.expose().to_owned();
    let (from, to) = match (arguments.from, arguments.to) {
        (None, None) => bail!("select a database with --from or --to; the other one is that of DATABASE_URL"),
        (from, to) => (from.unwrap_or_else(setting), to.unwrap_or_else(setting)),
    };
    let holder = format!("process {} (roomcast copy)", std::process::id());
    let options = |url: String| Options { holder: holder.clone(), ..Options::new(url) };
    let mut display = Display::new();
    let copied = copy_database(&options(from), &options(to), &mut |progress| display.show(progress));
    display.end();
    let copied = copied?;
    let width = copied.iter().map(|copied| copied.table.len()).max().unwrap_or_default();
    let mut text: String = copied.iter().map(|copied| format!("{:width$}  {}\n", copied.table, HumanCount(copied.rows))).collect();
    let rows = copied.iter().map(|copied| copied.rows).sum();
    text += &format!("Rows copied: {} in {} tables. Each table has as many rows in both databases.\n", HumanCount(rows), copied.len());
    text += "Start the server with DATABASE_URL set to the new database, and keep the old one until clients have reconnected.\n";
    Ok(text)
}

/// Shows the progress: a bar on a terminal, and lines elsewhere.
enum Display {
    Bar(ProgressBar),
    Lines { next: u64 },
}

impl Display {
    fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { next: ROWS_PER_LINE };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {human_pos} of {human_len} rows  {msg}  {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self::Bar(bar)
    }

    fn show(&mut self, progress: CopyProgress<'_>) {
        match self {
            Self::Bar(bar) => {
                bar.set_length(progress.total);
                bar.set_position(progress.rows);
                bar.set_message(progress.table.to_owned());
            }
            Self::Lines { next } => {
                let CopyProgress { table, table_rows, table_total, rows, total } = progress;
                if table_total == 0 || (table_rows < table_total && table_rows < *next) {
                    return;
                }
                *next = if table_rows < table_total { table_rows + ROWS_PER_LINE } else { ROWS_PER_LINE };
                // A closed standard error does not end the copy.
                let [table_rows, table_total, rows, total] = [table_rows, table_total, rows, total].map(HumanCount);
                drop(writeln!(std::io::stderr().lock(), "{table}: {table_rows} of {table_total} rows; {rows} of {total} in all"));
            }
        }
    }

    fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
