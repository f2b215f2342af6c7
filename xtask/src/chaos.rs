//! `cargo xtask chaos`: stock clients send through a proxy that cuts connections to servers that are killed, and their histories are compared with the
//! servers' event log. The test is in `e2e/chaos`.

use std::process::Command;

use anyhow::Result;

use crate::install;
use crate::requirements::FOR_CLUSTER;
use crate::setup;
use crate::test::root;

#[derive(clap::Args)]
pub struct ChaosOptions {
    /// A long run with a release build: 200,000 messages and 1,000 cuts, and 20 kills of one server or 30 of several nodes
    #[arg(long)]
    long: bool,
    /// The number of nodes. Several nodes have PostgreSQL, Redis, and a load balancer, and the first two are restarted, too
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=9))]
    nodes: u32,
    /// The seed of the random numbers that decide what happens
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// The number of messages that are sent and acknowledged
    #[arg(long)]
    messages: Option<u32>,
    /// How often a connection is cut
    #[arg(long)]
    cuts: Option<u32>,
    /// How often the server or a node is killed
    #[arg(long)]
    kills: Option<u32>,
    /// How often a node is frozen for 8 s
    #[arg(long)]
    freezes: Option<u32>,
    /// How often Redis is restarted, without its data
    #[arg(long)]
    redis_restarts: Option<u32>,
    /// How often PostgreSQL is restarted
    #[arg(long)]
    postgres_restarts: Option<u32>,
}

/// The default size of a run.
struct Size {
    messages: u32,
    cuts: u32,
    kills: u32,
    freezes: u32,
    redis_restarts: u32,
    postgres_restarts: u32,
}

impl ChaosOptions {
    fn default_size(&self) -> Size {
        let short = Size { messages: 2_000, cuts: 60, kills: 3, freezes: 1, redis_restarts: 2, postgres_restarts: 2 };
        let long = Size { messages: 200_000, cuts: 1_000, kills: 20, freezes: 10, redis_restarts: 10, postgres_restarts: 10 };
        match (self.long, self.nodes) {
            (false, _) => short,
            (true, 1) => long,
            (true, _) => Size { kills: 30, ..long },
        }
    }

    /// The environment of the test.
    fn environment(&self) -> [(&'static str, u32); 8] {
        let size = self.default_size();
        [
            ("CHAOS_SEED", self.seed),
            ("CHAOS_NODES", self.nodes),
            ("CHAOS_MESSAGES", self.messages.unwrap_or(size.messages)),
            ("CHAOS_CUTS", self.cuts.unwrap_or(size.cuts)),
            ("CHAOS_KILLS", self.kills.unwrap_or(size.kills)),
            ("CHAOS_FREEZES", self.freezes.unwrap_or(size.freezes)),
            ("CHAOS_REDIS_RESTARTS", self.redis_restarts.unwrap_or(size.redis_restarts)),
            ("CHAOS_POSTGRES_RESTARTS", self.postgres_restarts.unwrap_or(size.postgres_restarts)),
        ]
    }
}

pub fn run(options: &ChaosOptions) -> Result<()> {
    let root = root()?;
    let folder = root.join("e2e");
    install::from_npm(&folder)?;
    install::from_pypi(&folder.join("python"))?;
    if options.nodes > 1 {
        setup::install_missing(&root, &FOR_CLUSTER)?;
    }
    let mut build = Command::new("cargo");
    build.args(["build", "-p", "roomcast", "--bin", "roomcast"]).current_dir(&root);
    install::succeed(if options.long { build.arg("--release") } else { &mut build })?;

    let mut chaos = Command::new("node");
    chaos.arg("chaos/main.js").current_dir(folder).envs(options.environment().map(|(name, size)| (name, size.to_string())));
    let status = chaos.env("E2E_PROFILE", if options.long { "release" } else { "debug" }).status()?;
    anyhow::ensure!(status.success(), "the chaos test has failed: the histories of the clients and the server's event log differ");
    Ok(())
}
