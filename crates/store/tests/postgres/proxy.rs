//! A proxy between the store and PostgreSQL that can cut a connection at a commit, refuse connections, and forward nothing.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// The server's message that a transaction was committed.
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";

/// A proxy; its threads end with their connections.
pub struct Proxy {
    pub port: u16,
    /// Whether the next reply to a commit is not forwarded: the connection is cut in its place.
    pub cuts_after_commit: Arc<AtomicBool>,
    /// How many connections were cut.
    pub cuts: Arc<AtomicUsize>,
    /// Whether new connections are closed at once.
    pub refuses: Arc<AtomicBool>,
    /// Held by a test while nothing is forwarded.
    pub forwards: Arc<Mutex<()>>,
}

impl Proxy {
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cuts_after_commit, cuts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (refuses, forwards) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(())));
        let (armed, counted) = (Arc::clone(&cuts_after_commit), Arc::clone(&cuts));
        let (refused, forwarded) = (Arc::clone(&refuses), Arc::clone(&forwards));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if refused.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (from_client, to_upstream) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
                let may_forward = Arc::clone(&forwarded);
                thread::spawn(move || {
                    copy(from_client, to_upstream, |_| {
                        drop(may_forward.lock());
                        false
                    });
                });
                let (armed, counted) = (Arc::clone(&armed), Arc::clone(&counted));
                thread::spawn(move || {
                    copy(upstream, client, |bytes| {
                        let cut = contains(bytes, COMMITTED) && armed.swap(false, Ordering::SeqCst);
                        counted.fetch_add(usize::from(cut), Ordering::SeqCst);
                        cut
                    });
                });
            }
        });
        Self { port, cuts_after_commit, cuts, refuses, forwards }
    }
}

/// Forwards bytes until one side ends or `cuts` says so, and then closes both.
fn copy(mut from: TcpStream, mut to: TcpStream, mut cuts: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 64 * 1024];
    let mut seen = Vec::new();
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        // A message may arrive in two pieces.
        seen.extend_from_slice(&buffer[..length]);
        if cuts(&seen) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
        seen.drain(..seen.len().saturating_sub(COMMITTED.len() - 1));
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
