//! Statements for many rows at once: the same statement with many sets of parameters becomes one, which costs the server a fraction of the many.

use std::collections::HashMap;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::driver::Row as _;
use crate::postgres::link::Link;
use crate::postgres::session::{Parameter, Request};

/// From how many equal statements on they are combined.
const FEWEST: usize = 3;

/// The combined texts, by the address of the single one; `None` for a statement that cannot be combined. A text lives as long as the process, and there
/// are at most as many as statements.
#[derive(Default)]
pub(crate) struct Combined {
    reads: HashMap<usize, Option<&'static str>>,
    inserts: HashMap<usize, Option<&'static str>>,
}

/// Questions that are asked by one request.
pub(crate) struct Asked {
    pub(crate) request: Request,
    questions: Vec<Request>,
}

impl Asked {
    /// The rows of each question.
    pub(crate) fn answers(self, rows: Vec<Row>) -> Vec<(Request, Vec<Row>)> {
        if self.questions.len() == 1 {
            return self.questions.into_iter().zip([rows]).collect();
        }
        let mut answers: Vec<(Request, Vec<Row>)> = self.questions.into_iter().map(|question| (question, Vec::new())).collect();
        for row in rows {
            // The last column is the number of the question, from 1.
            let number = row.len().checked_sub(1).and_then(|last| row.int(last).ok());
            if let Some((_, rows)) = number.and_then(|number| answers.get_mut(usize::try_from(number - 1).ok()?)) {
                rows.push(row);
            }
        }
        answers
    }
}

impl Combined {
    /// Combines equal questions.
    pub(crate) fn questions(&mut self, link: &mut Link, questions: &[Request]) -> Vec<Asked> {
        let mut groups: Vec<Vec<Request>> = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        for question in questions {
            let place = *places.entry(question.address()).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.push(question.clone()),
                None => groups.push(vec![question.clone()]),
            }
        }
        let mut asked = Vec::with_capacity(groups.len());
        for group in groups {
            match self.read(link, &group) {
                Some(request) => asked.push(Asked { request, questions: group }),
                None => asked.extend(group.into_iter().map(|question| Asked { request: question.clone(), questions: vec![question] })),
            }
        }
        asked
    }

    fn read(&mut self, link: &mut Link, group: &[Request]) -> Option<Request> {
        let first = group.first().filter(|_| group.len() >= FEWEST)?;
        let sql = match self.reads.get(&first.address()) {
            Some(known) => *known,
            None => {
                let types = link.types(first.sql)?;
                let text = read_text(first.sql, &types).map(|text| &*text.leak());
                self.reads.insert(first.address(), text);
                text
            }
        }?;
        Some(Request { sql, parameters: columns(group)? })
    }

    /// Combines equal insertions that follow each other.
    pub(crate) fn writes(&mut self, link: &mut Link, requests: Vec<Request>) -> Vec<Request> {
        let mut combined = Vec::with_capacity(requests.len());
        for run in requests.chunk_by(|one, next| one.address() == next.address()) {
            match self.insert(link, run) {
                Some(request) => combined.push(request),
                None => combined.extend_from_slice(run),
            }
        }
        combined
    }

    fn insert(&mut self, link: &mut Link, run: &[Request]) -> Option<Request> {
        let first = run.first().filter(|_| run.len() >= FEWEST)?;
        let sql = match self.inserts.get(&first.address()) {
            Some(known) => *known,
            None => {
                let types = link.types(first.sql)?;
                let text = insert_text(first.sql, &types).map(|text| &*text.leak());
                self.inserts.insert(first.address(), text);
                text
            }
        }?;
        Some(Request { sql, parameters: columns(run)? })
    }
}

/// The parameters of many requests as one array for each place; `None` if a parameter is an array itself.
fn columns(requests: &[Request]) -> Option<Vec<Parameter>> {
    let places = requests.first()?.parameters.len();
    (0..places).map(|place| column(requests, place)).collect()
}

