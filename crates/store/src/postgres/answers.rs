//! What the commands of a batch will ask, and the answers, which are read for all of them in one round trip.
//!
//! A copy of each command is executed on the answers that are known. It stops at its first question without one, or at its first write. All these
//! questions are sent together, and the copies are executed again: so the round trips of a batch are as many as one command has questions that
//! depend on each other. Then the commands themselves are executed, and find their questions answered.
//!
//! An answer is valid until the transaction writes to one of its tables.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::Row;

use crate::postgres::session::{Parameter, Request};

/// The tables that the SQL of the store names. A set of them is a number with a bit for each.
const TABLES: [&str; 24] = [
    "answers",
    "assignments",
    "blocks",
    "calls",
    "deletions",
    "departures",
    "epochs",
    "journal",
    "journal_holes",
    "marks",
    "members",
    "messages",
    "notifications",
    "participants",
    "people",
    "quota_usage",
    "reads",
    "removals",
    "sequences",
    "session_rooms",
    "sessions",
    "spaces",
    "tasks",
    "trips",
];

/// The questions and answers of one transaction. There are at most as many as the commands of the batch ask.
#[derive(Default)]
pub(crate) struct Answers {
    /// Whether commands are executed to note their questions.
    notes: bool,
    questions: Vec<Request>,
    known: HashMap<(usize, Vec<Parameter>), Answer>,
    /// The tables of all answers.
    tables: u32,
    /// The tables of each statement that was asked or written, by the address of its text.
    statements: HashMap<usize, u32>,
}

struct Answer {
    rows: Arc<Vec<Row>>,
    tables: u32,
}

impl Answers {
    /// Whether commands are executed to note their questions.
    pub(crate) fn notes(&self) -> bool {
        self.notes
    }

    /// Begins to note questions.
    pub(crate) fn begin_notes(&mut self) {
        self.notes = true;
    }

    /// Ends to note questions, and returns those without an answer.
    pub(crate) fn take_questions(&mut self) -> Vec<Request> {
        self.notes = false;
        std::mem::take(&mut self.questions)
    }

    /// How many questions are noted.
    pub(crate) fn count(&self) -> usize {
        self.questions.len()
    }

    /// Notes a question.
    pub(crate) fn note(&mut self, request: Request) {
        self.questions.push(request);
    }

    /// The answer to a question, if it is known.
    pub(crate) fn find(&self, request: &Request) -> Option<Arc<Vec<Row>>> {
        if self.known.is_empty() {
            return None;
        }
        // The key is borrowed from nothing that is stored, so it is made for the look-up.
        self.known.get(&(request.address(), request.parameters.clone())).map(|answer| Arc::clone(&answer.rows))
    }

    /// Stores the answer to a question.
    pub(crate) fn keep(&mut self, request: Request, rows: Vec<Row>) {
        let tables = self.tables_of(request.sql);
        self.tables |= tables;
        self.known.insert((request.address(), request.parameters), Answer { rows: Arc::new(rows), tables });
    }

    /// Forgets the answers that a statement may change.
    pub(crate) fn forget_changed(&mut self, sql: &'static str) {
        if self.known.is_empty() {
            return;
        }
        let written = self.tables_of(sql);
        if written & self.tables != 0 {
            self.known.retain(|_, answer| answer.tables & written == 0);
            self.tables = self.known.values().fold(0, |tables, answer| tables | answer.tables);
        }
    }

    /// Forgets everything, at the end of a transaction.
    pub(crate) fn clear(&mut self) {
        self.notes = false;
        self.questions.clear();
        self.known.clear();
        self.tables = 0;
    }

    fn tables_of(&mut self, sql: &'static str) -> u32 {
        *self.statements.entry(sql.as_ptr() as usize).or_insert_with(|| tables_in(sql))
    }
}

/// The tables that a statement names. A column with the name of a table counts, too, which only forgets more than needed.
fn tables_in(sql: &str) -> u32 {
    let words = sql.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.filter_map(|word| TABLES.iter().position(|table| *table == word)).fold(0, |tables, index| tables | 1 << index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Value;

    const MEMBERS: &str = "SELECT role FROM members WHERE room = $1";
    const PEOPLE: &str = "SELECT p.name FROM people p WHERE p.id = $1";

    #[test]
    fn answer_is_forgotten_when_one_of_its_tables_is_written() {
        let mut answers = Answers::default();
        let [members, people] = [MEMBERS, PEOPLE].map(|sql| Request::new(sql, &[Value::Text("a")]));
        for question in [&members, &people] {
            answers.keep(question.clone(), Vec::new());
        }
        assert!(answers.find(&Request::new(MEMBERS, &[Value::Text("b")])).is_none());
        answers.forget_changed("INSERT INTO messages (id, room) VALUES ($1, $2)");
        assert!(answers.find(&members).is_some() && answers.find(&people).is_some());
        answers.forget_changed("UPDATE members SET acted = 1 WHERE room = $1");
        assert!(answers.find(&members).is_none() && answers.find(&people).is_some());
    }

    #[test]
    fn every_table_of_the_schema_is_known() {
        let mut created: Vec<&str> = crate::migrations::created_tables().collect();
        created.sort_unstable();
        assert_eq!(created, TABLES);
    }
}
