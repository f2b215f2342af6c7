//! Nodes on a simulated network: messages are lost, doubled, delayed and reordered; nodes are killed, frozen and cut off; Redis stops and loses its data;
//! the event log cannot be read for a while. Each seed is one run that can be repeated.
//!
//! Checked in every run: each node delivers every offset once, in order and with its content; presence changes of an entry alternate; no node is declared
//! dead while its lease lasts or Redis is away; a frozen node reports its lost lease before it does anything else. At the end, when everything works
//! again, all nodes have delivered all events and agree with the truth about who is present.

mod faults;
mod lease_table;
mod node;
mod world;

use world::World;

/// How many seeds each test runs. The variable `SIMULATION_SEEDS` replaces it.
const SEEDS: u64 = 10;

/// How long faults happen in each run, in milliseconds of simulated time.
const FAULTY_TIME: u64 = 30_000;

/// How long everything works afterwards: a lease to notice the last dead node, its grace period, and a digest.
const QUIET_TIME: u64 = 15_000;

fn run(seed: u64, faults: &[faults::Fault], nodes: usize) -> World {
    let mut world = World::new(seed, nodes);
    for _ in 0..FAULTY_TIME {
        world.cause_faults(faults);
        world.act();
        world.tick();
    }
    world.heal();
    for _ in 0..QUIET_TIME {
        world.tick();
    }
    world.check_end();
    world
}

/// Runs all seeds and returns the sum of what they counted, so that a test can check that its faults happened.
fn run_all(faults: &[faults::Fault], nodes: usize) -> world::Counts {
    let seeds = std::env::var("SIMULATION_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("SIMULATION_SEEDS is a number"));
    let mut counts = world::Counts::default();
    for seed in 0..seeds {
        eprintln!("seed {seed}");
        counts.add(&run(seed, faults, nodes).counts());
    }
    counts
}

#[test]
fn nodes_agree_without_faults() {
    let counts = run_all(&[], 3);
    assert!(counts.delivered > 10_000, "{counts:?}");
    assert_eq!((counts.gaps, counts.down, counts.lease_lost, counts.rejected), (0, 0, 0, 0), "{counts:?}");
}

#[test]
fn messages_are_lost_doubled_and_reordered() {
    let counts = run_all(&[faults::Fault::BadNetwork], 4);
    assert!(counts.gaps > 1000 && counts.missed_changes > 100 && counts.duplicates > 1000, "{counts:?}");
    assert_eq!((counts.down, counts.lease_lost), (0, 0), "{counts:?}");
}

#[test]
fn redis_stops_and_loses_its_data() {
    let counts = run_all(&[faults::Fault::StopRedis, faults::Fault::EmptyRedis], 3);
    assert!(counts.redis_away > 50 && counts.read_from_log > 1000, "{counts:?}");
    assert_eq!((counts.down, counts.lease_lost), (0, 0), "no node is declared dead: {counts:?}");
}

#[test]
fn nodes_are_killed_frozen_and_cut_off() {
    let counts = run_all(&[faults::Fault::KillNode, faults::Fault::FreezeNode, faults::Fault::CutNode], 4);
    assert!(counts.down > 20 && counts.lease_lost > 3 && counts.rejoined > 3, "{counts:?}");
}

#[test]
fn everything_fails() {
    let counts = run_all(&faults::ALL, 4);
    assert!(counts.down > 5 && counts.failed_reads > 100 && counts.gaps > 100, "{counts:?}");
}
