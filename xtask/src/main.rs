//! The project's commands: `cargo xtask` lists them, and `cargo xtask COMMAND --help` describes one.

mod bench;
mod chaos;
mod docs_links;
mod install;
mod lint;
mod test;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's commands.")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the tests need, and run all tests.
    Test(test::TestOptions),
    /// Count vague words in the project's prose, and check the length of commit subjects.
    Lint(lint::LintOptions),
    /// Run stock clients while connections are cut and the server is killed, and check that no message is lost.
    Chaos(chaos::ChaosOptions),
    /// Measure Roomcast, the baseline server and the comparable servers, and print one table.
    Bench(bench::BenchOptions),
}

fn main() -> anyhow::Result<()> {
    match CommandLine::parse().command {
        Command::Test(options) => test::run(&options),
        Command::Lint(options) => lint::run(&options),
        Command::Chaos(options) => chaos::run(&options),
        Command::Bench(options) => bench::run(options),
    }
}
