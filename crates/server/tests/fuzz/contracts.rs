//! The socket messages of every contract.

use contracts::{ClientMessage, ContractOptions, ContractRegistry, ParsedRequest, Reply, RequestInfo};
use domain::ids::{Timestamp, UserId};
use engine::{Namespace, OutboundMessage};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use wire::socketio::{Packet, json};

use crate::corpus::{Example, examples};
use crate::mutations;

const ROUNDS: usize = 20_000;

#[test]
fn random_messages_are_parsed_or_rejected_readably() {
    let contracts = ContractRegistry::new(ContractOptions::default());
    let dice = &mut StdRng::seed_from_u64(1);
    let text: Vec<Example> = examples().into_iter().filter(|example| !matches!(example, Example::Rest(..))).collect();
    let mut refused = 0;
    for round in 0..ROUNDS {
        match &text[round % text.len()] {
            Example::Event(name, args) => {
                let args = mutations::value(args, dice);
                let Value::Array(args) = (if args.is_array() { args } else { Value::Array(vec![args]) }) else { continue };
                let text: Vec<Value> = [Value::from(name.as_str())].into_iter().chain(args).collect();
                let text = format!("2{}", Value::Array(text));
                let packet = if dice.random_bool(0.2) { mutations::text(&text, dice) } else { text };
                let Ok(Packet::Event { event: Some(event), .. }) = json::decode(&packet) else { continue };
                for namespace in 0..contracts.namespaces().len() {
                    refused +=
                        parse(&contracts, Namespace(namespace as u8), &ClientMessage::Event { name: &event.name, args: &event.args });
                }
            }
            Example::Envelope(envelope) => {
                let text = mutations::value(envelope, dice).to_string();
                let text = match dice.random_range(0..10) {
                    0 => mutations::nothing(dice),
                    1..4 => mutations::text(&text, dice),
                    _ => text,
                };
                refused += parse(&contracts, Namespace::PLAIN, &ClientMessage::Text(&text));
            }
            Example::Rest(..) => {}
        }
    }
    assert!(refused > ROUNDS / 20, "noise is refused: {refused}");
}

/// Parses a message with every contract of the namespace. Returns the number of errors.
fn parse(contracts: &ContractRegistry, namespace: Namespace, heard: &ClientMessage<'_>) -> usize {
    let mut refused = 0;
    for contract in contracts.in_namespace(namespace) {
        let Some(ParsedRequest { name, action: Err(error) }) = contract.parse(heard) else { continue };
        refused += 1;
        for acked in [true, false] {
            let (user, now) = (UserId::new("anna"), Timestamp(1_763_035_200_000_000));
            check(&contract.answer(&RequestInfo { name, acked, user: &user, now }, Err(&error)));
        }
    }
    refused
}

fn check(reply: &Reply) {
    let readable = |json: &str| drop(serde_json::from_str::<Value>(json).unwrap_or_else(|error| panic!("{json}: {error}")));
    if let Some(ack) = &reply.ack {
        readable(&format!("[{ack}]"));
    }
    for message in &reply.messages {
        match message {
            OutboundMessage::Event { args, .. } => readable(&format!("[{args}]")),
            OutboundMessage::Text(text) => readable(text),
            OutboundMessage::Binary(_) => {}
        }
    }
}
