//! `roomcast emit`: sends an event to rooms, users, or everyone, as a back end does.

use std::io::Read;

use anyhow::{Context, bail};
use clap::Args;
use config::Config;
use http::Method;
use serde_json::{Value, json};

use super::remote::{RemoteArguments, rest};

/// The arguments of `roomcast emit`.
#[derive(Args)]
pub struct EmitArguments {
    /// The name of the event, such as order:update
    event: String,
    /// The payload: JSON, or - to read it from standard input. Without it, the event has no payload
    data: Option<String>,
    /// A room, such as conversation:5. The option may be repeated
    #[arg(long = "room", value_name = "ROOM")]
    rooms: Vec<String>,
    /// The id of a user. The option may be repeated
    #[arg(long = "user", value_name = "ID")]
    users: Vec<String>,
    /// Send it to all connections
    #[arg(long)]
    everyone: bool,
    /// Do not store the event: clients that are away or slow do not receive it
    #[arg(long)]
    volatile: bool,
    /// Print the response as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: RemoteArguments,
}

/// Emits an event; returns its position.
///
/// # Errors
/// The payload is no JSON, no receiver is named, or the server rejects the event.
pub fn emit(config: &Config, arguments: EmitArguments) -> anyhow::Result<String> {
    let EmitArguments { event, data, rooms, users, everyone, volatile, json, remote } = arguments;
    if rooms.is_empty() && users.is_empty() && !everyone {
        bail!("name the receivers with --room, --user or --everyone");
    }
    let mut body = json!({ "event": event, "to": { "rooms": rooms, "users": users, "everyone": everyone }, "volatile": volatile });
    if let Some(data) = data {
        body["data"] = payload(data)?;
    }
    let emitted = rest::request(&remote.back_end(config)?, Method::POST, "/api/v1/emit", Some(&body))?;
    if json {
        return Ok(format!("{emitted}\n"));
    }
    Ok(match emitted["position"].as_str() {
        Some(position) => format!("{position}\n"),
        None => "sent without a position: the event is volatile\n".to_owned(),
    })
}

fn payload(data: String) -> anyhow::Result<Value> {
    let mut text = data;
    if text == "-" {
        text.clear();
        std::io::stdin().lock().read_to_string(&mut text).context("standard input cannot be read")?;
    }
    serde_json::from_str(&text).with_context(|| "the payload is not JSON; a text needs quotes, such as '\"hello\"'")
}
