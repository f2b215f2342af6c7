//! Measures what Redis carries on one Pub/Sub channel: `cargo run --release -p roomcast-cluster --example redis_cost`
//!
//! Starts redis-server on a free port, and publishes messages of several sizes to several subscribers, which only read. Prints the CPU time of Redis for
//! each message that it sends, which depends less on other programs than the time that passes, and what one core therefore sends in a second.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;

use test_redis::TestServer;

/// About how many bytes Redis sends in one run.
const BYTES: usize = 400 << 20;
/// The most messages that Redis sends in one run.
const SENT: usize = 600_000;
/// The commands of one round trip, as in the task of a node that publishes.
const PIPELINE: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let redis = Redis::start();
    println!("| bytes of a message | subscribers | CPU of Redis for each message sent, µs | messages/s of one core | MB/s of one core |");
    println!("|---|---|---|---|---|");
    for size in [150, 1_000, 4_000, 20_000] {
        for subscribers in [2, 10, 50, 100] {
            let microseconds = redis.measure(size, subscribers)?;
            let rate = 1e6 / microseconds;
            println!("| {size} | {subscribers} | {microseconds:.2} | {rate:.0} | {:.0} |", rate * size as f64 / 1e6);
        }
    }
    Ok(())
}

/// A running server.
struct Redis(TestServer);

impl Redis {
    /// Starts a server that does not limit the output to slow subscribers.
    fn start() -> Self {
        Self(TestServer::start(&["--client-output-buffer-limit", "pubsub", "0", "0", "0"]))
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        TcpStream::connect(("127.0.0.1", self.0.port()))
    }

    /// The CPU time of Redis for each message that it sends to a subscriber, in microseconds.
    fn measure(&self, size: usize, subscribers: usize) -> Result<f64, Box<dyn Error>> {
        let sent = (BYTES / size).min(SENT);
        let published = (sent / subscribers).next_multiple_of(PIPELINE);
        let payload = "m".repeat(size);
        let delivered = push("message", &payload).len() * published;
        let mut readers = Vec::new();
        for _ in 0..subscribers {
            let mut stream = self.connect()?;
            stream.write_all(b"*2\r\n$9\r\nSUBSCRIBE\r\n$6\r\nevents\r\n")?;
            let mut reader = BufReader::with_capacity(1 << 20, stream);
            let confirmation = "*3\r\n$9\r\nsubscribe\r\n$6\r\nevents\r\n:1\r\n".len();
            reader.read_exact(&mut vec![0; confirmation])?;
            readers.push(thread::spawn(move || discard(reader, delivered)));
        }
        let before = self.cpu_seconds()?;
        let mut publisher = BufReader::new(self.connect()?);
        let command = format!("*3\r\n$7\r\nPUBLISH\r\n$6\r\nevents\r\n${size}\r\n{payload}\r\n").repeat(PIPELINE);
        for _ in 0..published / PIPELINE {
            publisher.get_mut().write_all(command.as_bytes())?;
            let mut reply = String::new();
            for _ in 0..PIPELINE {
                reply.clear();
                publisher.read_line(&mut reply)?;
                if reply.trim() != format!(":{subscribers}") {
                    return Err(format!("Redis answers {reply}").into());
                }
            }
        }
        for reader in readers {
            reader.join().map_err(|_| "a subscriber has failed")??;
        }
        Ok((self.cpu_seconds()? - before) * 1e6 / (published * subscribers) as f64)
    }

    /// The CPU time of Redis's main thread, in seconds.
    fn cpu_seconds(&self) -> Result<f64, Box<dyn Error>> {
        let mut reader = BufReader::new(self.connect()?);
        reader.get_mut().write_all(b"INFO cpu\r\n")?;
        let mut length = String::new();
        reader.read_line(&mut length)?;
        let mut text = vec![0; length.trim().trim_start_matches('$').parse()?];
        reader.read_exact(&mut text)?;
        let text = String::from_utf8(text)?;
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.parse::<f64>().ok()).unwrap_or(0.0);
        Ok(value("used_cpu_sys_main_thread:") + value("used_cpu_user_main_thread:"))
    }
}

/// A message as Redis sends it to a subscriber.
fn push(kind: &str, payload: &str) -> String {
    format!("*3\r\n${}\r\n{kind}\r\n$6\r\nevents\r\n${}\r\n{payload}\r\n", kind.len(), payload.len())
}

fn discard(mut reader: BufReader<TcpStream>, mut bytes: usize) -> std::io::Result<()> {
    while bytes > 0 {
        let read = reader.fill_buf()?.len().min(bytes);
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        reader.consume(read);
        bytes -= read;
    }
    Ok(())
}
