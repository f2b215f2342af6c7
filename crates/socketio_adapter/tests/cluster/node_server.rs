//! A socket.io server in Node.js, with stock clients and an emitter: `e2e/socketio-adapter/node-server.js`.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

pub struct NodeServer {
    // The process is killed when this is dropped.
    child: Child,
    input: tokio::sync::Mutex<(u64, ChildStdin)>,
    waiting: Waiting,
}

impl NodeServer {
    /// Starts the server. Its requests wait for `timeout_ms` at most.
    pub async fn start(url: &str, prefix: &str, timeout_ms: u32) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e");
        let packages = folder.join("node_modules/@socket.io/redis-adapter");
        assert!(packages.exists(), "the npm packages of e2e are not installed: cargo xtask setup, or npm ci in e2e");
        let mut command = Command::new("node");
        command.arg("socketio-adapter/node-server.js").args([url, prefix, &timeout_ms.to_string()]).current_dir(folder);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("node cannot be started ({error}): install it from https://nodejs.org"));
        let input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.next_line().await.unwrap().expect("the Node server has ended; its error is above");
        assert!(ready.contains("ready"), "{ready}");
        let waiting = Waiting::default();
        tokio::spawn(read_results(lines, waiting.clone()));
        Self { child, input: tokio::sync::Mutex::new((0, input)), waiting }
    }

    /// Runs the body of an async function in the server, and returns its result or the message of its error. The function has the variables
    /// of the file, such as `io`, `emitter`, and `clients`.
    pub async fn try_run(&self, code: &str) -> Result<Value, Value> {
        let (sender, result) = oneshot::channel();
        {
            let mut input = self.input.lock().await;
            input.0 += 1;
            self.waiting.lock().unwrap().insert(input.0, sender);
            let line = format!("{}\n", json!({ "id": input.0, "code": code }));
            input.1.write_all(line.as_bytes()).await.unwrap();
        }
        let result = result.await.expect("the Node server has ended");
        if result["error"].is_null() { Ok(result["result"].clone()) } else { Err(result) }
    }

    /// Stops the process, which keeps its connections.
    pub fn freeze(&self) {
        let status = std::process::Command::new("kill").args(["-STOP", &self.child.id().unwrap().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Runs the body of an async function that returns without an error.
    pub async fn run(&self, code: &str) -> Value {
        self.try_run(code).await.unwrap_or_else(|error| panic!("{code}\n{error}"))
    }
}

async fn read_results(mut lines: Lines<BufReader<ChildStdout>>, waiting: Waiting) {
    while let Ok(Some(line)) = lines.next_line().await {
        let result: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        let sender = waiting.lock().unwrap().remove(&result["id"].as_u64().unwrap());
        let _ = sender.unwrap().send(result);
    }
    // Those that still wait find their senders gone.
    waiting.lock().unwrap().clear();
}
