//! `roomcast users`, `rooms` and `connections`: what a running server knows about its connections now, over its REST paths.

use std::fmt::Write;

use clap::Args;
use config::Config;
use http::Method;
use serde_json::{Value, json};

use super::remote::{RemoteArguments, rest};

/// The arguments of `roomcast users`.
#[derive(Args)]
pub struct UsersArguments {
    /// The ids of users. Without them, the number of users who are online is printed
    ids: Vec<String>,
    /// Print the response as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: RemoteArguments,
}

/// The arguments of `roomcast rooms` and `roomcast connections`.
#[derive(Args)]
pub struct ListArguments {
    /// How many rooms are listed at most
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
    limit: u16,
    /// Print the response as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: RemoteArguments,
}

/// Which users are online.
///
/// # Errors
/// The server cannot be reached, or rejects the request.
pub fn users(config: &Config, arguments: UsersArguments) -> anyhow::Result<String> {
    let back_end = arguments.remote.back_end(config)?;
    if arguments.ids.is_empty() {
        let count = rest::request(&back_end, Method::GET, "/api/v1/presence/count", None)?;
        return Ok(if arguments.json { format!("{count}\n") } else { format!("online users: {}\n", count["count"]) });
    }
    let query: String = arguments.ids.iter().map(|id| format!("users={}&", encoded(id))).collect();
    let path = format!("/api/v1/presence?{}", query.trim_end_matches('&'));
    let statuses = rest::request(&back_end, Method::GET, &path, None)?;
    if arguments.json {
        return Ok(format!("{statuses}\n"));
    }
    let rows = statuses.as_array().into_iter().flatten();
    Ok(table(rows.map(|user| [text(&user["userId"]), text(&user["status"]), String::new()])))
}

/// The rooms with the most connections.
///
/// # Errors
/// As [`users`].
pub fn rooms(config: &Config, arguments: ListArguments) -> anyhow::Result<String> {
    let found = list(config, &arguments, "/api/v1/socket/rooms")?;
    if arguments.json {
        return Ok(format!("{found}\n"));
    }
    let rooms = found["rooms"].as_array().into_iter().flatten();
    let head = ["room".to_owned(), "users".to_owned(), "sockets".to_owned()];
    let rows = rooms.map(|room| [text(&room["room"]), text(&room["members"]), text(&room["connections"])]);
    Ok(format!("{}{} rooms in all\n", table([head].into_iter().chain(rows)), found["total"]))
}

/// The open connections, by namespace and transport.
///
/// # Errors
/// As [`users`].
pub fn connections(config: &Config, arguments: ListArguments) -> anyhow::Result<String> {
    let stats = list(config, &arguments, "/api/v1/socket/stats")?;
    let connections = &stats["connections"];
    if arguments.json {
        return Ok(format!("{}\n", json!({ "connections": connections, "durations": stats["durations"], "errors": stats["errors"] })));
    }
    let mut rows: Vec<[String; 3]> =
        [("open connections", "current"), ("open sockets", "sockets"), ("sockets since the start", "totalSockets"), ("users", "people")]
            .map(|(name, field)| [name.to_owned(), text(&connections[field]), String::new()])
            .into();
    for (kind, field) in [("namespace", "byNamespace"), ("transport", "byTransport")] {
        rows.extend(counts(&connections[field]).map(|(name, count)| [format!("{kind} {name}"), count, String::new()]));
    }
    rows.extend(
        counts(&stats["errors"]["refusedConnections"]["byType"]).map(|(code, count)| [format!("refused: {code}"), count, String::new()]),
    );
    Ok(table(rows))
}

/// The data of a path for operators.
fn list(config: &Config, arguments: &ListArguments, path: &str) -> anyhow::Result<Value> {
    let back_end = arguments.remote.back_end(config)?;
    let answer = rest::request(&back_end, Method::GET, &format!("{path}?limit={}", arguments.limit), None)?;
    Ok(answer["data"].clone())
}

fn counts(object: &Value) -> impl Iterator<Item = (String, String)> {
    object.as_object().into_iter().flatten().map(|(name, count)| (printable(name), text(count)))
}

/// A text of the server without control characters, which could change what a terminal shows.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), printable)
}

/// Rows with aligned columns.
fn table(rows: impl IntoIterator<Item = [String; 3]>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (first, second) = (width(0), width(1));
    rows.iter().fold(String::new(), |mut text, [one, two, three]| {
        let line = format!("{one:first$}  {two:second$}  {three}");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
        text
    })
}

/// An id in a query.
pub(super) fn encoded(id: &str) -> String {
    id.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => drop(write!(text, "%{byte:02X}")),
        }
        text
    })
}
