//! Checks that the database still has what this server has read and written. It does not after a restore, or after a failover to a standby that lagged.
//! Then the memory of the server does not match the database, so the process ends and is restarted.

use crate::driver::Row;
use crate::postgres::driver::Postgres;
use crate::postgres::session::{Parameter, Reply, Request};

/// The last offset of the event log, the number of the last transaction that wrote, the last id, and the name of the present epoch. The row of the head
/// is missing in a database that was copied from SQLite.
const READ_MARKS: &str = "SELECT COALESCE((SELECT value FROM marks WHERE name = 'event_log_head'), (SELECT MAX(id) FROM journal), 0),
    COALESCE((SELECT value FROM marks WHERE name = $1), 0), COALESCE((SELECT value FROM marks WHERE name = 'last_id'), 0),
    (SELECT name FROM epochs ORDER BY id DESC LIMIT 1)";
/// Begins an epoch behind an offset, with a random name.
const REPLACE_EPOCH: &str = "INSERT INTO epochs (name, begun) SELECT substr(md5(gen_random_uuid()::TEXT), 1, 10), $1";

/// What a transaction finds in the database when it begins.
pub(super) struct Marks {
    /// The last offset of the event log.
    pub(super) head: i64,
    /// The number of the last transaction of this server that wrote.
    pub(super) batch: i64,
    /// The largest id that any server has given.
    pub(super) last_id: i64,
    epoch: Option<String>,
}

impl Marks {
    pub(super) fn of(reply: &Reply) -> Self {
        let row = reply.rows.first();
        let number = |column| row.and_then(|row| row.int(column).ok()).unwrap_or_default();
        let epoch = row.and_then(|row| row.owned_text(3).ok()).flatten();
        Self { head: number(0), batch: number(1), last_id: number(2), epoch }
    }
}

impl Postgres {
    /// The request that reads the marks.
    pub(super) fn marks_request(&self) -> Request {
        Request { sql: READ_MARKS, parameters: vec![self.batch_mark()] }
    }

    /// Ends the process if the database does not continue what this server has seen. A node also begins a new epoch then, in the transaction that has
    /// found it, so that all nodes end.
    ///
    /// # Panics
    /// In the thread of the writer, which aborts the process.
    pub(super) fn check_marks(&mut self, marks: &Marks) {
        if let Some(member) = &self.member
            && marks.epoch.as_ref() != Some(&member.epoch)
        {
            panic!("another epoch of the event log has begun, because the database was restored or has lost commits");
        }
        let has_batch = self.last_batch.is_none_or(|(batch, sessions)| sessions == self.link.sessions() || batch == marks.batch);
        if self.member.is_none() {
            assert!(
                has_batch,
                "another server has written to the database while this one was not connected, or the database has lost commits"
            );
        } else if !has_batch || marks.head < self.seen_head {
            let replace = Request { sql: REPLACE_EPOCH, parameters: vec![Parameter::Int(marks.head)] };
            let replies = self.link.exchange(&[replace, Request::plain("COMMIT")]);
            let is_replaced = replies.iter().all(Result::is_ok);
            tracing::error!(head = marks.head, seen = self.seen_head, is_replaced, "the database has lost commits; all nodes end");
            panic!("the database has lost commits that this node has seen");
        }
        self.seen_head = marks.head;
    }
}
