//! The command line of `roomcast`.
//!
//! - [`token`]: `roomcast token`.
//! - [`typescript`]: `roomcast types`.
//! - [`asyncapi`]: `roomcast asyncapi`.
//! - [`banner`]: the text that `roomcast serve` prints after its start.

pub mod asyncapi;
pub mod banner;
pub mod token;
pub mod typescript;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigError, TABLE, render};
use crate::rest;

/// The realtime back end for clients that already speak Socket.IO or plain WebSocket.
#[derive(Parser)]
#[command(name = "roomcast", version, about)]
struct Cli {
    /// A TOML file with settings, as config.example.toml shows them; also ROOMCAST_CONFIG. The environment wins over it
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server; the same as no command
    Serve,
    /// Print a token that this server believes
    Token(token::TokenArguments),
    /// Print the effective settings, one a line, each with its source; secrets are hidden
    Config {
        /// Print an example file with every default instead
        #[arg(long)]
        example: bool,
    },
    /// Print the OpenAPI document of all REST paths, as a running server has it at /openapi.json
    Openapi,
    /// Write the contracts as TypeScript
    Types(typescript::TypesArguments),
    /// Print what is said over the sockets as an AsyncAPI 3 document, in JSON
    Asyncapi,
}

/// Runs the binary: parses the command line and runs the command. Each error is a line on standard error.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error is no reason to panic.
            let mut output = std::io::stderr().lock();
            match error.downcast_ref::<ConfigError>() {
                Some(error) => error.lines().iter().for_each(|line| drop(writeln!(output, "roomcast: {line}"))),
                None => drop(writeln!(output, "roomcast: {error:#}")),
            }
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> anyhow::Result<()> {
    let configured = |check: fn(&Config) -> Result<(), ConfigError>| Config::of_process(cli.config.as_deref(), check);
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => crate::serve(configured(crate::serve::check)?.0),
        Command::Token(arguments) => {
            let (token, signer) = token::make(&configured(Config::check)?.0, arguments)?;
            print(&token)?;
            // Standard output has only the token, for scripts.
            drop(writeln!(std::io::stderr().lock(), "roomcast: signed with the secret from {signer}"));
            Ok(())
        }
        Command::Config { example: true } => print(&render::example(TABLE)),
        Command::Config { example: false } => {
            let (config, lines) = configured(Config::check)?;
            print(&render::effective(&lines))?;
            // The settings are printed before the check, so that an operator sees the sources of contradictory settings.
            Ok(config.check()?)
        }
        Command::Openapi => print(rest::openapi()),
        Command::Types(arguments) => print(&typescript::write(arguments)?),
        Command::Asyncapi => print(&asyncapi::document()),
    }
}

/// Prints to standard output. A reader that has closed the pipe, as `head` does, is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
