//! The project's own chores: `cargo xtask test` checks everything, `cargo xtask ledger` whether anything is lost, and `cargo xtask bench` measures
//! Roomcast beside its peers.

mod bench;
mod install;
mod ledger;
mod lint;
mod test;
mod tidy;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run every test of the project.
    Test(test::Options),
    /// Cut connections and kill the server while stock clients send, and compare their books.
    Ledger(ledger::Options),
    /// Count vague words in the project's prose, and check the length of commit subjects.
    Lint(lint::Options),
    /// Measure Roomcast, a bare floor server and the peers in one go, and print one table.
    Bench(bench::Options),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().chore {
        Chore::Test(options) => test::run(&options),
        Chore::Ledger(options) => ledger::run(&options),
        Chore::Lint(options) => lint::run(&options),
        Chore::Bench(options) => bench::run(options),
    }
}
