//! A persistent HTTP connection that sends one REST request at a time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The number of connections that add members to a space. The server commits their requests together.
const CONNECTIONS: usize = 64;

/// Sends a request for each number below `count`, on many connections at the same time.
pub fn for_each(port: u16, count: usize, request: impl Fn(&mut RestClient, usize) -> Result<()> + Sync) -> Result<()> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let request = &request;
                scope.spawn(move || -> Result<()> {
                    let mut client = RestClient::connect(port)?;
                    (connection..count).step_by(CONNECTIONS).try_for_each(|number| request(&mut client, number))
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("the thread does not panic"))
    })
}

pub struct RestClient(BufReader<TcpStream>);

impl RestClient {
    pub fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request, and returns the body of the response.
    ///
    /// # Errors
    /// If the status is not 2xx.
    pub fn send(&mut self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Result<Value> {
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
        let mut response = vec![0; length];
        self.0.read_exact(&mut response)?;
        ensure!(status.starts_with("HTTP/1.1 2"), "{method} {path}: {status}{}", String::from_utf8_lossy(&response));
        serde_json::from_slice(&response).with_context(|| format!("{method} {path}"))
    }
}
