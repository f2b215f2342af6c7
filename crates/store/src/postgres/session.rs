//! One connection to PostgreSQL with its prepared statements. Many statements share a round trip: they are sent one behind the other, and their
//! results come back in that order.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use bytes::BytesMut;
use domain::ports::{StoreError, StoreResult};
use futures_util::{TryStreamExt, pin_mut};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Error, Statement};

use crate::driver::{Row, Value};
use crate::postgres::problem::describe;

/// A statement with its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) sql: &'static str,
    pub(crate) parameters: Vec<Parameter>,
}

impl Request {
    pub(crate) fn new(sql: &'static str, values: &[Value<'_>]) -> Self {
        let parameters = values.iter().map(|value| match *value {
            Value::Int(number) => Parameter::Int(number),
            Value::Text(text) => Parameter::Text(text.to_owned()),
            Value::Null => Parameter::Null,
        });
        Self { sql, parameters: parameters.collect() }
    }

    /// The address of the text. The SQL is all literals, so it tells the statement from others.
    pub(crate) fn address(&self) -> usize {
        self.sql.as_ptr() as usize
    }

    /// A statement without parameters.
    pub(crate) fn plain(sql: &'static str) -> Self {
        Self { sql, parameters: Vec::new() }
    }
}

/// A parameter of a request.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Parameter {
    Int(i64),
    Text(String),
    Null,
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    /// An array of so many NULLs, of any type.
    Nulls(usize),
}

impl ToSql for Parameter {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Int(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Null => Ok(IsNull::Yes),
            Self::Ints(numbers) => numbers.to_sql(kind, out),
            Self::Texts(texts) => texts.to_sql(kind, out),
            Self::Nulls(count) => vec![None::<String>; *count].to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The result of a request.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) rows: Vec<tokio_postgres::Row>,
    /// How many rows the statement changed or returned.
    pub(crate) changed: u64,
}

impl Row for tokio_postgres::Row {
    fn maybe_int(&self, column: usize) -> StoreResult<Option<i64>> {
        let four_bytes = self.columns().get(column).is_some_and(|column| *column.type_() == Type::INT4);
        let number = if four_bytes {
            self.try_get::<_, Option<i32>>(column).map(|number| number.map(i64::from))
        } else {
            self.try_get::<_, Option<i64>>(column)
        };
        number.map_err(|error| StoreError::Broken(format!("column {column} of a row: {}", describe(&error))))
    }

    fn maybe_text(&self, column: usize) -> StoreResult<Option<&str>> {
        self.try_get(column).map_err(|error| StoreError::Broken(format!("column {column} of a row: {}", describe(&error))))
    }
}

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection is gone, and with it the transaction. A commit that was sent may have happened.
    Lost(String),
    /// The server rejected a statement.
    Rejected(Error),
}

impl Failure {
    pub(crate) fn of(error: Error) -> Self {
        match error.code() {
            // The server ends the connection: it stops, has crashed, an operator ends the session, or a transaction was idle for too long.
            Some(code)
                if [
                    SqlState::ADMIN_SHUTDOWN,
                    SqlState::CRASH_SHUTDOWN,
                    SqlState::CANNOT_CONNECT_NOW,
                    SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                ]
                .contains(code) =>
            {
                Self::Lost(describe(&error))
            }
            Some(_) => Self::Rejected(error),
            // Values that cannot be encoded or decoded leave the connection as it is.
            None if !error.is_closed() && error.to_string().contains("serializing") => Self::Rejected(error),
            None => Self::Lost(describe(&error)),
        }
    }

    /// The error of the store for it.
    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Self::Lost(reason) => StoreError::Unavailable(format!("the connection to PostgreSQL was lost: {reason}")),
            Self::Rejected(error) => {
                let passing = error.code().is_some_and(is_passing);
                if passing { StoreError::Unavailable(describe(&error)) } else { StoreError::Broken(describe(&error)) }
            }
        }
    }
}

/// Whether the same statement may succeed later: another transaction was in the way, or the server lacks something.
fn is_passing(code: &SqlState) -> bool {
    let classes = ["08", "40", "53", "57", "58"];
    classes.iter().any(|class| code.code().starts_with(class))
        || [SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::LOCK_NOT_AVAILABLE].contains(code)
}

/// A connection in use.
pub(crate) struct Session {
    client: Client,
    /// Every statement that was used, prepared. The SQL is all literals, so its address tells it from the others.
    statements: Vec<(usize, Statement)>,
    /// How many round trips the session has made.
    pub(crate) round_trips: u64,
}

type Exchange<'a> = Pin<Box<dyn Future<Output = Result<Reply, Error>> + 'a>>;

impl Session {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, statements: Vec::new(), round_trips: 0 }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends requests in one round trip, and waits for the result of each. The server executes them in their order; behind a failed one, those of
    /// the same transaction fail, too. A statement that was not used before is prepared first, in a round trip of its own.
    pub(crate) async fn exchange(&mut self, requests: &[Request]) -> Vec<Result<Reply, Failure>> {
        for request in requests {
            if let Err(error) = self.prepare(request.sql).await {
                return vec![Err(Failure::of(error))];
            }
        }
        self.round_trips += 1;
        let (client, statements) = (&self.client, &self.statements);
        let mut exchanges: Vec<(Exchange<'_>, Option<Result<Reply, Error>>)> = requests
            .iter()
            .filter_map(|request| Some((statements.iter().find(|(key, _)| *key == address(request.sql))?, request)))
            .map(|((_, statement), request)| (Box::pin(run(client, statement, &request.parameters)) as Exchange<'_>, None))
            .collect();
        // The first poll of each sends it.
        poll_fn(|context| {
            for (exchange, result) in &mut exchanges {
                if let Poll::Ready(ready) = exchange.as_mut().poll(context) {
                    *result = Some(ready);
                }
            }
            Poll::Ready(())
        })
        .await;
        let mut replies = Vec::with_capacity(exchanges.len());
        for (exchange, result) in exchanges {
            let result = match result {
                Some(result) => result,
                None => exchange.await,
            };
            replies.push(result.map_err(Failure::of));
        }
        replies
    }

    /// The types of a statement's parameters.
    pub(crate) async fn types(&mut self, sql: &'static str) -> Result<Vec<Type>, Error> {
        self.prepare(sql).await?;
        let statement = self.statements.iter().find(|(key, _)| *key == address(sql));
        Ok(statement.map(|(_, statement)| statement.params().to_vec()).unwrap_or_default())
    }

    async fn prepare(&mut self, sql: &'static str) -> Result<(), Error> {
        if self.statements.iter().all(|(key, _)| *key != address(sql)) {
            self.round_trips += 1;
            let statement = self.client.prepare(sql).await?;
            self.statements.push((address(sql), statement));
        }
        Ok(())
    }
}

fn address(sql: &'static str) -> usize {
    sql.as_ptr() as usize
}

async fn run(client: &Client, statement: &Statement, parameters: &[Parameter]) -> Result<Reply, Error> {
    let stream = client.query_raw(statement, parameters).await?;
    pin_mut!(stream);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        rows.push(row);
    }
    Ok(Reply { rows, changed: stream.rows_affected().unwrap_or(0) })
}
