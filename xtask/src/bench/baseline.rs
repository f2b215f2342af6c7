//! The baseline server: the least that a server can do and still serve the scenarios. It has one epoll loop, one write for each member, and no features.
//!
//! It accepts every token, sends no heartbeats, finds messages by fixed byte patterns, and relies on the load generator's mask key of zero.
//! Most of its cost is the kernel's work, so the metrics of other servers are given as multiples of its metrics.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use memchr::memmem;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::load_generator::{first_frame, server_text};

const LISTENER: Token = Token(usize::MAX);
/// The response to the one WebSocket key that the load generator uses.
const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const OPEN: &[u8] = br#"0{"sid":"baseline-sid-0000-0","upgrades":[],"pingInterval":25000,"pingTimeout":60000,"maxPayload":1000000}"#;
/// A connection with more unsent bytes than this is closed.
const MAX_UNSENT: usize = 1 << 20;

struct Connection {
    socket: TcpStream,
    upgraded: bool,
    unread: Vec<u8>,
    unsent: Vec<u8>,
}

struct BaselineServer {
    connections: Vec<Option<Connection>>,
    rooms: HashMap<Vec<u8>, Vec<usize>>,
    /// The frame that is sent next.
    frame: Vec<u8>,
    text: Vec<u8>,
}

/// Serves on 127.0.0.1:PORT until it is killed.
pub fn serve() -> Result<()> {
    let port: u16 = std::env::var("PORT").context("PORT is not set")?.parse()?;
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    println!("ready");
    serve_on(listener)
}

fn serve_on(mut listener: TcpListener) -> Result<()> {
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut server = BaselineServer { connections: Vec::new(), rooms: HashMap::new(), frame: Vec::new(), text: Vec::new() };
    let mut events = Events::with_capacity(1024);
    let mut scratch = vec![0; 65_536];
    loop {
        poll.poll(&mut events, None)?;
        for event in events.iter() {
            let Token(number) = event.token();
            if event.token() == LISTENER {
                while let Ok((mut socket, _)) = listener.accept() {
                    socket.set_nodelay(true)?;
                    poll.registry().register(&mut socket, Token(server.connections.len()), Interest::READABLE | Interest::WRITABLE)?;
                    server.connections.push(Some(Connection { socket, upgraded: false, unread: Vec::new(), unsent: Vec::new() }));
                }
            } else if server.serve(number, event.is_writable(), &mut scratch).is_err() {
                server.drop_connection(number);
            }
        }
    }
}

