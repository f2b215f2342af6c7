//! A household of ten, a thousand and a hundred thousand members: the cost of connecting to it, joining it, renaming it and sending an event to it. The
//! figures of a larger one should equal those of the smallest, except for the first hundred members, which are embedded. And a room with as many members,
//! some of them online: the cost of a message for each member online.

mod client;
mod message;

use anyhow::{Result, ensure};
use client::Client;
use serde_json::json;

use super::{Scale, micros};
use crate::bench::figure::Figure;
use crate::bench::load::{Entrance, Load};
use crate::bench::peers::{Peer, Workshop};
use crate::bench::server::Server;
use crate::bench::stage::AT_ONCE;
use crate::bench::token::sign;

const HOUSEHOLD: &str = "large";
/// How many requests of each kind are measured.
const MEASURED: usize = 200;

pub fn run(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for members in scale.members {
        // As many members join the largest household once it is full.
        let server = Server::start(peer, workshop, &[("MAX_MEMBERS_PER_SPACE", "0"), ("MAX_ADDITIONS_PER_HOUR", "0")])?;
        fill(server.port, members)?;
        figures.extend(measure(&server, members)?);
        figures.extend(message::measure(&server, members)?);
    }
    Ok(figures)
}

/// Each token names the household, so each person becomes a member of it with the first request.
fn fill(port: u16, members: usize) -> Result<()> {
    client::for_each(port, members, |client, number| client.ask("GET", "/api/v1/trips", &sign(number, Some(HOUSEHOLD)), None).map(drop))
}

fn measure(server: &Server, members: usize) -> Result<Vec<Figure>> {
    let mut client = Client::connect(server.port)?;
    let path = format!("/households/{HOUSEHOLD}");
    let member = sign(0, Some(HOUSEHOLD));
    let household = client.ask("GET", &path, &member, None)?;
    ensure!(household["memberCount"] == members, "the household has {} members", household["memberCount"]);
    let code = &household["inviteCode"];

    let mut figures = Vec::new();
    let mut row = |what: &str, work: &mut dyn FnMut() -> Result<()>| -> Result<()> {
        let before = server.process.cpu()?;
        work()?;
        figures.push(Figure::plain(format!("{what}, {members} members, CPU µs"), micros(server.process.cpu()? - before, MEASURED)));
        Ok(())
    };
    let mut load = Load::new(server.port)?;
    let visitor = |number: usize| Entrance::socket_io(&json!({"token": sign(number, Some(HOUSEHOLD))}).to_string());
    let known = (0..MEASURED).map(|number| visitor(number % members));
    row("connect", &mut || load.admit(known.clone(), AT_ONCE).map(drop))?;
    drop(load);
    row("join", &mut || {
        (0..MEASURED).try_for_each(|number| {
            let token = sign(members + number, None);
            client.ask("POST", &format!("{path}/join"), &token, Some(&json!({"inviteCode": code}))).map(drop)
        })
    })?;
    row("rename", &mut || {
        (0..MEASURED).try_for_each(|number| client.ask("PUT", &path, &member, Some(&json!({"name": format!("Home {number}")}))).map(drop))
    })?;
    row("task", &mut || {
        (0..MEASURED).try_for_each(|_| client.ask("POST", &format!("{path}/tasks"), &member, Some(&json!({"title": "Dishes"}))).map(drop))
    })?;
    Ok(figures)
}
