//! A running server for the commands that use one.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::{command, folder};

/// A server in its own folder. It ends when this value is dropped.
pub struct Running {
    pub folder: TempDir,
    pub child: Child,
    /// The port as text, for the environment of a command.
    pub port: String,
}

impl Running {
    /// Starts a server on a free port, and waits until it listens.
    pub fn start(environment: &[(&str, &str)]) -> Self {
        let folder = folder();
        let environment = [&[("PORT", "0")], environment].concat();
        let mut child = command(folder.path(), &environment, &[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().rsplit(':').next().unwrap().to_owned();
        assert!(port.parse::<u16>().is_ok(), "no address in {line:?}");
        Self { folder, child, port }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
