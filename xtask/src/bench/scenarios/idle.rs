//! What a connection costs that does nothing: the growth of the server's memory, once it has settled, by the connection.

use std::time::Duration;

use anyhow::Result;

use super::{Scale, micros};
use crate::bench::figure::Figure;
use crate::bench::load::{Load, Watching};
use crate::bench::peers::{Peer, Workshop};
use crate::bench::server::Server;
use crate::bench::stage::{AT_ONCE, visitors};

/// Connected before the first look, so that what a server sets up once is not counted.
const WARM_UP: usize = 100;

pub fn run(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Vec<Figure>> {
    let count = scale.idle_connections;
    let server = Server::start(peer, workshop, &[])?;
    let mut load = Load::new(server.port)?;
    load.admit(visitors(peer, count, WARM_UP), AT_ONCE)?;
    let (memory, cpu) = (server.process.settled_memory(|time| load.rest(time, &mut Watching))?, server.process.cpu()?);
    load.admit(visitors(peer, 0, count), AT_ONCE)?;
    load.rest(Duration::from_secs(1), &mut Watching)?;
    let connecting = server.process.cpu()? - cpu;
    let grown = server.process.settled_memory(|time| load.rest(time, &mut Watching))?.saturating_sub(memory);
    Ok(vec![
        Figure::plain("memory a connection, KB", grown as f64 / 1024.0 / count as f64),
        Figure::cost("CPU to connect and settle, µs", micros(connecting, count)),
    ])
}
