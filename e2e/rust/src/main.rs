//! A test client with rust_socketio: emits numbers to the echo server, and prints the numbers that it receives.
//!
//! Arguments: the URL, the transport (`polling`, `websocket`, or `any`, which upgrades), and the count of numbers. Each number is sent twice in a row.
//! The output is a JSON array of the received numbers, in order.

use std::process::ExitCode;
use std::sync::mpsc;

use rust_socketio::{ClientBuilder, Event, Payload, TransportType};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, transport, count] = &arguments[..] else {
        eprintln!("expected: <URL> <polling|websocket|any> <count>");
        return ExitCode::FAILURE;
    };
    match run(url, transport, count.parse().unwrap_or(0)) {
        Ok(received) => {
            println!("{}", Value::from(received));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(url: &str, transport: &str, count: u64) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let transport = match transport {
        "polling" => TransportType::Polling,
        "websocket" => TransportType::Websocket,
        _ => TransportType::Any,
    };
    let (echoed, events) = mpsc::channel();
    let (failed, connected) = (echoed.clone(), echoed.clone());
    let client = ClientBuilder::new(url)
        .transport_type(transport)
        .reconnect(false)
        .on("auth", move |_, _| drop(connected.send(Ok(Value::Null))))
        .on("message-back", move |payload, _| {
            if let Payload::Text(values) = payload {
                let _ = echoed.send(Ok(values.into_iter().next().unwrap_or_default()));
            }
        })
        .on(Event::Error, move |payload, _| drop(failed.send(Err(format!("{payload:?}")))))
        .connect()?;
    events.recv()??;
    for number in 0..count {
        for _ in 0..2 {
            client.emit("message", json!(number))?;
        }
    }
    let mut received = Vec::new();
    while received.len() < 2 * count as usize {
        received.push(events.recv()??);
    }
    client.disconnect()?;
    Ok(received)
}
