//! The second player of `e2e/scenarios`: the same conversations without sockets, by the domain, the contracts and a real database alone.
//! What the steps mean is written in `e2e/scenarios/README.md`.
//!
//! - `script`: a transcript as data.
//! - `matchers`: what is expected of values, and what was saved.
//! - `test_app`: the product's parts, put together around a clock that stands still.
//! - `schema_coverage`: the shapes that all words are described with.
//! - `test_client`: what a person listens with.
//! - `fake_engine`: the devices in their rooms, in the engine's place.
//! - `runner`: the steps. `openapi`: what REST may answer.
//!
//! To add a transcript, add its file; to add a contract, its folder. All are played; there is none that only sockets could play.

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
    assert!(!contracts.is_empty(), "there are no transcripts");
    let transcripts = contracts.iter().flat_map(|contract| script::files(contract).into_iter().map(|file| transcript(contract, file)));
    let trials = transcripts.chain(matchers::tests()).collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    if conclusion.has_failed() || conclusion.num_filtered_out + conclusion.num_ignored > 0 || conclusion.num_passed == 0 {
        return conclusion.exit_code();
    }
    // Only all transcripts together say everything.
    let unused = SCHEMA_COVERAGE.unused();
    if unused.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("no transcript uses these words, or it is believed wrongly that none can: {unused:?}");
    ExitCode::FAILURE
}

fn transcript(contract: &str, file: String) -> Trial {
    let contract = contract.to_owned();
    Trial::test(format!("{contract}/{file}"), move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(runner::play(&contract, &file));
        Ok(())
    })
}
