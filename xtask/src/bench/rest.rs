//! The REST requests that prepare Roomcast for a scenario. Each has its own connection, and waits for the response.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The bytes of a POST request. `connection` is `keep-alive` or `close`.
pub fn post_request(path: &str, token: &str, body: &str, connection: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: {connection}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends a POST request, and returns the id of the object that it created, as text for a path.
pub fn create(port: u16, path: &str, token: &str, body: &Value) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(&post_request(path, token, &body.to_string(), "close"))?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").with_context(|| format!("POST {path}: the response has no body"))?;
    ensure!(head.starts_with("HTTP/1.1 201"), "POST {path}: {}: {body}", head.lines().next().unwrap_or_default());
    let created: Value = serde_json::from_str(body).with_context(|| format!("POST {path}: {body}"))?;
    match &created["id"] {
        Value::String(id) => Ok(id.clone()),
        Value::Number(id) => Ok(id.to_string()),
        _ => anyhow::bail!("POST {path}: no id in {body}"),
    }
}
