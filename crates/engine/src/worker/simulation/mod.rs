//! A deterministic simulation of the shards: real workers with a network, a writer and a clock that a seed moves.
//!
//! The possible steps are in `script`; the parts that carry them out are in `world`, `client`, `app`, `model_writer`, `archive` and
//! `network`. The simulation checks all the time:
//!
//! - Clients receive the events that were decided, in one order, without a gap while they are connected, and only in their rooms.
//! - The responses to a client are in the order of its requests, and before the events that follow from them.
//! - A client that reconnects continues where it was, over any number of connections and requests, or has to begin a new session.
//! - A client has read all broadcasts that are confirmed.
//! - No connection ends without a reason, outboxes keep their bound, and ended connections leave no state.
//!
//! A seed that fails is reduced and written to `simulation/regressions`; later runs play the scripts there first. `SIMULATION_SEEDS=100000
//! cargo test --release -p roomcast-engine simulation` tries more seeds than usual.

mod app;
mod archive;
mod client;
mod model_writer;
pub(super) mod network;
mod script;
mod world;

pub(crate) use network::ServerEnd;

use std::fs;
use std::path::{Path, PathBuf};

use model_writer::InjectedBug;
use script::Script;
use world::{RunStats, play};

const SEEDS: u64 = 2_000;

fn regressions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/worker/simulation/regressions")
}

#[test]
fn regression_scripts_pass() {
    let mut played = 0;
    for file in fs::read_dir(regressions())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "script"))
    {
        let script: Script = fs::read_to_string(&file).unwrap().parse().unwrap();
        play(&script, None).unwrap_or_else(|violation| panic!("{}: {violation}", file.display()));
        played += 1;
    }
    assert!(played > 0);
}

#[test]
fn every_client_receives_every_decided_event_in_order() {
    let seeds = std::env::var("SIMULATION_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let mut all = RunStats::default();
    for seed in 0..seeds {
        match play(&Script::from_seed(seed), None) {
            Ok(stats) => {
                all.persisted_events += stats.persisted_events;
                all.connections += stats.connections;
                all.resumed += stats.resumed;
                all.rejections += stats.rejections;
                all.behind += stats.behind;
                all.archive_reads += stats.archive_reads;
                all.posts += stats.posts;
                all.upgrades += stats.upgrades;
            }
            Err(violation) => {
                let small = Script::from_seed(seed).shrunk(|script| play(script, None).is_err());
                let smaller_violation = play(&small, None).unwrap_err();
                let file = regressions().join(format!("seed-{seed}.script"));
                fs::write(&file, format!("# {smaller_violation}\n{small}")).unwrap();
                panic!("seed {seed}: {violation}\nsmaller, in {}: {smaller_violation}\n{small}", file.display());
            }
        }
    }
    println!("{seeds} scripts: {all:?}");
    let least = [
        all.persisted_events,
        all.connections,
        all.resumed,
        all.rejections * 20,
        all.behind,
        all.archive_reads,
        all.posts,
        all.upgrades * 20,
    ]
    .into_iter()
    .min();
    assert!(least > Some(seeds as usize), "the scripts had too little effect: {all:?}");
}

#[test]
fn seed_gives_the_same_run_each_time() {
    for seed in 0..50 {
        let [one, other] = [(); 2].map(|()| format!("{:?}", play(&Script::from_seed(seed), None)));
        assert_eq!(one, other);
    }
}

#[test]
fn script_text_parses_to_the_same_script() {
    for seed in 0..50 {
        let script = Script::from_seed(seed);
        assert_eq!(script.to_string().parse(), Ok(script));
    }
}

#[test]
fn injected_bug_is_found_and_shrunk() {
    for bug in [
        InjectedBug::Loses,
        InjectedBug::Doubles,
        InjectedBug::Reorders,
        InjectedBug::KeepsMember,
        InjectedBug::ForgetsToResume,
        InjectedBug::SkipsMissed,
        InjectedBug::RepeatsAll,
    ] {
        let fails = |script: &Script| play(script, Some(bug)).is_err();
        let found = (0..300).map(Script::from_seed).find(fails).unwrap_or_else(|| panic!("{bug:?} is not found"));
        let small = found.clone().shrunk(fails);
        assert!(fails(&small));
        assert!(small.steps.len() < 60, "{bug:?} after {} steps, of {}:\n{small}", small.steps.len(), found.steps.len());
    }
}
