//! A connection that is kept, with one REST request at a time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// As many connections fill a space, so that the server commits as many memberships at once.
const FILLERS: usize = 64;

/// Does something for each number below `count`, on many connections at once.
pub fn for_each(port: u16, count: usize, request: impl Fn(&mut Client, usize) -> Result<()> + Sync) -> Result<()> {
    thread::scope(|scope| {
        let fillers: Vec<_> = (0..FILLERS)
            .map(|filler| {
                let request = &request;
                scope.spawn(move || -> Result<()> {
                    let mut client = Client::connect(port)?;
                    (filler..count).step_by(FILLERS).try_for_each(|number| request(&mut client, number))
                })
            })
            .collect();
        fillers.into_iter().try_for_each(|filler| filler.join().expect("a filler does not panic"))
    })
}

pub struct Client(BufReader<TcpStream>);

impl Client {
    pub fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Answers the body of the response, or fails unless the status is 2xx.
    pub fn ask(&mut self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Result<Value> {
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
