//! The CPU time of the second node: for deliveries of messages that were sent on the first node, and for messages that concern no client on it.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bench::metric::Metric;
use crate::bench::scenarios::durable::{self, RECEIVERS_SHARE, RoomRole};
use crate::bench::scenarios::{Scale, micros};
use crate::bench::two_nodes::TwoNodes;

const IN_FLIGHT: usize = 256;

/// What both nodes have done in some time.
struct Work {
    first: Duration,
    second: Duration,
    messages: usize,
    deliveries: usize,
}

pub fn measure(nodes: &TwoNodes, scale: &Scale) -> Result<Vec<Metric>> {
    let before = nodes.second.process.cpu()?;
    std::thread::sleep(scale.durable);
    let idle = nodes.second.process.cpu()? - before;

    let on_first = work(nodes, scale, |_| nodes.first.port)?;
    let split = work(nodes, scale, |role| match role {
        RoomRole::Sender => nodes.first.port,
        RoomRole::Receiver => nodes.second.port,
    })?;
    let received = (split.deliveries as f64 * RECEIVERS_SHARE) as usize;
    let one_node = micros(on_first.first, on_first.deliveries);
    let receiving = micros(split.second.saturating_sub(idle), received);
    Ok(vec![
        Metric::plain("CPU per delivery of a node with all clients, µs", one_node),
        Metric::plain("CPU per delivery of a node that receives, µs", receiving),
        Metric::plain("CPU per delivery, receiving node to one with all clients", receiving / one_node),
        Metric::plain("CPU per message of a node without its clients, µs", micros(on_first.second.saturating_sub(idle), on_first.messages)),
        Metric::plain("CPU of an idle node, ms per second", idle.as_secs_f64() * 1e3 / scale.durable.as_secs_f64()),
    ])
}

/// Sends messages for some time, with each user connected to the node with this port.
fn work(nodes: &TwoNodes, scale: &Scale, port_of: impl Fn(RoomRole) -> u16) -> Result<Work> {
    let (mut load, mut run) = durable::connect(nodes.first.port, port_of)?;
    run.warm_up(&mut load, IN_FLIGHT)?;
    let (messages, deliveries) = run.counts();
    let (first, second) = (nodes.first.process.cpu()?, nodes.second.process.cpu()?);
    load.run_for(scale.durable, &mut run)?;
    let (first, second) = (nodes.first.process.cpu()? - first, nodes.second.process.cpu()? - second);
    let (all_messages, all_deliveries) = run.counts();
    ensure!(all_messages > messages, "no message was acknowledged");
    Ok(Work { first, second, messages: all_messages - messages, deliveries: all_deliveries - deliveries })
}
