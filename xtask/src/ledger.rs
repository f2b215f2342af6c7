//! `cargo xtask ledger`: stock clients over a network that cuts, to a server that is killed, and the books compared at the end; see `e2e/chaos`.

use std::process::Command;

use anyhow::Result;

use crate::install;
use crate::test::root;

#[derive(clap::Args)]
pub struct Options {
    /// A long run: 200,000 messages, 20 kills, 1,000 cuts, by a release build
    #[arg(long)]
    long: bool,
    /// What happens is decided by this
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Messages that are confirmed
    #[arg(long)]
    messages: Option<u32>,
    /// How often the server is killed during the run
    #[arg(long)]
    kills: Option<u32>,
    /// How often a connection is cut
    #[arg(long)]
    cuts: Option<u32>,
}

pub fn run(options: &Options) -> Result<()> {
    let root = root()?;
    let folder = root.join("e2e");
    install::from_npm(&folder)?;
    install::from_pypi(&folder.join("python"))?;
    let mut build = Command::new("cargo");
    build.args(["build", "-p", "server", "--bin", "roomcast"]).current_dir(&root);
    install::succeed(if options.long { build.arg("--release") } else { &mut build })?;

    let (messages, kills, cuts) = if options.long { (200_000, 20, 1_000) } else { (2_000, 3, 60) };
    let sizes = [
        ("CHAOS_SEED", options.seed),
        ("CHAOS_MESSAGES", options.messages.unwrap_or(messages)),
        ("CHAOS_KILLS", options.kills.unwrap_or(kills)),
        ("CHAOS_CUTS", options.cuts.unwrap_or(cuts)),
    ];
    let mut ledger = Command::new("node");
    ledger.arg("chaos/main.js").current_dir(folder).envs(sizes.map(|(name, size)| (name, size.to_string())));
    let status = ledger.env("E2E_PROFILE", if options.long { "release" } else { "debug" }).status()?;
    anyhow::ensure!(status.success(), "the books do not agree");
    Ok(())
}
