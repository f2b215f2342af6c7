//! Snapshots of what clients and operators see: the REST paths, the events of the contracts, the generated types and the command line.
//! `docs/contributing/testing.md` describes how to review a change.
//!
//! Descriptions are not part of these snapshots, so that a snapshot changes only with the API.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use contracts::event_schema::ContractSchema;
use contracts::{ContractOptions, ContractRegistry};
use insta::assert_snapshot;
use roomcast::codegen::{asyncapi, typescript};
use serde_json::{Map, Value};

fn contract_schemas() -> Vec<ContractSchema> {
    ContractRegistry::new(ContractOptions::default()).schemas()
}

/// The members of an object by name: their own order depends on the features with which serde_json is built.
fn sorted(members: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    members.iter().collect::<BTreeMap<_, _>>().into_iter()
}

/// A value without the texts for people.
fn without_texts(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let is_text = |name: &str, member: &Value| member.is_string() && matches!(name, "description" | "summary" | "title");
            let members = sorted(members).filter(|(name, member)| !is_text(name, member));
            members.map(|(name, member)| (name.clone(), without_texts(member))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(without_texts).collect(),
        other => other.clone(),
    }
}

/// The members of an object, one per line.
fn lines(object: &Value) -> String {
    sorted(object.as_object().unwrap()).fold(String::new(), |mut text, (name, member)| {
        writeln!(text, "{name}: {}", without_texts(member)).unwrap();
        text
    })
}

fn openapi() -> Value {
    serde_json::from_str(api::openapi()).unwrap()
}

#[test]
fn rest_operations_are_unchanged() {
    let document = openapi();
    let operations = sorted(document["paths"].as_object().unwrap()).flat_map(|(path, item)| {
        let methods = sorted(item.as_object().unwrap());
        methods.map(move |(method, operation)| format!("{} {path}: {}\n", method.to_uppercase(), without_texts(operation)))
    });
    assert_snapshot!(operations.collect::<String>());
}

#[test]
fn rest_schemas_are_unchanged() {
    assert_snapshot!(lines(&openapi()["components"]["schemas"]));
}

#[test]
fn rest_error_responses_are_unchanged() {
    assert_snapshot!(lines(&openapi()["components"]["responses"]));
}

#[test]
fn asyncapi_channels_are_unchanged() {
    let document = asyncapi::document(&contract_schemas());
    let channels = sorted(document["channels"].as_object().unwrap());
    assert_snapshot!(channels.map(|(name, channel)| format!("# {name}\n{}\n", lines(&channel["messages"]))).collect::<String>());
}

#[test]
fn asyncapi_operations_are_unchanged() {
    assert_snapshot!(lines(&asyncapi::document(&contract_schemas())["operations"]));
}

/// A module without its comments, which each have their own lines.
fn without_comments(module: &str) -> String {
    let is_comment = |line: &str| ["//", "/**", "*"].iter().any(|begin| line.trim_start().starts_with(begin));
    module.lines().filter(|line| !is_comment(line)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn typescript_modules_are_unchanged() {
    for contract_schema in contract_schemas() {
        assert_snapshot!(format!("typescript_{}", contract_schema.contract), without_comments(&typescript::module(&contract_schema)));
    }
}

#[test]
fn command_line_help_is_unchanged() {
    let commands = [&[][..], &["serve"], &["token"], &["config"], &["openapi"], &["types"], &["asyncapi"]];
    let help = commands.iter().map(|command| {
        let output = Command::new(env!("CARGO_BIN_EXE_roomcast")).args(*command).arg("--help").output().unwrap();
        assert!(output.status.success(), "{command:?}");
        format!("$ roomcast {}\n{}\n", [*command, &["--help"]].concat().join(" "), String::from_utf8(output.stdout).unwrap())
    });
    assert_snapshot!(help.collect::<String>());
}
