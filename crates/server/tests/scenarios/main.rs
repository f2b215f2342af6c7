//! The second runner of `e2e/scenarios`: it runs the scenarios without sockets, with the domain, the contracts and a real database.
//! `e2e/scenarios/README.md` documents the steps.
//!
//! - `script`: a scenario as data.
//! - `matchers`: expected values, and saved values.
//! - `test_app`: the parts of the server, with a fixed clock.
//! - `schema_coverage`: the schemas of all events, and which events the scenarios use.
//! - `test_client`: a client, and the messages that it has received.
//! - `fake_engine`: the clients and their rooms, in place of the engine.
//! - `runner`: the steps. `openapi`: the documented responses of REST.
//!
//! To add a scenario, add its file. To add a contract, add its folder. All scenarios run here, because none needs a socket.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

mod fake_engine;
mod matchers;
#[path = "../openapi/mod.rs"]
mod openapi;
mod runner;
mod schema_coverage;
mod script;
mod test_app;
mod test_client;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use schema_coverage::SCHEMA_COVERAGE;
use tokio::runtime;

/// A test for each file.
fn main() -> ExitCode {
    let contracts = script::contracts();
    assert!(!contracts.is_empty(), "there are no scenarios");
    let scenarios = contracts.iter().flat_map(|contract| script::files(contract).into_iter().map(|file| scenario(contract, file)));
    let trials = scenarios.chain(matchers::tests()).collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    if conclusion.has_failed() || conclusion.num_filtered_out + conclusion.num_ignored > 0 || conclusion.num_passed == 0 {
        return conclusion.exit_code();
    }
    // Only all scenarios together use every event.
    let unused = SCHEMA_COVERAGE.unused();
    if unused.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("no scenario uses these events, or a scenario uses an event of NEEDS_TIME or NEEDS_RECOVERY: {unused:?}");
    ExitCode::FAILURE
}

fn scenario(contract: &str, file: String) -> Trial {
    let contract = contract.to_owned();
    Trial::test(format!("{contract}/{file}"), move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(runner::play(&contract, &file));
        Ok(())
    })
}
