//! `cargo xtask bench`: measures every server in every scenario, and prints one table. `bench/README.md` describes the rows.

mod baseline;
mod build_env;
pub mod chart;
mod delaying_proxy;
mod fixture;
mod latency;
mod load_generator;
mod machine;
mod metric;
mod postgres;
mod process;
mod report;
mod rest;
mod scenarios;
mod schedule;
mod sequence_numbers;
mod server_process;
mod servers;
mod table;
mod temp_dir;
mod token;
mod two_nodes;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use build_env::BuildEnv;
use clap::ValueEnum;
use machine::Machine;
use report::Report;
use scenarios::{PAYLOAD, Scale, Scenario};
use schedule::Schedule;
use servers::ServerKind;
use table::Table;

use crate::test::root;

#[derive(clap::Args)]
pub struct BenchOptions {
    /// The servers to measure, separated by commas [default: all]
    #[arg(long, value_delimiter = ',')]
    servers: Vec<ServerKind>,
    /// The scenarios to run, separated by commas [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// How many times everything is measured; the table has the medians
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The number of threads that serve connections, for servers with such a setting [default: one for each core except the generator's]
    #[arg(long)]
    threads: Option<usize>,
    /// Use fewer clients and shorter runs: this shows that the bench works, and its numbers mean nothing
    #[arg(long)]
    quick: bool,
    /// The bytes of JSON in each message of fanout and burst, at least 30, for the servers without a contract; roomcast gets 100 and adds its envelope
    #[arg(long, value_name = "BYTES", default_value_t = PAYLOAD)]
    payload: usize,
    /// Another build of the `roomcast` binary, to measure in the same rounds
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Also write all measurements into this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure nothing, and draw the results in this file into docs/images/performance.svg
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "only", "servers"])]
    chart: Option<PathBuf>,
    /// Run the baseline server.
    #[arg(long, hide = true)]
    serve_baseline: bool,
}

pub fn run(options: BenchOptions) -> Result<()> {
    if options.serve_baseline {
        return baseline::serve();
    }
    if let Some(results) = &options.chart {
        let chart = root()?.join(chart::CHART);
        return std::fs::write(&chart, chart::draw(results)?).with_context(|| format!("cannot write {}", chart.display()));
    }
    let build_env = BuildEnv::new(options.threads, options.compare.clone())?;
    if cfg!(debug_assertions) {
        // A load generator without optimizations would measure itself.
        let error = Command::new(build_env.release_xtask()?).args(std::env::args_os().skip(1)).exec();
        return Err(error).context("the release build of xtask cannot be started");
    }
    let scenarios: Vec<Scenario> = selected(&options.only);
    let mut kinds: Vec<ServerKind> = selected(&options.servers);
    if build_env.compared.is_some() {
        kinds.push(ServerKind::Compared);
        kinds.sort();
    }
    kinds.retain(|kind| scenarios.iter().any(|scenario| scenario.supports(*kind)));
    let mut scale = if options.quick { Scale::quick() } else { Scale::full() };
    scale.payload = options.payload;
    let limit = machine::raise_open_files()?;
    ensure!(
        limit > scale.most_connections() as u64 + 200,
        "at most {limit} files may be open, and {} connections are needed: raise the hard limit (ulimit -Hn), or use --quick",
        scale.most_connections()
    );
    for kind in &kinds {
        kind.build(&build_env)?;
    }
    for kind in &kinds {
        // A server that does not start is an error now, and not after the others have been measured.
        server_process::ServerProcess::start(*kind, &build_env, &[])?;
    }

    let schedule = Schedule { build_env: &build_env, scale, kinds, rounds: options.rounds };
    let table = schedule.run(&scenarios)?;
    report(&options, &schedule.kinds, &build_env, &table)
}

/// The selected values in the order of the table, or all values.
fn selected<T: ValueEnum + Ord>(wanted: &[T]) -> Vec<T> {
    let mut selected: Vec<T> = if wanted.is_empty() { T::value_variants().to_vec() } else { wanted.to_vec() };
    selected.sort();
    selected.dedup();
    selected
}

fn report(options: &BenchOptions, kinds: &[ServerKind], build_env: &BuildEnv, table: &Table) -> Result<()> {
    let report = Report {
        date: machine::date(),
        machine: Machine::this(),
        versions: kinds.iter().filter_map(|kind| kind.version(build_env)).collect(),
        rounds: options.rounds,
        quick: options.quick,
        metrics: table.summaries(kinds),
        failures: table.failures.clone(),
    };
    print!("{}", table.markdown(kinds));
    println!("\nMachine: {}.", report.machine.description());
    if !report.versions.is_empty() {
        println!("Versions: {}.", report.versions.join(", "));
    }
    println!(
        "{}: medians of {} rounds{}; the ratio in brackets compares with the baseline server, or with the server that it names, at the same time.",
        report.date,
        report.rounds,
        if report.quick { ", --quick" } else { "" },
    );
    if let Some(file) = &options.json {
        std::fs::write(file, report.to_json()?).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if !report.failures.is_empty() {
        println!("\nNot measured:");
        report.failures.iter().for_each(|failure| println!("- {failure}"));
        bail!("{} measurements failed", report.failures.len());
    }
    Ok(())
}
