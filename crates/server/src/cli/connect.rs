//! `roomcast connect`: a small client for the raw WebSocket. It joins rooms, sends the lines of standard input, and prints what it receives.

use anyhow::{Context, bail};
use clap::Args;
use config::Config;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::print;
use super::remote::credentials::Credentials;
use super::remote::websocket::{self, WebSocket};
use super::remote::{RemoteArguments, block_on};

/// The arguments of `roomcast connect`.
#[derive(Args)]
pub struct ConnectArguments {
    /// The user, for whom a token is signed with the secret of these settings
    #[arg(long = "as", value_name = "ID", required_unless_present = "token", conflicts_with = "token")]
    user: Option<String>,
    /// The token of the user
    #[arg(long)]
    token: Option<String>,
    /// A room to join, such as channel:5. The option may be repeated
    #[arg(long = "room", value_name = "ROOM")]
    rooms: Vec<String>,
    /// The position after which missed events are replayed: the id of an envelope
    #[arg(long, value_name = "POSITION")]
    since: Option<String>,
    /// End with success after this many messages
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// Print each message as the server has sent it: a JSON object in a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: RemoteArguments,
}

/// The path of the raw WebSocket.
const PATH: &str = "/api/v1/ws/connect";

/// Connects, and prints each message until the count, Ctrl-C, or the end of the connection.
///
/// # Errors
/// The server cannot be reached, or closes the connection; a line of standard input is no JSON object.
pub fn connect(config: &Config, arguments: ConnectArguments) -> anyhow::Result<()> {
    let server = arguments.remote.server(config)?;
    let credentials = match (&arguments.token, &arguments.user) {
        (Some(token), _) => Credentials::new(token.clone()),
        (None, Some(user)) => Credentials::of_user(config, user)?,
        (None, None) => bail!("name the user with --as, or a token with --token"),
    };
    block_on(async {
        let path = arguments.since.as_ref().map_or_else(|| PATH.to_owned(), |since| format!("{PATH}?since={since}"));
        let mut socket = websocket::open(&server, &path, Some(&credentials)).await?;
        for room in &arguments.rooms {
            send(&mut socket, &json!({ "type": "join_room", "room": room })).await?;
        }
        converse(&mut socket, &arguments).await
    })
}

/// Prints what arrives, and sends the lines of standard input.
async fn converse(socket: &mut WebSocket, arguments: &ConnectArguments) -> anyhow::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let (mut input_is_open, mut printed) = (true, 0);
    while arguments.count.is_none_or(|count| printed < count) {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    print(&if arguments.json { format!("{text}\n") } else { shown(&text) })?;
                    printed += 1;
                }
                Some(Ok(Message::Close(frame))) => return Err(closed(frame)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error).context("the connection is lost"),
                None => bail!("the server has ended the connection without a close frame"),
            },
            line = next_line(&mut lines), if input_is_open => match line? {
                Some(line) => send(socket, &line).await?,
                None => input_is_open = false,
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    // The server may have closed the connection in the same moment.
    let _ = socket.close(None).await;
    Ok(())
}

/// The next message from standard input; `None` at its end.
async fn next_line(lines: &mut Lines<BufReader<Stdin>>) -> anyhow::Result<Option<Value>> {
    while let Some(line) = lines.next_line().await.context("standard input cannot be read")? {
        if line.trim().is_empty() {
            continue;
        }
        let message: Value = serde_json::from_str(&line).context("a line of standard input is not JSON, such as {\"type\":\"ping\"}")?;
        return Ok(Some(message));
    }
    Ok(None)
}

async fn send(socket: &mut WebSocket, message: &Value) -> anyhow::Result<()> {
    socket.send(Message::text(message.to_string())).await.context("the message cannot be sent")
}

/// A message for a person: its type, room, sender, and data.
fn shown(text: &str) -> String {
    let Ok(envelope) = serde_json::from_str::<Value>(text) else { return format!("{text}\n") };
    let part = |name: &str| envelope[name].as_str().map(|text| format!(" {text}")).unwrap_or_default();
    let kind = envelope["type"].as_str().unwrap_or("message");
    // JSON has no control characters outside of escapes, which stay escaped.
    format!("{kind}{}{} {}\n", part("room"), part("sender"), envelope["data"])
}

fn closed(frame: Option<CloseFrame>) -> anyhow::Error {
    match frame {
        Some(frame) => anyhow::anyhow!("the server has closed the connection with {}: {}", u16::from(frame.code), frame.reason),
        None => anyhow::anyhow!("the server has closed the connection without a code"),
    }
}