impl BaselineServer {
    fn serve(&mut self, number: usize, writable: bool, scratch: &mut Vec<u8>) -> Result<()> {
        let Some(connection) = self.connections[number].as_mut() else { return Ok(()) };
        if writable && !connection.unsent.is_empty() {
            let waiting = std::mem::take(&mut connection.unsent);
            connection.write(&waiting)?;
        }
        loop {
            let Some(connection) = self.connections[number].as_mut() else { return Ok(()) };
            let kept = connection.unread.len();
            if scratch.len() < kept + 65_536 {
                scratch.resize(kept + 65_536, 0);
            }
            scratch[..kept].copy_from_slice(&connection.unread);
            let filled = match connection.socket.read(&mut scratch[kept..]) {
                Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(read) => kept + read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            connection.unread.clear();
            let used = self.handle_messages(number, &scratch[..filled])?;
            let Some(connection) = self.connections[number].as_mut() else { return Ok(()) };
            connection.unread.extend_from_slice(&scratch[used..filled]);
            if filled < scratch.len() {
                return Ok(());
            }
        }
    }

    /// Handles the complete messages in `buffer`, and returns how many bytes they take.
    fn handle_messages(&mut self, number: usize, buffer: &[u8]) -> Result<usize> {
        let mut at = 0;
        if let Some(connection) = self.connections[number].as_mut()
            && !connection.upgraded
        {
            let Some(end) = memmem::find(buffer, b"\r\n\r\n") else { return Ok(0) };
            at = end + 4;
            connection.upgraded = true;
            self.frame.clear();
            self.frame.extend_from_slice(UPGRADED);
            server_text(&mut self.frame, OPEN);
            connection.write(&self.frame)?;
        }
        while let Some(frame) = first_frame(&buffer[at..])? {
            self.handle_message(number, &buffer[at + frame.payload.start..at + frame.payload.end])?;
            at += frame.payload.end;
        }
        Ok(at)
    }

    fn handle_message(&mut self, number: usize, text: &[u8]) -> Result<()> {
        if let Some(rest) = text.strip_prefix(br#"42["publish",""#) {
            let (room, payload) = split(rest, br#"","#).context("publish without a room")?;
            self.build_frame(&[br#"42["message","#, payload]);
            for member in self.rooms.get(room).into_iter().flatten() {
                if let Some(connection) = self.connections[*member].as_mut() {
                    // The epoll loop handles a failed write when the socket reports its error.
                    connection.write(&self.frame).ok();
                }
            }
        } else if let Some(rest) = text.strip_prefix(b"42")
            && let Some((id, payload)) = split(rest, br#"["echo","#)
        {
            self.build_frame(&[b"43", id, b"[", payload]);
            self.send_frame(number)?;
        } else if text.starts_with(b"40") {
            let (_, rooms) = split(text, br#""rooms":[""#).context("CONNECT without rooms")?;
            let (rooms, _) = split(rooms, br#""]"#).context("CONNECT without rooms")?;
            for room in rooms.split(|byte| *byte == b'"').step_by(2) {
                self.rooms.entry(room.to_vec()).or_default().push(number);
            }
            self.build_frame(&[br#"40{"sid":"baseline-sid-0000-1"}"#]);
            self.send_frame(number)?;
        }
        Ok(())
    }

    /// Builds the frame that is sent next.
    fn build_frame(&mut self, parts: &[&[u8]]) {
        self.text.clear();
        parts.iter().for_each(|part| self.text.extend_from_slice(part));
        self.frame.clear();
        server_text(&mut self.frame, &self.text);
    }

    fn send_frame(&mut self, number: usize) -> Result<()> {
        match self.connections[number].as_mut() {
            Some(connection) => connection.write(&self.frame),
            None => Ok(()),
        }
    }

    fn drop_connection(&mut self, number: usize) {
        self.connections[number] = None;
        self.rooms.values_mut().for_each(|members| members.retain(|member| *member != number));
    }
}

impl Connection {
    fn write(&mut self, wire: &[u8]) -> Result<()> {
        if self.unsent.is_empty() {
            match self.socket.write(wire) {
                Ok(written) if written == wire.len() => return Ok(()),
                Ok(written) => self.unsent.extend_from_slice(&wire[written..]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.unsent.extend_from_slice(wire),
                Err(error) => return Err(error.into()),
            }
        } else {
            self.unsent.extend_from_slice(wire);
        }
        if self.unsent.len() > MAX_UNSENT {
            // The epoll loop receives an event for the end of the connection, and drops it.
            self.unsent = Vec::new();
            self.socket.shutdown(std::net::Shutdown::Both)?;
        }
        Ok(())
    }
}

fn split<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let index = memmem::find(text, at)?;
    Some((&text[..index], &text[index + at.len()..]))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::bench::fixture::reader_clients;
    use crate::bench::load_generator::{LoadGenerator, Script, Sends, client_text};
    use crate::bench::servers::ServerKind;

    #[derive(Default)]
    struct ReceivedMessages(Vec<(usize, String)>);

    impl Script for ReceivedMessages {
        fn message(&mut self, to: usize, text: &[u8], _at: Instant, _sends: &mut Sends) {
            self.0.push((to, String::from_utf8_lossy(text).into_owned()));
        }
    }

    #[test]
    fn clients_connect_receive_broadcasts_and_get_responses() {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(|| serve_on(listener));
        let mut load = LoadGenerator::new(port).unwrap();
        let outcome = load.connect_clients(reader_clients(ServerKind::Baseline, 0, 150), 16).unwrap();
        assert_eq!(outcome.durations.len(), 150);

        let mut sends = Sends::default();
        sends.push(0, &client_text(r#"42["publish","room-1",{"n":1}]"#));
        sends.push(0, &client_text(r#"42["publish","own-7",{"n":2}]"#));
        sends.push(0, &client_text(r#"427["echo",{"n":3}]"#));
        load.send_all(&mut sends).unwrap();
        let mut received = ReceivedMessages::default();
        let end = Instant::now() + Duration::from_secs(30);
        while received.0.len() < 52 && Instant::now() < end {
            load.poll_once(Duration::from_secs(5), &mut received).unwrap();
        }
        received.0.sort();
        assert_eq!(received.0[0], (0, r#"437[{"n":3}]"#.to_owned()));
        assert_eq!(received.0[1], (7, r#"42["message",{"n":2}]"#.to_owned()));
        assert_eq!(received.0[2], (100, r#"42["message",{"n":1}]"#.to_owned()));
        assert_eq!(received.0.last().unwrap().0, 149);
    }
}
