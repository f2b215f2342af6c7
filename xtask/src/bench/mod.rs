//! `cargo xtask bench`: every server in turn, scenario by scenario, and one table. What the rows mean is in bench/README.md.

mod figure;
mod floor;
mod folder;
mod latency;
mod load;
mod machine;
mod measure;
mod peers;
mod postgres;
mod rest;
mod rounds;
mod scenarios;
mod sequence;
mod server;
mod stage;
mod table;
mod token;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use machine::Machine;
use peers::{Peer, Workshop};
use rounds::Rounds;
use scenarios::{PAYLOAD, Scale, Scenario};
use table::Table;

#[derive(clap::Args)]
pub struct Options {
    /// The servers to measure, separated by commas [default: all]
    #[arg(long, value_delimiter = ',')]
    servers: Vec<Peer>,
    /// The scenarios to run, separated by commas [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// How often everything is measured; the table has the medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The number of threads that serve connections, for servers with such a setting [default: one for each core except the generator's]
    #[arg(long)]
    threads: Option<usize>,
    /// Smaller crowds and shorter runs: to see that it works, not for figures.
    #[arg(long)]
    quick: bool,
    /// The bytes of JSON in each message of fanout and burst, at least 30, for the servers without a contract; the whole product gets 100 and adds its envelope
    #[arg(long, value_name = "BYTES", default_value_t = PAYLOAD)]
    payload: usize,
    /// Write all measurements into this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Be the floor server.
    #[arg(long, hide = true)]
    serve_floor: bool,
}

pub fn run(options: Options) -> Result<()> {
    if options.serve_floor {
        return floor::serve();
    }
    let workshop = Workshop::here(options.threads)?;
    if cfg!(debug_assertions) {
        // A generator without optimisations would measure itself.
        let error = Command::new(workshop.fast_xtask()?).args(std::env::args_os().skip(1)).exec();
        return Err(error).context("the release build of xtask cannot be started");
    }
    let scenarios: Vec<Scenario> = chosen(&options.only);
    let mut peers: Vec<Peer> = chosen(&options.servers);
    peers.retain(|peer| scenarios.iter().any(|scenario| scenario.suits(*peer)));
    let mut scale = if options.quick { Scale::quick() } else { Scale::full() };
    scale.payload = options.payload;
    let limit = machine::raise_open_files()?;
    ensure!(
        limit > scale.most_connections() as u64 + 200,
        "at most {limit} files may be open here, and {} connections are wanted: raise the hard limit (ulimit -Hn), or use --quick",
        scale.most_connections()
    );
    for peer in &peers {
        peer.build(&workshop)?;
    }
    for peer in &peers {
        // One that does not start is an error now, not after the others have been measured.
        server::Server::start(*peer, &workshop, &[])?;
    }

    let rounds = Rounds { workshop: &workshop, scale, peers, rounds: options.rounds };
    let table = rounds.measure(&scenarios)?;
    report(&options, &rounds.peers, &workshop, &table)
}

/// What was asked for in the order of the table, or everything.
fn chosen<T: ValueEnum + Ord>(wanted: &[T]) -> Vec<T> {
    let mut chosen: Vec<T> = if wanted.is_empty() { T::value_variants().to_vec() } else { wanted.to_vec() };
    chosen.sort();
    chosen.dedup();
    chosen
}

fn report(options: &Options, peers: &[Peer], workshop: &Workshop, table: &Table) -> Result<()> {
    let machine = Machine::this();
    let versions: Vec<String> = peers.iter().filter_map(|peer| peer.version(workshop)).collect();
    print!("{}", table.markdown(peers));
    println!("\nMachine: {}.", machine.sentence());
    if !versions.is_empty() {
        println!("Peers: {}.", versions.join(", "));
    }
    let quick = if options.quick { ", --quick" } else { "" };
    println!(
        "Medians of {} rounds{quick}; in brackets the ratio to the floor, or to the peer that is named, at the same time.",
        options.rounds
    );
    if let Some(file) = &options.json {
        let json = table.json(&machine, &versions, options.rounds, peers)?;
        std::fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if !table.failures.is_empty() {
        println!("\nNot measured:");
        table.failures.iter().for_each(|failure| println!("- {failure}"));
        bail!("{} measurements failed", table.failures.len());
    }
    Ok(())
}
