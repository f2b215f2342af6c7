//! A household of ten, a thousand and a hundred thousand members: what connecting to it, joining it, renaming it and telling it something cost. A row
//! of a larger one should say what the row of the smallest says, but for the first hundred members, who are shown.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{Scale, micros};
use crate::bench::figure::Figure;
use crate::bench::load::{Entrance, Load};
use crate::bench::peers::{Peer, Workshop};
use crate::bench::server::Server;
use crate::bench::stage::AT_ONCE;
use crate::bench::token::sign;

const HOUSEHOLD: &str = "large";
/// As many connections fill the household, so that the server commits as many memberships at once.
const FILLERS: usize = 64;
/// How many requests of each kind are measured.
const MEASURED: usize = 200;

pub fn run(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for members in scale.members {
        let server = Server::start(peer, workshop, &[])?;
        fill(server.port, members)?;
        figures.extend(measure(&server, members)?);
    }
    Ok(figures)
}

/// Each token names the household, so each person becomes a member of it with the first request.
fn fill(port: u16, members: usize) -> Result<()> {
    thread::scope(|scope| {
        let fillers: Vec<_> = (0..FILLERS)
            .map(|filler| {
                scope.spawn(move || -> Result<()> {
                    let mut client = Client::connect(port)?;
                    for number in (filler..members).step_by(FILLERS) {
                        client.ask("GET", "/api/v1/trips", &sign(number, Some(HOUSEHOLD)), None)?;
                    }
                    Ok(())
                })
            })
            .collect();
        fillers.into_iter().try_for_each(|filler| filler.join().expect("a filler does not panic"))
    })
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

/// A connection that is kept, with one request at a time.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    fn ask(&mut self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Result<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length) = (String::new(), 0);
        self.0.read_line(&mut status)?;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer)?;
        ensure!(status.starts_with("HTTP/1.1 2"), "{method} {path}: {status}{}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).with_context(|| format!("{method} {path}"))
    }
}
