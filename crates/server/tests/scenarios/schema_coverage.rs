//! The contracts' vocabularies, held to what is really said: every message and acknowledgement has the shape that its word is described with,
//! and so has everything that clients say and that is not refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use engine::{Namespace, OutboundMessage};
use jsonschema::Validator;
use serde_json::{Value, json};
use server::config::Config;
use server::contracts::event_schema::{ContractSchema, PayloadSchema};
use server::contracts::responses::AckError;
use server::contracts::{ClientMessage, ContractRegistry};

use crate::openapi;
use crate::test_client::values;

/// What a connection that has been lost is told when it comes back: here none is. Every contract says it; end-to-end tests hear it.
const NEEDS_A_GAP: &str = "resync";

/// What time brings, and nothing else: it stands still here. The tests of the dialects say these.
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

/// All words of all contracts.
pub struct SchemaCoverage {
    registry: ContractRegistry,
    contracts: Vec<Contract>,
    refused: Validator,
    /// Whose words were said, by the contract's name and the word's.
    used: Mutex<BTreeSet<Use>>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Use {
    Said(&'static str, String),
    Understood(&'static str, String),
}

struct Contract {
    name: &'static str,
    namespace: Option<&'static str>,
    /// Each with what stands in it, if anything does.
    says: BTreeMap<&'static str, Option<Validator>>,
    understands: BTreeMap<&'static str, (Option<Validator>, Option<Validator>)>,
}

impl SchemaCoverage {
    fn new() -> Self {
        let registry = ContractRegistry::new(&Config::default());
        let contracts = registry.schemas().iter().map(Contract::new).collect();
        Self { registry, contracts, refused: whole(&PayloadSchema::of::<AckError<'_>>()), used: Mutex::default() }
    }

    /// Whether a contract that is spoken in a namespace has this word.
    pub fn knows(&self, namespace: Namespace, message: &OutboundMessage) -> bool {
        let (name, _) = told(message);
        self.spoken_in(namespace).any(|contract| contract.says.contains_key(&*name))
    }

    /// Whatever is said to a client is said in a word of a contract that is spoken there, and looks as that word is described.
    pub fn check_said(&self, namespace: Namespace, message: &OutboundMessage) {
        let (name, payload) = told(message);
        let words: Vec<_> = self.spoken_in(namespace).filter_map(|contract| Some((contract, contract.says.get(&*name)?))).collect();
        assert!(!words.is_empty(), "{name} is no word of a contract that is spoken here: {message:?}");
        let fits = |shape: &Option<Validator>| match (shape, &payload) {
            (Some(shape), Some(payload)) => shape.is_valid(payload),
            (None, None) => true,
            _ => false,
        };
        let fitting: Vec<_> = words.iter().filter(|(_, shape)| fits(shape)).collect();
        assert!(!fitting.is_empty(), "{name} does not look as it is described: {}", reasons(&words, payload.as_ref()));
        let mut used = self.used.lock().unwrap();
        used.extend(fitting.iter().map(|(contract, _)| Use::Said(contract.name, name.clone())));
    }

    /// Whatever a client says and is not refused looks as its word is described. `namespace` is where the contract is spoken alone.
    pub fn check_understood(&self, namespace: Option<&str>, heard: &ClientMessage<'_>) {
        let contract = self.contract(namespace);
        let (name, argument) = match heard {
            ClientMessage::Event { name, args } => {
                ((*name).to_owned(), args.get(0).map_or(Value::Null, |arg| serde_json::from_str(arg).unwrap()))
            }
            ClientMessage::Text(text) => {
                let message: Value = serde_json::from_str(text).unwrap();
                (message["type"].as_str().unwrap_or_default().to_owned(), message)
            }
        };
        let Some((shape, _)) = contract.understands.get(&*name) else { panic!("{} has no word {name}", contract.name) };
        if let Some(Err(error)) = shape.as_ref().map(|shape| shape.validate(&argument)) {
            panic!("{name} is not refused, and does not look as it is described: {error}: {argument}");
        }
        self.used.lock().unwrap().insert(Use::Understood(contract.name, name));
    }

    /// Whatever a client is acknowledged with looks as its word is described; what no contract knows is refused.
    pub fn check_ack(&self, namespace: Option<&str>, name: &str, ack: &str) {
        let ack = &values(ack)[0];
        let shape = namespace.and_then(|_| self.contract(namespace).understands.get(name)?.1.as_ref()).unwrap_or(&self.refused);
        if let Err(error) = shape.validate(ack) {
            panic!("the acknowledgement of {name} does not look as it is described: {error}: {ack}");
        }
    }

    /// The words that nobody has used, for a contract's author to say or to strike out.
    pub fn unused(&self) -> Vec<String> {
        let used = self.used.lock().unwrap();
        let said = self.contracts.iter().flat_map(|contract| contract.says.keys().map(|name| Use::Said(contract.name, (*name).into())));
        let understood =
            |contract: &'static Contract| contract.understands.keys().map(|name| Use::Understood(contract.name, (*name).into()));
        let needs_time = NEEDS_TIME.map(|(contract, name)| Use::Said(contract, name.into()));
        let needs_a_gap = |word: &Use| matches!(word, Use::Said(_, name) if name == NEEDS_A_GAP);
        let all = said.chain(SCHEMA_COVERAGE.contracts.iter().flat_map(understood));
        all.filter(|word| used.contains(word) == (needs_time.contains(word) || needs_a_gap(word))).map(|word| format!("{word:?}")).collect()
    }

    fn contract(&self, namespace: Option<&str>) -> &Contract {
        self.contracts.iter().find(|contract| contract.namespace == namespace).unwrap()
    }

    fn spoken_in(&self, namespace: Namespace) -> impl Iterator<Item = &Contract> {
        self.registry.in_namespace(namespace).iter().map(|contract| self.contract(contract.namespace()))
    }
}

impl Contract {
    fn new(contract_schema: &ContractSchema) -> Self {
        let says = contract_schema.server_events.iter().map(|word| (word.name, word.payload.as_ref().map(whole)));
        let understands = contract_schema
            .client_events
            .iter()
            .map(|word| (word.name, (word.argument.as_ref().map(at_least), word.ack.as_ref().map(whole))));
        Self {
            name: contract_schema.contract,
            namespace: contract_schema.namespace,
            says: says.collect(),
            understands: understands.collect(),
        }
    }
}

/// A message's name and what it says.
fn told(outbound: &OutboundMessage) -> (String, Option<Value>) {
    match outbound {
        OutboundMessage::Event { name, args, .. } => (name.to_string(), values(args).as_array().and_then(|args| args.first().cloned())),
        OutboundMessage::Text(text) => {
            let message: Value = serde_json::from_str(text).unwrap();
            (message["type"].as_str().unwrap_or_default().to_owned(), Some(message))
        }
        OutboundMessage::Binary(_) => panic!("no contract says binaries so far"),
    }
}

fn reasons(words: &[(&Contract, &Option<Validator>)], payload: Option<&Value>) -> String {
    let payload = payload.unwrap_or(&Value::Null);
    let reasons =
        words.iter().filter_map(|(contract, shape)| Some(format!("{}: {}", contract.name, shape.as_ref()?.validate(payload).err()?)));
    format!("{} in {payload}", reasons.collect::<Vec<_>>().join("; "))
}

/// Judges whether a value is just this: what the server says has no fields that are not described.
fn whole(shape: &PayloadSchema) -> Validator {
    validator(shape, true)
}

/// Judges whether a value is this, whatever else stands in it: clients may say more.
fn at_least(shape: &PayloadSchema) -> Validator {
    validator(shape, false)
}

fn validator(shape: &PayloadSchema, whole: bool) -> Validator {
    let schemas: BTreeMap<_, _> = shape.components.iter().map(|(name, schema)| (name, json!(schema))).collect();
    let document = json!({ "$ref": "#/shape", "shape": shape.schema, "components": { "schemas": schemas } });
    let schema = if whole { openapi::strict(document) } else { document };
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}
