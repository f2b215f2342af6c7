//! `cargo xtask chaos`: stock clients send through a proxy that cuts connections to a server that is killed, and their histories are compared with the
//! server's event log. The test is in `e2e/chaos`.

use std::process::Command;

use anyhow::Result;

use crate::install;
use crate::test::root;

#[derive(clap::Args)]
pub struct ChaosOptions {
    /// A long run with a release build: 200,000 messages, 20 kills, 1,000 cuts
    #[arg(long)]
    long: bool,
    /// The seed of the random numbers that decide what happens
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// The number of messages that are sent and acknowledged
    #[arg(long)]
    messages: Option<u32>,
    /// How often the server is killed
    #[arg(long)]
    kills: Option<u32>,
    /// How often a connection is cut
    #[arg(long)]
    cuts: Option<u32>,
}

pub fn run(options: &ChaosOptions) -> Result<()> {
    let root = root()?;
    let folder = root.join("e2e");
    install::from_npm(&folder)?;
    install::from_pypi(&folder.join("python"))?;
    let mut build = Command::new("cargo");
    build.args(["build", "-p", "roomcast", "--bin", "roomcast"]).current_dir(&root);
    install::succeed(if options.long { build.arg("--release") } else { &mut build })?;

    let (messages, kills, cuts) = if options.long { (200_000, 20, 1_000) } else { (2_000, 3, 60) };
    let sizes = [
        ("CHAOS_SEED", options.seed),
        ("CHAOS_MESSAGES", options.messages.unwrap_or(messages)),
        ("CHAOS_KILLS", options.kills.unwrap_or(kills)),
        ("CHAOS_CUTS", options.cuts.unwrap_or(cuts)),
    ];
    let mut chaos = Command::new("node");
    chaos.arg("chaos/main.js").current_dir(folder).envs(sizes.map(|(name, size)| (name, size.to_string())));
    let status = chaos.env("E2E_PROFILE", if options.long { "release" } else { "debug" }).status()?;
    anyhow::ensure!(status.success(), "the chaos test has failed: the histories of the clients and the server's event log differ");
    Ok(())
}
