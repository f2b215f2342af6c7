//! `roomcast explain`: why a user received an event or not.

use std::fmt::Write;

use clap::Args;
use config::Config;
use http::Method;
use serde_json::Value;

use super::live_state::{encoded, printable};
use super::remote::{RemoteArguments, rest};

/// The arguments of `roomcast explain`.
#[derive(Args)]
pub struct ExplainArguments {
    /// The event: its position, as clients receive it and roomcast emit prints it, or the id of a message
    event: String,
    /// The id of the user
    user: String,
    /// Print the response as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: RemoteArguments,
}

/// Explains why a user received an event or not.
///
/// # Errors
/// The server cannot be reached, rejects the request, or does not know the event.
pub fn explain(config: &Config, arguments: ExplainArguments) -> anyhow::Result<String> {
    let ExplainArguments { event, user, json, remote } = arguments;
    let path = format!("/api/v1/explain?event={}&user={}", encoded(&event), encoded(&user));
    let explanation = rest::request(&remote.back_end(config)?, Method::GET, &path, None)?;
    Ok(if json { format!("{explanation}\n") } else { as_text(&explanation) })
}

/// The explanation for people: the answer first, then what it follows from.
fn as_text(explanation: &Value) -> String {
    let mut lines = vec![text(&explanation["summary"]), String::new()];
    lines.extend(event_lines(&explanation["event"]));
    lines.extend(items(&explanation["membership"]).map(|membership| text(&membership["text"])));
    lines.extend(items(&explanation["refusals"]).map(|refusal| format!("{}  {}", text(&refusal["at"]), text(&refusal["text"]))));
    for connection in items(&explanation["connections"]) {
        lines.push(String::new());
        lines.extend(connection_lines(connection));
    }
    lines.push(String::new());
    lines.push(match &explanation["deliveryLog"]["reachesBackTo"] {
        Value::Null => "The server keeps no log of deliveries: EXPLAIN_MEMORY is 0.".to_owned(),
        since => format!("The log of deliveries reaches back to {}.", text(since)),
    });
    let others: Vec<String> = items(&explanation["node"]["others"]).map(text).collect();
    if !others.is_empty() {
        lines.push(format!(
            "Node {} has answered for its own connections; ask the other nodes, too: {}.",
            text(&explanation["node"]["id"]),
            others.join(", ")
        ));
    }
    lines.into_iter().fold(String::new(), |mut all, line| {
        // Writing to a String cannot fail.
        let _ = writeln!(all, "{}", line.trim_end());
        all
    })
}

fn event_lines(event: &Value) -> Vec<String> {
    let by = match (&event["by"], event["source"].as_str()) {
        (Value::String(user), _) => format!(" by {}", printable(user)),
        (_, Some("back_end")) => " by a back end".to_owned(),
        _ => String::new(),
    };
    let rooms: Vec<String> = items(&event["rooms"]).map(text).collect();
    let kind = event["kind"].as_str().map_or_else(|| "no longer in the event log".to_owned(), printable);
    let mut lines = vec![format!("event {}: {kind}{by}, to {}", text(&event["position"]), rooms.join(", "))];
    for (name, field) in [("stored", "storedAt"), ("published", "publishedAt")] {
        if !event[field].is_null() {
            lines.push(format!("{name:9}  {}", text(&event[field])));
        }
    }
    lines
}

fn connection_lines(connection: &Value) -> Vec<String> {
    let namespace = connection["namespace"].as_str().map_or_else(|| "raw WebSocket".to_owned(), printable);
    let end = match &connection["endedAt"] {
        Value::Null => String::new(),
        at => format!(", ended {} ({})", text(at), text(&connection["endReason"])),
    };
    let (id, transport, since) = (text(&connection["id"]), text(&connection["transport"]), text(&connection["connectedAt"]));
    let mut lines = vec![
        format!("connection {id} ({namespace}, {transport}) since {since}{end}"),
        format!("  {}: {}", text(&connection["outcome"]), text(&connection["summary"])),
    ];
    lines.extend(items(&connection["rooms"]).map(|stay| match &stay["until"] {
        Value::Null => format!("  in {} since {}", text(&stay["room"]), text(&stay["since"])),
        until => format!("  in {} from {} to {}", text(&stay["room"]), text(&stay["since"]), text(until)),
    }));
    lines.extend(
        items(&connection["steps"]).map(|step| format!("  {}  {:9}  {}", text(&step["at"]), text(&step["step"]), text(&step["text"]))),
    );
    lines
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A text of the server, without control characters.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), printable)
}
