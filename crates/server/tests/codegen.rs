//! The generated TypeScript and AsyncAPI are complete and consistent. The scenarios check them against real messages.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use contracts::event_schema::{ContractSchema, PayloadSchema};
use contracts::{ContractOptions, ContractRegistry};
use roomcast::codegen::{asyncapi, typescript};
use serde_json::{Value, json};

fn contract_schemas() -> Vec<ContractSchema> {
    ContractRegistry::new(ContractOptions::default()).schemas()
}

fn sent(contract_schema: &ContractSchema) -> Vec<&PayloadSchema> {
    contract_schema.server_events.iter().filter_map(|event| event.payload.as_ref()).collect()
}

fn received(contract_schema: &ContractSchema) -> Vec<&PayloadSchema> {
    contract_schema.client_events.iter().flat_map(|event| [&event.argument, &event.ack]).flatten().collect()
}

/// A schema and all its parts, the outer ones first.
fn parts(schema: &Value) -> Vec<&Value> {
    let inside: Vec<&Value> = match schema {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    [schema].into_iter().chain(inside.into_iter().flat_map(parts)).collect()
}

/// The schema of a payload, and all schemas that it refers to.
fn schemas(schema_of_payload: &PayloadSchema) -> Vec<Value> {
    [json!(schema_of_payload.schema)].into_iter().chain(schema_of_payload.components.iter().map(|(_, schema)| json!(schema))).collect()
}

#[test]
fn contract_names_and_event_names_are_unique() {
    let contract_schemas = contract_schemas();
    let names: BTreeSet<_> = contract_schemas.iter().map(|contract_schema| contract_schema.contract).collect();
    assert_eq!(names.len(), contract_schemas.len());
    assert!(names.contains("household") && names.contains("workspace"));
    for contract_schema in &contract_schemas {
        let sent: Vec<_> = contract_schema.server_events.iter().map(|event| event.name).collect();
        let received: Vec<_> = contract_schema.client_events.iter().map(|event| event.name).collect();
        for events in [sent, received] {
            assert!(!events.is_empty(), "{}", contract_schema.contract);
            for event in &events {
                assert_eq!(events.iter().filter(|other| *other == event).count(), 1, "{} {event}", contract_schema.contract);
            }
        }
    }
}

#[test]
fn each_referenced_schema_exists_once() {
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    for contract_schema in &contract_schemas() {
        for schema_of_payload in sent(contract_schema).into_iter().chain(received(contract_schema)) {
            for schema in schemas(schema_of_payload) {
                for reference in parts(&schema).iter().filter_map(|part| part["$ref"].as_str()) {
                    let there = schema_of_payload.components.iter().any(|(name, _)| reference == format!("#/components/schemas/{name}"));
                    assert!(there, "{} refers to {reference}", contract_schema.contract);
                }
            }
            for (name, schema) in &schema_of_payload.components {
                let schema = json!(schema);
                let before = known.entry(name.clone()).or_insert_with(|| schema.clone());
                assert_eq!(*before, schema, "{name}");
                let own = name.split_once('.').is_none_or(|(contract, _)| contract == contract_schema.contract);
                assert!(own, "{} uses {name}", contract_schema.contract);
            }
        }
    }
}

/// A field of the server's messages is either required and nullable, or optional and never null.
#[test]
fn no_field_may_be_both_absent_and_null() {
    let is_nullable = |schema: &Value| match (&schema["type"], &schema["oneOf"]) {
        (Value::Array(types), _) => types.contains(&json!("null")),
        (_, Value::Array(schemas)) => schemas.contains(&json!({ "type": "null" })),
        (kind, _) => kind == "null",
    };
    for contract_schema in &contract_schemas() {
        for schema in sent(contract_schema).into_iter().flat_map(schemas) {
            for object in parts(&schema).into_iter().filter(|part| part["properties"].is_object() && part["additionalProperties"].is_null())
            {
                for (field, schema) in object["properties"].as_object().unwrap() {
                    let required = object["required"].as_array().is_some_and(|required| required.contains(&json!(field)));
                    assert!(required || !is_nullable(schema), "{field} of {object}");
                }
            }
        }
    }
}

#[test]
fn typescript_has_every_event_of_a_contract() {
    for contract_schema in &contract_schemas() {
        let module = typescript::module(contract_schema);
        for name in
            contract_schema.server_events.iter().map(|event| event.name).chain(contract_schema.client_events.iter().map(|event| event.name))
        {
            let written = [format!("  {name}: ("), format!("  \"{name}\": ("), format!("{{ type: \"{name}\"")];
            assert!(written.iter().any(|written| module.contains(written)), "{} {name}", contract_schema.contract);
        }
        for closing in &contract_schema.close_codes {
            assert!(module.contains(&format!("  {}: {},", closing.name, closing.code)), "{}", closing.name);
        }
    }
}

#[test]
fn asyncapi_has_a_channel_with_all_events_of_each_contract() {
    let contract_schemas = contract_schemas();
    let document = asyncapi::document(&contract_schemas);
    assert_eq!(document["channels"].as_object().unwrap().len(), contract_schemas.len());
    for contract_schema in &contract_schemas {
        let channel = &document["channels"][contract_schema.contract];
        let messages: Vec<_> = channel["messages"].as_object().unwrap().values().map(|message| message["name"].as_str().unwrap()).collect();
        let acks = contract_schema.client_events.iter().filter(|event| event.ack.is_some()).count();
        assert_eq!(messages.len(), contract_schema.server_events.len() + contract_schema.client_events.len() + acks);
        for name in
            contract_schema.server_events.iter().map(|event| event.name).chain(contract_schema.client_events.iter().map(|event| event.name))
        {
            assert!(messages.contains(&name), "{} {name}", contract_schema.contract);
        }
    }
}
