//! The project's commands: `cargo xtask` lists them, and `cargo xtask COMMAND --help` describes one.

mod bench;
mod chaos;
mod ci;
mod cluster;
mod docs;
mod docs_links;
mod install;
mod lint;
mod requirements;
mod setup;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's commands.", disable_help_subcommand = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say what the tests and checks need, what is missing, and how to get it
    Doctor,
    /// Install what the tests and checks need
    Setup,
    /// Install what the tests need, and run all tests
    Test(test::TestOptions),
    /// Check prose, commit subjects, type names, and the length of functions
    Lint(lint::LintOptions),
    /// Write the generated documents, and build the documentation of the crates
    Docs(docs::DocsOptions),
    /// Run all checks and tests that CI runs
    Ci,
    /// Cut connections and kill servers while stock clients send, and check that no message is lost
    Chaos(chaos::ChaosOptions),
    /// Start several nodes with PostgreSQL, Redis, and a load balancer, to try them
    Cluster(cluster::ClusterOptions),
    /// Measure Roomcast, the baseline server, and comparable servers, and print one table
    Bench(bench::BenchOptions),
}

fn main() -> ExitCode {
    let result = match CommandLine::parse().command {
        Command::Doctor => setup::diagnose(),
        Command::Setup => setup::run(),
        Command::Test(options) => test::run(&options),
        Command::Lint(options) => lint::run(&options),
        Command::Docs(options) => docs::run(&options),
        Command::Ci => ci::run(),
        Command::Chaos(options) => chaos::run(&options),
        Command::Cluster(options) => cluster::run(&options),
        Command::Bench(options) => bench::run(options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without the backtrace that `RUST_BACKTRACE` would add: a test or a check has failed, and not this program.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
