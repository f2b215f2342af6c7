//! `cargo xtask cluster`: starts nodes, PostgreSQL, Redis, and a load balancer from installed programs, and ends and starts each of them on request.
//!
//! - `command`: the lines that a user types while the cluster runs.
//! - `nginx`: the configuration of the load balancer.
//! - `process`: a process that can be stopped, killed, frozen, and started again.
//! - `servers`: all servers of the cluster.
//! - `banner`: what is printed after the start.

mod banner;
mod command;
mod nginx;
mod process;
mod servers;

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::install::succeed;
use crate::requirements::FOR_CLUSTER;
use crate::setup::install_missing;
use crate::test::{root, target};
use command::{HELP, UserCommand};
use servers::Servers;

/// How often the processes are checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

#[derive(clap::Args)]
pub struct ClusterOptions {
    /// The number of nodes
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=9))]
    nodes: u8,
    /// A release build of the server
    #[arg(long)]
    release: bool,
    /// The server's binary, in place of a new build
    #[arg(long, value_name = "FILE", conflicts_with = "release")]
    binary: Option<PathBuf>,
    /// The port of the load balancer. Without it the port is 8080, or a free one
    #[arg(long)]
    port: Option<u16>,
}

/// What ends a wait of the main loop.
enum Input {
    Line(String),
    /// SIGINT, SIGTERM, or SIGHUP.
    Stop,
}

/// Runs the cluster until Ctrl-C.
///
/// # Errors
/// One line with the reason why the cluster cannot start.
pub fn run(options: &ClusterOptions) -> Result<()> {
    let root = root()?;
    install_missing(&root, &FOR_CLUSTER)?;
    let binary = options.binary.as_ref().map_or_else(|| build(&root, options.release), |file| Ok(file.canonicalize()?))?;

    let inputs = inputs()?;
    let mut servers = Servers::start(&root, &binary, options.nodes, options.port)?;
    println!("{}", banner::text(&servers)?);
    let result = execute_commands(&mut servers, &inputs);
    eprintln!("The cluster ends.");
    servers.stop();
    result
}

/// Builds the server, and returns the path of its binary.
fn build(root: &Path, release: bool) -> Result<PathBuf> {
    let mut build = Program::new("cargo");
    build.args(["build", "--package", "roomcast", "--bin", "roomcast"]).current_dir(root);
    succeed(if release { build.arg("--release") } else { &mut build })?;
    Ok(target(root).join(if release { "release" } else { "debug" }).join("roomcast"))
}

/// Executes the commands of the user until the user ends the cluster. A process that ends by itself is reported.
fn execute_commands(servers: &mut Servers, inputs: &Receiver<Input>) -> Result<()> {
    loop {
        match inputs.recv_timeout(CHECK_INTERVAL) {
            Ok(Input::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Input::Line(line)) => match UserCommand::parse(&line, servers.nodes()) {
                Ok(UserCommand::Quit) => return Ok(()),
                Ok(UserCommand::Nothing) => {}
                Ok(UserCommand::Help) => println!("{HELP}"),
                Ok(UserCommand::Status) => println!("{}", servers.status()),
                Ok(UserCommand::Change { action, part }) => match servers.change(action, part) {
                    Ok(()) => println!("{}", servers.status_of(part)),
                    Err(error) => println!("{error:#}"),
                },
                Err(problem) => println!("{problem}"),
            },
        }
        for line in servers.ended() {
            println!("{line}");
        }
    }
}

/// The lines of standard input, and the signals that end the cluster. The processes of the cluster do not receive the signals of the terminal, so that they
/// end in order.
fn inputs() -> Result<Receiver<Input>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let (sender, inputs) = mpsc::channel();
    let lines = sender.clone();
    thread::spawn(move || {
        // At the end of the input the cluster runs on, without commands.
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if lines.send(Input::Line(line)).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || signals.forever().try_for_each(|_| sender.send(Input::Stop)));
    Ok(inputs)
}
