//! A household of ten, a thousand and a hundred thousand members: the cost of connecting to it, joining it, renaming it, and creating a task in it. The cost
//! should not depend on the number of members, except that responses contain the first hundred members. In a room with as many members: the cost of a
//! message for each member that is online.

mod message;
mod rest_client;

use anyhow::{Result, ensure};
use rest_client::RestClient;
use serde_json::json;

use super::{Scale, micros};
use crate::bench::build_env::BuildEnv;
use crate::bench::fixture::CONCURRENT_CONNECTS;
use crate::bench::load_generator::{ClientHandshake, LoadGenerator};
use crate::bench::metric::Metric;
use crate::bench::server_process::ServerProcess;
use crate::bench::servers::ServerKind;
use crate::bench::token::sign;

const HOUSEHOLD: &str = "large";
/// How many requests of each kind are measured.
const MEASURED: usize = 200;

pub fn run(kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Vec<Metric>> {
    let mut metrics = Vec::new();
    for members in scale.members {
        // Further members join the largest household when it has all its members.
        let server = ServerProcess::start(kind, build_env, &[("MAX_MEMBERS_PER_SPACE", "0"), ("MAX_ADDITIONS_PER_HOUR", "0")])?;
        add_members(server.port, members)?;
        metrics.extend(measure(&server, members)?);
        metrics.extend(message::measure(&server, members)?);
    }
    Ok(metrics)
}

/// Each token names the household, so a user becomes a member with the first request.
fn add_members(port: u16, members: usize) -> Result<()> {
    rest_client::for_each(port, members, |client, number| {
        client.send("GET", "/api/v1/trips", &sign(number, Some(HOUSEHOLD)), None).map(drop)
    })
}

fn measure(server: &ServerProcess, members: usize) -> Result<Vec<Metric>> {
    let mut client = RestClient::connect(server.port)?;
    let path = format!("/households/{HOUSEHOLD}");
    let member = sign(0, Some(HOUSEHOLD));
    let household = client.send("GET", &path, &member, None)?;
    ensure!(household["memberCount"] == members, "the household has {} members", household["memberCount"]);
    let code = &household["inviteCode"];

    let mut metrics = Vec::new();
    let mut row = |what: &str, work: &mut dyn FnMut() -> Result<()>| -> Result<()> {
        let before = server.process.cpu()?;
        work()?;
        metrics.push(Metric::plain(format!("{what}, {members} members, CPU µs"), micros(server.process.cpu()? - before, MEASURED)));
        Ok(())
    };
    let mut load = LoadGenerator::new(server.port)?;
    let reader_client = |number: usize| ClientHandshake::socket_io(&json!({"token": sign(number, Some(HOUSEHOLD))}).to_string());
    let members_handshakes = (0..MEASURED).map(|number| reader_client(number % members));
    row("connect", &mut || load.connect_clients(members_handshakes.clone(), CONCURRENT_CONNECTS).map(drop))?;
    drop(load);
    row("join", &mut || {
        (0..MEASURED).try_for_each(|number| {
            let token = sign(members + number, None);
            client.send("POST", &format!("{path}/join"), &token, Some(&json!({"inviteCode": code}))).map(drop)
        })
    })?;
    row("rename", &mut || {
        (0..MEASURED).try_for_each(|number| client.send("PUT", &path, &member, Some(&json!({"name": format!("Home {number}")}))).map(drop))
    })?;
    row("task", &mut || {
        (0..MEASURED).try_for_each(|_| client.send("POST", &format!("{path}/tasks"), &member, Some(&json!({"title": "Dishes"}))).map(drop))
    })?;
    Ok(metrics)
}
