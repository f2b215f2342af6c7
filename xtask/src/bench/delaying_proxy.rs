//! A proxy in front of a database that delays every byte, as a network does. It is there to measure how many round trips a message needs.
//!
//! Each direction of a connection has a thread that reads and one that writes, so any number of bytes is on the way at once, and the proxy adds a
//! delay and no limit. The threads sleep until the moment of a write: timers of tokio have a resolution of a millisecond, which is the whole round trip.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// How many bytes are read at once.
const CHUNK: usize = 64 << 10;
/// How many chunks of a direction may be on the way; more wait in the sender's socket.
const CHUNKS: usize = 1_024;
/// How much later than asked the kernel may end a sleep, in nanoseconds. By default it is a tenth of the delay.
const TIMER_SLACK: u64 = 1;

/// A proxy that listens on a port of its own, until it is dropped.
pub struct DelayingProxy {
    port: u16,
    is_ended: Arc<AtomicBool>,
}

/// Bytes, and when they are to be written.
struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
}

impl DelayingProxy {
    /// Starts a proxy to a Unix socket. Each direction is delayed by half of the round trip.
    pub fn start(socket: PathBuf, round_trip: Duration) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let proxy = Self { port: listener.local_addr()?.port(), is_ended: Arc::default() };
        let is_ended = Arc::clone(&proxy.is_ended);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok).take_while(|_| !is_ended.load(Ordering::Relaxed)) {
                // A connection that cannot be made is one that the client finds closed.
                connect(client, &socket, round_trip / 2).ok();
            }
        });
        Ok(proxy)
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for DelayingProxy {
    fn drop(&mut self) {
        self.is_ended.store(true, Ordering::Relaxed);
        // The connection wakes the listener, which then ends.
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
    }
}

fn connect(client: TcpStream, socket: &PathBuf, delay: Duration) -> Result<()> {
    client.set_nodelay(true)?;
    let server = UnixStream::connect(socket)?;
    let (to_server, to_client) = (server.try_clone()?, client.try_clone()?);
    let end_server = server.try_clone()?;
    let end_client = client.try_clone()?;
    forward(client, to_server, delay, move || end_server.shutdown(Shutdown::Write));
    forward(server, to_client, delay, move || end_client.shutdown(Shutdown::Write));
    Ok(())
}

/// Forwards one direction of a connection, and ends the other side after the last byte.
fn forward(
    from: impl Read + Send + 'static,
    to: impl Write + Send + 'static,
    delay: Duration,
    end: impl FnOnce() -> std::io::Result<()> + Send + 'static,
) {
    let (chunks, waiting) = sync_channel(CHUNKS);
    thread::spawn(move || read(from, &chunks, delay));
    thread::spawn(move || {
        write(to, &waiting).ok();
        end().ok();
    });
}

fn read(mut from: impl Read, chunks: &SyncSender<Chunk>, delay: Duration) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(read) = from.read(&mut buffer)
        && read > 0
    {
        let chunk = Chunk { due: Instant::now() + delay, bytes: buffer[..read].to_vec() };
        if chunks.send(chunk).is_err() {
            return;
        }
    }
}

fn write(mut to: impl Write, waiting: &Receiver<Chunk>) -> Result<()> {
    nix::sys::prctl::set_timerslack(TIMER_SLACK)?;
    while let Ok(chunk) = waiting.recv() {
        thread::sleep(chunk.due.saturating_duration_since(Instant::now()));
        to.write_all(&chunk.bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn bytes_arrive_in_order_and_not_before_the_round_trip() {
        let folder = crate::bench::temp_dir::TempDir::new("delaying-proxy").unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut echo = connection.try_clone().unwrap();
            std::io::copy(&mut connection, &mut echo).unwrap();
            echo.shutdown(Shutdown::Write).unwrap();
        });
        let round_trip = Duration::from_millis(20);
        let proxy = DelayingProxy::start(socket, round_trip).unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
        let mut byte = [0];
        for sent in 0..3 {
            let start = Instant::now();
            client.write_all(&[sent]).unwrap();
            client.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [sent]);
            assert!(start.elapsed() >= round_trip);
        }
        let sent: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
        let mut writer = client.try_clone().unwrap();
        let bytes = sent.clone();
        thread::spawn(move || {
            bytes.chunks(1_000).for_each(|chunk| writer.write_all(chunk).unwrap());
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        assert!(received == sent);
    }
}
