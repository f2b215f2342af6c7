//! What is written of the contracts for tools: whole, and without contradictions. That it is true, the transcripts show.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use server::codegen::{asyncapi, typescript};
use server::config::Config;
use server::contracts::ContractRegistry;
use server::contracts::event_schema::{ContractSchema, PayloadSchema};

fn contract_schemas() -> Vec<ContractSchema> {
    ContractRegistry::new(&Config::default()).schemas()
}

fn said(contract_schema: &ContractSchema) -> Vec<&PayloadSchema> {
    contract_schema.server_events.iter().filter_map(|word| word.payload.as_ref()).collect()
}

fn understood(contract_schema: &ContractSchema) -> Vec<&PayloadSchema> {
    contract_schema.client_events.iter().flat_map(|word| [&word.argument, &word.ack]).flatten().collect()
}

/// A schema and all that it is put together of, from outside inwards.
fn parts(schema: &Value) -> Vec<&Value> {
    let inside: Vec<&Value> = match schema {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    [schema].into_iter().chain(inside.into_iter().flat_map(parts)).collect()
}

/// The schemas of a shape and of all that it refers to.
fn schemas(shape: &PayloadSchema) -> Vec<Value> {
    [json!(shape.schema)].into_iter().chain(shape.components.iter().map(|(_, schema)| json!(schema))).collect()
}

#[test]
fn contract_names_and_event_names_are_unique() {
    let contract_schemas = contract_schemas();
    let names: BTreeSet<_> = contract_schemas.iter().map(|contract_schema| contract_schema.contract).collect();
    assert_eq!(names.len(), contract_schemas.len());
    assert!(names.contains("household") && names.contains("workspace"));
    for contract_schema in &contract_schemas {
        let said: Vec<_> = contract_schema.server_events.iter().map(|word| word.name).collect();
        let understood: Vec<_> = contract_schema.client_events.iter().map(|word| word.name).collect();
        for words in [said, understood] {
            assert!(!words.is_empty(), "{}", contract_schema.contract);
            for word in &words {
                assert_eq!(words.iter().filter(|other| *other == word).count(), 1, "{} {word}", contract_schema.contract);
            }
        }
    }
}

#[test]
fn each_referenced_schema_exists_once() {
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    for contract_schema in &contract_schemas() {
        for shape in said(contract_schema).into_iter().chain(understood(contract_schema)) {
            for schema in schemas(shape) {
                for reference in parts(&schema).iter().filter_map(|part| part["$ref"].as_str()) {
                    let there = shape.components.iter().any(|(name, _)| reference == format!("#/components/schemas/{name}"));
                    assert!(there, "{} refers to {reference}", contract_schema.contract);
                }
            }
            for (name, schema) in &shape.components {
                let schema = json!(schema);
                let before = known.entry(name.clone()).or_insert_with(|| schema.clone());
                assert_eq!(*before, schema, "{name}");
                let own = name.split_once('.').is_none_or(|(contract, _)| contract == contract_schema.contract);
                assert!(own, "{} speaks of {name}", contract_schema.contract);
            }
        }
    }
}

/// A field of what the server says is either always there, if need be as null, or there only if it is something.
#[test]
fn no_field_may_be_both_absent_and_null() {
    let is_nullable = |schema: &Value| match (&schema["type"], &schema["oneOf"]) {
        (Value::Array(types), _) => types.contains(&json!("null")),
        (_, Value::Array(schemas)) => schemas.contains(&json!({ "type": "null" })),
        (kind, _) => kind == "null",
    };
    for contract_schema in &contract_schemas() {
        for schema in said(contract_schema).into_iter().flat_map(schemas) {
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
            contract_schema.server_events.iter().map(|word| word.name).chain(contract_schema.client_events.iter().map(|word| word.name))
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
        let acks = contract_schema.client_events.iter().filter(|word| word.ack.is_some()).count();
        assert_eq!(messages.len(), contract_schema.server_events.len() + contract_schema.client_events.len() + acks);
        for name in
            contract_schema.server_events.iter().map(|word| word.name).chain(contract_schema.client_events.iter().map(|word| word.name))
        {
            assert!(messages.contains(&name), "{} {name}", contract_schema.contract);
        }
    }
}