fn column(requests: &[Request], place: usize) -> Option<Parameter> {
    let values: Vec<&Parameter> = requests.iter().map(|request| request.parameters.get(place)).collect::<Option<_>>()?;
    if values.iter().any(|value| matches!(value, Parameter::Int(_))) {
        let number = |value: &&Parameter| match value {
            Parameter::Int(number) => Some(Some(*number)),
            Parameter::Null => Some(None),
            _ => None,
        };
        return values.iter().map(number).collect::<Option<_>>().map(Parameter::Ints);
    }
    if values.iter().all(|value| **value == Parameter::Null) {
        return Some(Parameter::Nulls(values.len()));
    }
    let text = |value: &&Parameter| match value {
        Parameter::Text(text) => Some(Some(text.clone())),
        Parameter::Null => Some(None),
        _ => None,
    };
    values.iter().map(text).collect::<Option<_>>().map(Parameter::Texts)
}

/// The name of a parameter's type; `None` for one that the store does not use.
fn name(kind: &Type) -> Option<&'static str> {
    match *kind {
        Type::INT8 => Some("BIGINT"),
        Type::TEXT => Some("TEXT"),
        _ => None,
    }
}

/// `unnest($1::BIGINT[], $2::TEXT[])`.
fn arrays(types: &[Type]) -> Option<String> {
    let arrays: Vec<String> = (1..).zip(types).map(|(place, kind)| Some(format!("${place}::{}[]", name(kind)?))).collect::<Option<_>>()?;
    Some(format!("unnest({})", arrays.join(", ")))
}

/// A query that answers a question for each element of its arrays: the single query, joined to them.
fn read_text(sql: &str, types: &[Type]) -> Option<String> {
    // A limit must not depend on a row.
    if types.is_empty() || sql.contains("LIMIT $") {
        return None;
    }
    let columns: Vec<String> = (1..=types.len()).map(|place| format!("p{place}")).collect();
    // From the last, because `$1` is also the beginning of `$10`.
    let single =
        (1..=types.len()).rev().fold(sql.to_owned(), |text, place| text.replace(&format!("${place}"), &format!("question.p{place}")));
    Some(format!(
        "SELECT answer.*, question.number FROM {} WITH ORDINALITY AS question ({}, number) CROSS JOIN LATERAL ({single}) AS answer",
        arrays(types)?,
        columns.join(", ")
    ))
}

/// An insertion of a row for each element of its arrays.
fn insert_text(sql: &str, types: &[Type]) -> Option<String> {
    let places: Vec<String> = (1..=types.len()).map(|place| format!("${place}")).collect();
    let single = sql.trim_end().strip_suffix(&format!("VALUES ({})", places.join(", ")))?;
    single.starts_with("INSERT INTO ").then_some(())?;
    Some(format!("{single}SELECT * FROM {}", arrays(types)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_is_joined_to_the_arrays_of_its_parameters() {
        let types = [Type::TEXT, Type::INT8];
        assert_eq!(
            read_text("SELECT a FROM t WHERE b = $1 AND c < $2 AND d <> $1", &types).as_deref(),
            Some(
                "SELECT answer.*, question.number FROM unnest($1::TEXT[], $2::BIGINT[]) WITH ORDINALITY AS question (p1, p2, number) \
                CROSS JOIN LATERAL (SELECT a FROM t WHERE b = question.p1 AND c < question.p2 AND d <> question.p1) AS answer"
            )
        );
        assert_eq!(read_text("SELECT a FROM t WHERE b = $1 LIMIT $2", &types), None);
        assert_eq!(read_text("SELECT MAX(a) FROM t", &[]), None);
    }

    #[test]
    fn plain_insertion_takes_its_rows_from_arrays() {
        let types = [Type::INT8, Type::TEXT];
        assert_eq!(
            insert_text("INSERT INTO t (a, b)\n            VALUES ($1, $2)", &types).as_deref(),
            Some("INSERT INTO t (a, b)\n            SELECT * FROM unnest($1::BIGINT[], $2::TEXT[])")
        );
        for sql in [
            "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO NOTHING",
            "INSERT INTO t (a, b, c) VALUES ($1, $2, 0)",
            "UPDATE t SET a = $1 WHERE b = $2",
        ] {
            assert_eq!(insert_text(sql, &types), None, "{sql}");
        }
    }
}
