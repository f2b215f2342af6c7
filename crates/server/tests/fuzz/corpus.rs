//! The corpus: the messages of the scenarios, which the fuzzer mutates.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// One message of a client.
#[derive(Clone, PartialEq, Debug)]
pub enum Example {
    /// A REST request: a method, a path with `$` before each placeholder, and a body.
    Rest(String, String, Value),
    /// An event with its arguments.
    Event(String, Value),
    /// An envelope on the raw WebSocket.
    Envelope(Value),
}

/// All of them, in a fixed order.
pub fn examples() -> Vec<Example> {
    let mut files = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/scenarios");
    for contract in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        files.extend(fs::read_dir(contract).unwrap().map(|entry| entry.unwrap().path()));
    }
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let transcript: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        gather(&transcript["steps"], &mut found);
    }
    assert!(found.len() > 300, "{} examples", found.len());
    found
}

fn gather(steps: &Value, found: &mut Vec<Example>) {
    for step in steps.as_array().into_iter().flatten() {
        gather(&step["steps"], found);
        if let Some((method, path)) = step["rest"].as_str().and_then(|rest| rest.split_once(' ')) {
            found.push(Example::Rest(method.into(), path.into(), step["body"].clone()));
        }
        if let Some(name) = step["emit"].as_str() {
            found.push(Example::Event(name.into(), step["args"].clone()));
        }
        if step["send"].is_object() {
            found.push(Example::Envelope(step["send"].clone()));
        }
    }
}
