//! The command line of `roomcast`.
//!
//! - [`token`]: `roomcast token`.
//! - [`copy`]: `roomcast copy`.
//! - [`backup`]: `roomcast backup` and `roomcast restore`.
//! - [`check_settings`]: `roomcast check`. [`check_token`]: `roomcast checktoken`. `report`: the checks of a command, and how they are printed.
//! - [`emit`]: `roomcast emit`. [`connect`]: `roomcast connect`. [`explain`]: `roomcast explain`. [`live_state`]: `roomcast users`, `rooms` and `connections`.
//! - [`doctor`]: `roomcast doctor`. [`remote`]: what the commands for a running server share.
//! - [`shell_files`]: `roomcast completions` and `roomcast man`.
//! - [`typescript`]: `roomcast types`.
//! - [`asyncapi`]: `roomcast asyncapi`.
//! - [`banner`]: the text that `roomcast serve` prints after its start.

pub mod asyncapi;
pub mod backup;
pub mod banner;
pub mod check_settings;
pub mod check_token;
pub mod connect;
pub mod copy;
pub mod doctor;
pub mod emit;
pub mod explain;
pub mod live_state;
mod remote;
mod report;
pub mod shell_files;
pub mod token;
pub mod typescript;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use config::{Config, ConfigError, TABLE, render};

use self::report::ChecksFailed;
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
    /// Copy the database of a running or stopped server to a file
    Backup(backup::BackupArguments),
    /// Put a backup in the place of the database of a stopped server
    Restore(backup::RestoreArguments),
    /// Check a file of settings: whether a server would start with it
    Check(check_settings::CheckArguments),
    /// Make each check of a token, and print which ones it passes
    #[command(name = "checktoken")]
    CheckToken(check_token::CheckTokenArguments),
    /// Check this machine and its server, or with a URL a server from outside
    Doctor(doctor::DoctorArguments),
    /// Send an event to rooms, users or everyone, as a back end does
    Emit(emit::EmitArguments),
    /// Connect as a user over the raw WebSocket: join rooms, send the lines of standard input, print what arrives
    Connect(connect::ConnectArguments),
    /// Print which users are online
    Users(live_state::UsersArguments),
    /// Print the rooms with the most connections
    Rooms(live_state::ListArguments),
    /// Print the open connections by namespace and transport
    Connections(live_state::ListArguments),
    /// Explain why a user received an event or not
    Explain(explain::ExplainArguments),
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
    /// Print the completions of a shell
    Completions(shell_files::CompletionsArguments),
    /// Print the manual page, or write the pages of all commands into a folder
    Man(shell_files::ManArguments),
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
        // The report has been printed.
        Err(error) if error.is::<ChecksFailed>() => ExitCode::FAILURE,
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
        Command::Backup(arguments) => print(&backup::backup(&configured(|_| Ok(()))?.0, arguments)?),
        Command::Restore(arguments) => print(&backup::restore(&configured(|_| Ok(()))?.0, arguments)?),
        Command::Check(arguments) => check_settings::check(cli.config.as_deref(), arguments),
        Command::CheckToken(arguments) => check_token::check_token(&configured(Config::check)?.0, arguments),
        Command::Doctor(arguments) => doctor::doctor(cli.config.as_deref(), arguments),
        Command::Emit(arguments) => print(&emit::emit(&configured(Config::check)?.0, arguments)?),
        Command::Connect(arguments) => connect::connect(&configured(Config::check)?.0, arguments),
        Command::Users(arguments) => print(&live_state::users(&configured(Config::check)?.0, arguments)?),
        Command::Rooms(arguments) => print(&live_state::rooms(&configured(Config::check)?.0, arguments)?),
        Command::Connections(arguments) => print(&live_state::connections(&configured(Config::check)?.0, arguments)?),
        Command::Explain(arguments) => print(&explain::explain(&configured(Config::check)?.0, arguments)?),
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
        Command::Completions(arguments) => print(&shell_files::completions(&arguments)),
        Command::Man(arguments) => print(&shell_files::man(arguments)?),
        Command::Reference { page } => print(&page.markdown()?),
    }
}

/// Prints text with colors to standard output. They are removed if it is no terminal, or if `NO_COLOR` is set.
fn print_styled(text: &str) -> anyhow::Result<()> {
    written(&mut anstream::stdout().lock(), text)
}

/// Prints to standard output. A reader that has closed the pipe, as `head` does, is no error.
fn print(text: &str) -> anyhow::Result<()> {
    written(&mut std::io::stdout().lock(), text)
}

fn written(output: &mut impl Write, text: &str) -> anyhow::Result<()> {
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
