//! `roomcast checktoken`: makes each check of a token, and says which one it does not pass.

use std::io::Read;

use anyhow::{Context, bail};
use auth::token_sources::without_bearer;
use auth::{Keys, TokenReport, Verifier};
use clap::Args;
use client_json::timestamps::Milliseconds;
use config::Config;
use domain::ids::Timestamp;

use super::report::{Check, Outcome, Report};
use crate::clock;

/// The arguments of `roomcast checktoken`.
#[derive(Args)]
pub struct CheckTokenArguments {
    /// The token, with or without "Bearer"; - reads it from standard input, so that it does not appear in the list of processes
    token: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The most bytes of standard input that are read. A longer text is no token.
const MAX_INPUT: u64 = 64 * 1024;

/// Checks a token with the keys and the settings of this server, and prints each check.
///
/// # Errors
/// A check failed; the settings or the keys cannot be used; there is no token.
pub fn check_token(config: &Config, arguments: CheckTokenArguments) -> anyhow::Result<()> {
    let mut token = arguments.token;
    if token == "-" {
        token.clear();
        std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut token).context("standard input cannot be read")?;
    }
    let Some(token) = without_bearer(&token) else {
        bail!("the token is empty; name it, or write it to standard input with -");
    };
    // The secret of dev mode is read and never created: a new one has signed no token.
    let (keys, source) = Keys::load_to_sign(config)?;
    let report = Verifier::new(&keys, &config.auth).report(token, clock::seconds());
    Report::new(checks(&report, &source)).print(arguments.json)
}

/// The checks as lines. The last one is the answer of the server to a client.
fn checks(report: &TokenReport, keys: &str) -> Vec<Check> {
    let line = |check: &auth::TokenCheck| {
        let outcome = match check.passed {
            Some(true) => Outcome::Passed,
            Some(false) => Outcome::Failed,
            None => Outcome::Skipped,
        };
        Check::new(check.name, outcome, &check.detail)
    };
    let accepted = match &report.verdict {
        Ok(identity) => {
            let role = match (identity.admin, identity.service) {
                (_, true) => "the service",
                (true, false) => "the admin",
                (false, false) => "the user",
            };
            let time = |seconds: i64| Milliseconds(Timestamp(seconds.saturating_mul(1_000_000)));
            let until = report.valid_until.map_or_else(|| "with no end".to_owned(), |end| format!("until {}", time(end)));
            Check::new("accepted", Outcome::Passed, format!("as {role} {} {until}; verified with {keys}", identity.user.as_str()))
        }
        Err(error) => Check::new("accepted", Outcome::Failed, format!("clients receive the code {}; verified with {keys}", error.code())),
    };
    report.checks.iter().map(line).chain([accepted]).collect()
}
