//! A process that can be stopped, killed, frozen, and started again.

use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::command::Action;

/// How often a start is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// The last lines of the log that an error shows.
const LOG_LINES: usize = 10;

/// A server of the cluster. Its process is killed when this is dropped.
pub struct Process {
    pub name: String,
    /// The port on 127.0.0.1 that the server listens on.
    pub port: u16,
    command: Command,
    log: PathBuf,
    child: Option<Child>,
    is_frozen: bool,
}

impl Process {
    /// A server that is not started yet. Its output goes to the file `log`.
    pub fn new(name: String, port: u16, mut command: Command, log: PathBuf) -> Self {
        // A process group of its own: Ctrl-C must not reach all processes at the same time.
        command.stdin(Stdio::null()).process_group(0);
        Self { name, port, command, log, child: None, is_frozen: false }
    }

    /// Does what the user asks for.
    ///
    /// # Errors
    /// A line that says why it is not possible.
    pub fn change(&mut self, action: Action) -> Result<()> {
        match action {
            Action::Start => {
                ensure!(self.child.is_none(), "{} runs already", self.name);
                self.start()
            }
            Action::Stop => self.end(Signal::SIGTERM),
            Action::Kill => self.end(Signal::SIGKILL),
            Action::Restart => self.end(Signal::SIGTERM).and_then(|()| self.start()),
            Action::Freeze => {
                self.signal(Signal::SIGSTOP)?;
                self.is_frozen = true;
                Ok(())
            }
            Action::Continue => {
                self.signal(Signal::SIGCONT)?;
                self.is_frozen = false;
                Ok(())
            }
        }
    }

    /// Starts the process, and waits until it accepts connections.
    pub fn start(&mut self) -> Result<()> {
        let log = std::fs::File::options().create(true).append(true).open(&self.log)?;
        self.command.stdout(log.try_clone()?).stderr(log);
        let mut child = self.command.spawn().with_context(|| format!("{} cannot be started", self.name))?;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("{} has ended with {status}:\n{}", self.name, self.end_of_log());
            }
            thread::sleep(CHECK_INTERVAL);
        }
        (self.child, self.is_frozen) = (Some(child), false);
        Ok(())
    }

    /// Ends the process with a signal, and waits for its end.
    fn end(&mut self, signal: Signal) -> Result<()> {
        self.signal(signal)?;
        if self.is_frozen {
            self.signal(Signal::SIGCONT)?;
        }
        if let Some(mut child) = self.child.take() {
            child.wait()?;
        }
        Ok(())
    }

    /// Ends the process in order, if it runs.
    pub fn stop(&mut self) {
        if self.child.is_some() && self.end(Signal::SIGTERM).is_err() {
            self.kill();
        }
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().with_context(|| format!("{} does not run", self.name))?;
        Ok(kill(Pid::from_raw(i32::try_from(child.id())?), signal)?)
    }

    /// The exit status of a process that has ended by itself, once.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        Some(status)
    }

    /// `runs`, `is frozen`, or `is stopped`.
    pub fn state(&self) -> &'static str {
        match (&self.child, self.is_frozen) {
            (None, _) => "is stopped",
            (Some(_), true) => "is frozen",
            (Some(_), false) => "runs",
        }
    }

    /// The last lines of the log.
    pub fn end_of_log(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
