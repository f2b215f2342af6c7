//! Checks the event schemas of the contracts against the messages of the scenarios: every message and acknowledgement of the server matches its
//! schema, and so does every accepted message of a client.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use contracts::acknowledgements::AckError;
use contracts::event_schema::{ContractSchema, PayloadSchema};
use contracts::{ClientMessage, ContractOptions, ContractRegistry};
use engine::{Namespace, OutboundMessage};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::openapi;
use crate::test_client::values;

/// The event that a resumed connection receives. Here no connection is resumed; the end-to-end tests cover the event.
const NEEDS_RECOVERY: &str = "resync";

/// The events that only the passing of time causes. Here the clock is fixed; the tests of the contracts cover these events.
const NEEDS_TIME: [(&str, &str); 8] = [
    ("messenger", "user:status-changed"),
    ("studio", "user:offline"),
    ("studio", "user:online"),
    ("household", "auth:expiring"),
    ("trip", "auth:expiring"),
    ("studio", "auth:expiring"),
    ("messenger", "auth:expiring"),
    ("workspace", "auth_expiring"),
];

pub static SCHEMA_COVERAGE: LazyLock<SchemaCoverage> = LazyLock::new(SchemaCoverage::new);

/// All events of all contracts.
pub struct SchemaCoverage {
    registry: ContractRegistry,
    contracts: Vec<Contract>,
    ack_error: Validator,
    /// The events that scenarios have used.
    used: Mutex<BTreeSet<Use>>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Use {
    Sent(&'static str, String),
    Received(&'static str, String),
}

struct Contract {
    name: &'static str,
    namespace: Option<&'static str>,
    /// By name, each with the validator of its payload, if it has one.
    server_events: BTreeMap<&'static str, Option<Validator>>,
    client_events: BTreeMap<&'static str, (Option<Validator>, Option<Validator>)>,
}

impl SchemaCoverage {
    fn new() -> Self {
        let registry = ContractRegistry::new(ContractOptions::default());
        let contracts = registry.schemas().iter().map(Contract::new).collect();
        Self { registry, contracts, ack_error: exact(&PayloadSchema::of::<AckError<'_>>()), used: Mutex::default() }
    }

    /// Whether a contract of a namespace has this event.
    pub fn has_event(&self, namespace: Namespace, message: &OutboundMessage) -> bool {
        let (name, _) = name_and_payload(message);
        self.contracts_in(namespace).any(|contract| contract.server_events.contains_key(&*name))
    }

    /// Checks that a message of the server is an event of a contract of the namespace and matches its schema.
    pub fn check_server_message(&self, namespace: Namespace, message: &OutboundMessage) {
        let (name, payload) = name_and_payload(message);
        let candidates: Vec<_> =
            self.contracts_in(namespace).filter_map(|contract| Some((contract, contract.server_events.get(&*name)?))).collect();
        assert!(!candidates.is_empty(), "{name} is no event of a contract of this namespace: {message:?}");
        let fits = |schema: &Option<Validator>| match (schema, &payload) {
            (Some(schema), Some(payload)) => schema.is_valid(payload),
            (None, None) => true,
            _ => false,
        };
        let fitting: Vec<_> = candidates.iter().filter(|(_, schema)| fits(schema)).collect();
        assert!(!fitting.is_empty(), "{name} does not match its schema: {}", reasons(&candidates, payload.as_ref()));
        let mut used = self.used.lock().unwrap();
        used.extend(fitting.iter().map(|(contract, _)| Use::Sent(contract.name, name.clone())));
    }

    /// Checks that an accepted message of a client matches its schema. `namespace` is that of the contract alone.
    pub fn check_client_message(&self, namespace: Option<&str>, received: &ClientMessage<'_>) {
        let contract = self.contract(namespace);
        let (name, argument) = match received {
            ClientMessage::Event { name, args } => {
                ((*name).to_owned(), args.get(0).map_or(Value::Null, |arg| serde_json::from_str(arg).unwrap()))
            }
            ClientMessage::Text(text) => {
                let message: Value = serde_json::from_str(text).unwrap();
                (message["type"].as_str().unwrap_or_default().to_owned(), message)
            }
        };
        let Some((schema, _)) = contract.client_events.get(&*name) else { panic!("{} has no event {name}", contract.name) };
        if let Some(Err(error)) = schema.as_ref().map(|schema| schema.validate(&argument)) {
            panic!("{name} is accepted and does not match its schema: {error}: {argument}");
        }
        self.used.lock().unwrap().insert(Use::Received(contract.name, name));
    }

    /// Checks that an acknowledgement matches its schema. The acknowledgement of an unknown event is an error.
    pub fn check_ack(&self, namespace: Option<&str>, name: &str, ack: &str) {
        let ack = &values(ack)[0];
        let schema = namespace.and_then(|_| self.contract(namespace).client_events.get(name)?.1.as_ref()).unwrap_or(&self.ack_error);
        if let Err(error) = schema.validate(ack) {
            panic!("the acknowledgement of {name} does not match its schema: {error}: {ack}");
        }
    }

    /// The events that no scenario uses: the author of the contract adds a scenario, or removes the event.
    pub fn unused(&self) -> Vec<String> {
        let used = self.used.lock().unwrap();
        let sent =
            self.contracts.iter().flat_map(|contract| contract.server_events.keys().map(|name| Use::Sent(contract.name, (*name).into())));
        let received_events =
            |contract: &'static Contract| contract.client_events.keys().map(|name| Use::Received(contract.name, (*name).into()));
        let needs_time = NEEDS_TIME.map(|(contract, name)| Use::Sent(contract, name.into()));
        let needs_a_gap = |event: &Use| matches!(event, Use::Sent(_, name) if name == NEEDS_RECOVERY);
        let all = sent.chain(SCHEMA_COVERAGE.contracts.iter().flat_map(received_events));
        all.filter(|event| used.contains(event) == (needs_time.contains(event) || needs_a_gap(event)))
            .map(|event| format!("{event:?}"))
            .collect()
    }

    fn contract(&self, namespace: Option<&str>) -> &Contract {
        self.contracts.iter().find(|contract| contract.namespace == namespace).unwrap()
    }

    fn contracts_in(&self, namespace: Namespace) -> impl Iterator<Item = &Contract> {
        self.registry.in_namespace(namespace).iter().map(|contract| self.contract(contract.namespace()))
    }
}

impl Contract {
    fn new(contract_schema: &ContractSchema) -> Self {
        let server_events = contract_schema.server_events.iter().map(|event| (event.name, event.payload.as_ref().map(exact)));
        let client_events = contract_schema
            .client_events
            .iter()
            .map(|event| (event.name, (event.argument.as_ref().map(at_least), event.ack.as_ref().map(exact))));
        Self {
            name: contract_schema.contract,
            namespace: contract_schema.namespace,
            server_events: server_events.collect(),
            client_events: client_events.collect(),
        }
    }
}

/// The name and the payload of a message.
fn name_and_payload(outbound: &OutboundMessage) -> (String, Option<Value>) {
    match outbound {
        OutboundMessage::Event { name, args, .. } => (name.to_string(), values(args).as_array().and_then(|args| args.first().cloned())),
        OutboundMessage::Text(text) => {
            let message: Value = serde_json::from_str(text).unwrap();
            (message["type"].as_str().unwrap_or_default().to_owned(), Some(message))
        }
        OutboundMessage::Binary(_) => panic!("no contract sends binary data"),
    }
}

fn reasons(candidates: &[(&Contract, &Option<Validator>)], payload: Option<&Value>) -> String {
    let payload = payload.unwrap_or(&Value::Null);
    let reasons = candidates
        .iter()
        .filter_map(|(contract, schema)| Some(format!("{}: {}", contract.name, schema.as_ref()?.validate(payload).err()?)));
    format!("{} in {payload}", reasons.collect::<Vec<_>>().join("; "))
}

/// A validator that allows no fields beyond the schema, for messages of the server.
fn exact(schema: &PayloadSchema) -> Validator {
    validator(schema, true)
}

/// A validator that allows further fields, for messages of clients.
fn at_least(schema: &PayloadSchema) -> Validator {
    validator(schema, false)
}

fn validator(schema: &PayloadSchema, exact: bool) -> Validator {
    let schemas: BTreeMap<_, _> = schema.components.iter().map(|(name, schema)| (name, json!(schema))).collect();
    let document = json!({ "$ref": "#/shape", "shape": schema.schema, "components": { "schemas": schemas } });
    let schema = if exact { openapi::strict(document) } else { document };
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}
