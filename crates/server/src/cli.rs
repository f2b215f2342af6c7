//! The command line of `roomcast`.
//!
//! - [`token`]: `roomcast token`.
//! - [`copy`]: `roomcast copy`.
//! - [`typescript`]: `roomcast types`.
//! - [`asyncapi`]: `roomcast asyncapi`.
//! - [`banner`]: the text that `roomcast serve` prints after its start.

pub mod asyncapi;
pub mod banner;
pub mod copy;
pub mod token;
pub mod typescript;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use config::{Config, ConfigError, TABLE, render};

use crate::codegen::reference::ReferencePage;

/// Realtime backend for Socket.IO and WebSocket clients, in one binary.
#[derive(Parser)]
#[command(name = "roomcast", version, about)]
struct Cli {
    /// A TOML file with settings, in the form of config.example.toml. ROOMCAST_CONFIG names it, too. The environment takes precedence
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server. This is the default command
    Serve,
    /// Print a signed token that this server accepts
    Token(token::TokenArguments),
    /// Copy all data of a stopped server to an empty database: from SQLite to PostgreSQL, or back
    Copy(copy::CopyArguments),
    /// Print the effective settings, one per line, each with its source. Secrets are hidden
    Config {
        /// Print an example file with every setting and its default
        #[arg(long)]
        example: bool,
    },
    /// Print the OpenAPI document of all REST paths. A running server has the same document at /openapi.json
    Openapi,
    /// Write the TypeScript types of the contracts
    Types(typescript::TypesArguments),
    /// Print the AsyncAPI 3 document of all socket events, in JSON
    Asyncapi,
    /// Print a page of docs/reference
    #[command(hide = true)]
    Reference {
        /// The page
        page: ReferencePage,
    },
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
        Command::Copy(arguments) => print(&copy::copy(&configured(|_| Ok(()))?.0, arguments)?),
        Command::Config { example: true } => print(&render::example(TABLE)),
        Command::Config { example: false } => {
            let (config, lines) = configured(Config::check)?;
            print(&render::effective(&lines))?;
            // The settings are printed before the check, so that an operator sees the sources of contradictory settings.
            Ok(config.check()?)
        }
        Command::Openapi => print(api::openapi()),
        Command::Types(arguments) => print(&typescript::write(arguments)?),
        Command::Asyncapi => print(&asyncapi::document()),
        Command::Reference { page } => print(&page.markdown()?),
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
