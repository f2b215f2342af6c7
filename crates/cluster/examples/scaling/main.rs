//! Computes how the cost of a cluster grows with its nodes: `cargo run --release -p roomcast-cluster --example scaling`
//!
//! The nodes are the state machines of the crate, in virtual time and without a network. Bytes and messages are counted, CPU times are those of the
//! thread, and memory is the resident memory of a process of its own. [`write_lock`] computes how long a write waits for the lock of all writers.

mod load;
mod node;
mod received;
mod union_memory;
mod write_lock;

use load::Traffic;
use union_memory::UnionCost;
use write_lock::Waits;

/// The clusters that are computed.
const NODES: [usize; 6] = [2, 5, 10, 25, 50, 100];

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => print_tables(),
        ["union", nodes, users, room] => union_memory::measure(nodes.parse()?, users.parse()?, room.parse()?),
        _ => Err("there are no arguments; the argument `union` is for the processes that the program starts itself".into()),
    }
}

fn print_tables() -> Result<(), Failure> {
    println!("{}\n", load::describe());
    let traffic: Vec<Traffic> = NODES.into_iter().map(Traffic::of).collect::<Result<_, _>>()?;
    print_redis(&traffic);
    print_kinds(&traffic);
    let [small, large] = [union_memory::in_own_process(2)?, union_memory::in_own_process(20)?];
    println!("| the union, for each entry of another node | bytes |\n|---|---|");
    println!("| a user who is online | {} |", large.online_bytes);
    println!("| a user in a room of 2 users | {} |", small.room_bytes);
    println!("| a user in a room of 20 users | {} |", large.room_bytes);
    println!(
        "| CPU of a user who connects and opens a room, and leaves later (4 changes), µs | {:.1} |\n",
        large.cycle_nanoseconds as f64 / 1e3
    );
    print_nodes(&traffic, &large);
    print_waits();
    Ok(())
}

fn print_redis(traffic: &[Traffic]) {
    println!(
        "| nodes | connections | events/s | presence changes/s | Redis: messages in/s | Redis: messages out/s | Redis: MB in/s | Redis: MB out/s |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for Traffic { nodes, received, .. } in traffic {
        let (messages, bytes) = received.total_per_second();
        let (events, changes) = (load::events_per_second(*nodes), load::changes_per_second(*nodes));
        let out = *nodes as f64;
        println!(
            "| {nodes} | {} | {events:.0} | {changes:.0} | {messages:.0} | {:.0} | {:.2} | {:.1} |",
            nodes * load::CONNECTIONS,
            messages * out,
            bytes / 1e6,
            bytes * out / 1e6
        );
    }
    println!();
}

fn print_kinds(traffic: &[Traffic]) {
    let Some(Traffic { nodes, received, .. }) = traffic.last() else { return };
    println!("| {nodes} nodes, kind | messages/s | bytes/s | CPU of each receiving node, µs/s |\n|---|---|---|---|");
    for kind in &received.kinds {
        println!("| {} | {:.0} | {:.0} | {:.0} |", kind.name, kind.messages_per_second, kind.bytes_per_second, kind.cpu_microseconds);
    }
    println!();
}

fn print_nodes(traffic: &[Traffic], union: &UnionCost) {
    println!(
        "| nodes | connections | CPU of a node for all messages, % of a core | CPU of the union, % of a core | union in each node, MB |"
    );
    println!("|---|---|---|---|---|");
    for Traffic { nodes, received } in traffic {
        let users = (nodes * load::CONNECTIONS) as f64;
        let cycles = load::changes_per_second(*nodes) / 4.0;
        let memory = users * (union.online_bytes + union.room_bytes) as f64;
        println!(
            "| {nodes} | {users} | {:.1} | {:.1} | {:.0} |",
            received.cpu_microseconds() / 1e4,
            cycles * union.cycle_nanoseconds as f64 / 1e7,
            memory / 1e6
        );
    }
    let bytes = union.online_bytes + union.room_bytes;
    println!(
        "\nunion = nodes × {} users × ({} + {}) bytes = {bytes} bytes a user\n",
        load::CONNECTIONS,
        union.online_bytes,
        union.room_bytes
    );
}

fn print_waits() {
    println!("A transaction takes {} round trips and {} µs for each message.\n", write_lock::ROUND_TRIPS, write_lock::MESSAGE_MICROSECONDS);
    println!("| nodes | messages/s wanted | round trip, ms | messages/s written | mean wait of a write, ms | 99 % wait less than, ms |");
    println!("|---|---|---|---|---|---|");
    for nodes in NODES {
        for round_trip in [200, 1000] {
            let Waits { written, mean, most } = write_lock::simulate(nodes, load::events_per_second(nodes), round_trip);
            let (wanted, round_trip) = (load::events_per_second(nodes), round_trip as f64 / 1e3);
            println!("| {nodes} | {wanted:.0} | {round_trip} | {written:.0} | {mean:.0} | {most:.0} |");
        }
    }
}
