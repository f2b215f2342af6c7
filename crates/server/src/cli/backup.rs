//! `roomcast backup` and `roomcast restore`: the database as one file.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use client_json::timestamps::Milliseconds;
use config::{Config, DatabaseUrl};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use store::{BackedUp, BackupProgress, backup_sqlite, restore_sqlite};

use crate::clock;

/// The arguments of `roomcast backup`.
#[derive(Args)]
pub struct BackupArguments {
    /// The new file, or an existing folder, in which the file gets a name with the time
    file: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The arguments of `roomcast restore`.
#[derive(Args)]
pub struct RestoreArguments {
    /// The file that roomcast backup has made
    file: PathBuf,
    /// Replace a database that is there. It is kept beside the restored one, with the ending .before-restore and the time
    #[arg(long)]
    replace: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Copies the database of `DATABASE_URL` while a server may use it; returns what it has written.
///
/// # Errors
/// One line: the database is not SQLite, or one of [`store::BackupError`].
pub fn backup(config: &Config, arguments: BackupArguments) -> anyhow::Result<String> {
    let database = sqlite_file(config, "pg_dump --format=custom --file=FILE DATABASE_URL makes the backup")?;
    let file = if arguments.file.is_dir() { arguments.file.join(format!("roomcast-{}.db", stamp())) } else { arguments.file };
    let mut display = ByteProgress::new();
    let done = backup_sqlite(&database, &file, &mut |progress| display.show(progress));
    display.end();
    let done = done?;
    if arguments.json {
        return Ok(as_json(&done));
    }
    Ok(format!("{}: {}\nThe copy is complete, and passed SQLite's integrity check.\n", done.file.display(), described(&done)))
}

/// Puts a backup in the place of the database of `DATABASE_URL`, which no server may use; returns what it has done.
///
/// # Errors
/// One line: the database is not SQLite, or one of [`store::BackupError`].
pub fn restore(config: &Config, arguments: RestoreArguments) -> anyhow::Result<String> {
    let database = sqlite_file(config, "pg_restore --clean --dbname=DATABASE_URL FILE restores it")?;
    let suffix = arguments.replace.then(|| format!(".before-restore-{}", stamp()));
    let mut display = ByteProgress::new();
    let done = restore_sqlite(&arguments.file, &database, suffix.as_deref(), &mut |progress| display.show(progress));
    display.end();
    let done = done?;
    if arguments.json {
        return Ok(as_json(&done));
    }
    let mut text = format!("{}: {}\n", done.file.display(), described(&done));
    if let Some(replaced) = &done.replaced {
        text += &format!("The database that was there before is now {}; delete it when the server works.\n", replaced.display());
    }
    text += "Start the server. Clients that were connected after the backup reload their data.\n";
    Ok(text)
}

fn described(done: &BackedUp) -> String {
    format!("{}, schema {}, events up to the offset {}", HumanBytes(done.bytes), done.schema, done.last_offset)
}

fn as_json(done: &BackedUp) -> String {
    let BackedUp { file, bytes, schema, last_offset, replaced } = done;
    json!({ "file": file, "bytes": bytes, "schema": schema, "lastOffset": last_offset, "replaced": replaced }).to_string() + "\n"
}

/// The file of the configured database. Errors: the database is another one, and the remedy.
fn sqlite_file(config: &Config, for_postgres: &str) -> anyhow::Result<PathBuf> {
    match &config.storage.database_url {
        DatabaseUrl::Sqlite(path) => Ok(path.clone()),
        DatabaseUrl::Memory => bail!("DATABASE_URL=sqlite::memory: is deleted with its process; a database in a file has backups"),
        DatabaseUrl::Postgres(_) => bail!("DATABASE_URL names PostgreSQL, which has tools of its own: {for_postgres}"),
    }
}

/// The time now as a part of a file's name: `20251113T120000Z`.
fn stamp() -> String {
    let time = Milliseconds(clock::now()).to_string();
    let (seconds, _) = time.split_once('.').unwrap_or((&time, ""));
    seconds.replace(['-', ':'], "") + "Z"
}

/// Shows the progress: a bar on a terminal. Elsewhere the command prints its result only.
struct ByteProgress(ProgressBar);

impl ByteProgress {
    fn new() -> Self {
        let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    fn show(&mut self, progress: BackupProgress) {
        self.0.set_length(progress.total);
        self.0.set_position(progress.bytes);
        if progress.bytes == progress.total {
            // The check reads the copy once more.
            self.0.set_message("checking the copy");
        }
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
