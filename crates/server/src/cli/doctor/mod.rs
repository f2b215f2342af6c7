//! `roomcast doctor`: checks this machine and its server, or a server from outside.
//!
//! - [`machine`]: the checks of this machine, with the settings of its server.
//! - [`outside`]: the checks of a URL.
//! - [`certificates`]: what a certificate is valid for.
//! - [`quick`]: the health check of a container.

mod certificates;
mod machine;
mod outside;
mod quick;

use std::path::Path;
use std::time::Duration;

use clap::Args;
use client_json::timestamps::Milliseconds;
use config::Config;
use domain::ids::Timestamp;

use super::check_settings;
use super::remote::block_on;
use super::remote::server_url::ServerUrl;
use super::report::{Check, Outcome, Report};
use crate::clock;

/// The arguments of `roomcast doctor`.
#[derive(Args)]
pub struct DoctorArguments {
    /// The URL of a server to check from outside, through its proxies: https:// and its name
    url: Option<String>,
    /// Only check that the server of these settings, or of the URL, is alive: a health check for containers
    #[arg(long)]
    quick: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// From which difference on two clocks are worth a warning: tokens are valid for a limited time.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// Makes the checks, and prints each.
///
/// # Errors
/// A check failed.
pub fn doctor(config_file: Option<&Path>, arguments: DoctorArguments) -> anyhow::Result<()> {
    let DoctorArguments { url, quick, json } = arguments;
    let checks = match (url, quick) {
        (Some(url), true) => block_on(quick::check(ServerUrl::parse(&url)?, None))?,
        (None, true) => {
            let config = Config::of_process(config_file, Config::check)?.0;
            block_on(quick::check(ServerUrl::of_settings(&config), Some(&config)))?
        }
        (Some(url), false) => block_on(outside::checks(ServerUrl::parse(&url)?))?,
        (None, false) => {
            let settings = check_settings::checks(config_file);
            match Config::of_process(config_file, Config::check) {
                Ok((config, _)) => [settings, block_on(machine::checks(config))?].concat(),
                Err(_) => settings,
            }
        }
    };
    Report::new(checks).print(json)
}

/// Compares another clock with the one of this machine.
fn clock_check(name: &str, theirs: Timestamp) -> Check {
    let ours = clock::now();
    let difference = Duration::from_micros(theirs.0.abs_diff(ours.0));
    let outcome = if difference > CLOCK_TOLERANCE { Outcome::Warning } else { Outcome::Passed };
    let remedy = if difference > CLOCK_TOLERANCE { "; run NTP on both machines, because tokens expire by the clock" } else { "" };
    Check::new(
        "clock",
        outcome,
        format!("{name} has {}, {:.1} s from this machine{remedy}", Milliseconds(theirs), difference.as_secs_f64()),
    )
}
