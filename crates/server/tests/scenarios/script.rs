//! A scenario as data. An unknown key of a step is an error.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The steps of some clients with the server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub title: String,
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    pub users: BTreeMap<String, Value>,
    /// Events of other contracts that clients in `/` receive, too, and that the scenario does not check.
    #[serde(default)]
    pub ignores: Vec<String>,
    #[serde(default)]
    pub shapes: Map<String, Value>,
    pub steps: Vec<Value>,
}

/// One step.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Step {
    Rest(Rest),
    Connect(Connect),
    Emit(Emit),
    Send(Send),
    ReceivesEvent(ReceivesEvent),
    ReceivesEnvelope(ReceivesEnvelope),
    ReceivesNothing(ReceivesNothing),
    Closed(Closed),
    Disconnects(Disconnects),
    Token(Token),
    Repeat(Repeat),
}

/// The parts of a step that are saved: a name, and the path of the saved part.
pub type Save = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rest {
    pub r#as: String,
    pub rest: String,
    #[serde(default, deserialize_with = "given")]
    pub body: Option<Value>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub status: u16,
    #[serde(default, deserialize_with = "given")]
    pub response: Option<Value>,
    #[serde(default)]
    pub replayed: bool,
    #[serde(default)]
    pub save: Save,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    pub r#as: String,
    pub connect: Way,
    pub over: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub auth: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    pub error: Option<Value>,
}

/// The transport of a client.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    SocketIo,
    Raw,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emit {
    pub r#as: String,
    pub emit: String,
    #[serde(default)]
    pub args: Vec<Value>,
    #[serde(default, deserialize_with = "given")]
    pub ack: Option<Value>,
    #[serde(default)]
    pub save: Save,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    pub r#as: String,
    pub send: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceivesEvent {
    pub receives: Names,
    /// The only namespace in which the step runs.
    pub r#in: Option<String>,
    pub event: String,
    pub args: Value,
    #[serde(default)]
    pub save: Save,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceivesEnvelope {
    pub receives: Names,
    pub envelope: Value,
    #[serde(default)]
    pub save: Save,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceivesNothing {
    pub receives_nothing: Names,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    pub closed: String,
    pub code: Option<u16>,
    pub reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disconnects {
    pub r#as: String,
    #[serde(rename = "disconnects")]
    pub _disconnects: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub r#as: String,
    pub token: Value,
    pub issued: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    pub repeat: u32,
    pub steps: Vec<Value>,
}

/// One client, or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Names {
    One(String),
    Many(Vec<String>),
}

impl Names {
    pub fn each(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

/// `null` counts as present.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn folder(contract: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../e2e/scenarios", contract].iter().collect()
}

/// The entries of a folder, in alphabetical order.
fn entries(folder: PathBuf) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The contracts with scenarios: the folders with at least one.
pub fn contracts() -> Vec<String> {
    let mut names = entries(folder(""));
    names.retain(|name| folder(name).is_dir() && !files(name).is_empty());
    names
}

/// The scenarios of a contract, without the file extension.
pub fn files(contract: &str) -> Vec<String> {
    entries(folder(contract)).iter().filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect()
}

/// A scenario of a contract.
pub fn load(contract: &str, file: &str) -> Scenario {
    let text = fs::read_to_string(folder(contract).join(file).with_extension("json")).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{contract}/{file}.json: {error}"))
}

/// The greeting of the trip contract.
const GREETING: &str = "connected";

impl Scenario {
    /// Whether a client of it connects with Socket.IO.
    pub fn connects_with_socketio(&self) -> bool {
        self.has_step(|step| step["connect"] == "socketio")
    }

    /// The names of the events that its clients ignore. Each client in `/` receives the greeting of the trip contract.
    pub fn ignored_events(&self) -> Vec<String> {
        let greeting = (!self.has_step(|step| step["event"] == GREETING)).then(|| GREETING.to_owned());
        self.ignores.iter().cloned().chain(greeting).collect()
    }

    fn has_step(&self, wanted: fn(&Value) -> bool) -> bool {
        any(&self.steps, wanted)
    }
}

fn any(steps: &[Value], wanted: fn(&Value) -> bool) -> bool {
    steps.iter().any(|step| wanted(step) || step["steps"].as_array().is_some_and(|steps| any(steps, wanted)))
}
