//! One direction of a relayed WebSocket. While nothing waits it takes no memory: bytes are read into a buffer that all relays of a thread share, and
//! only those that the receiver does not take at once are kept. Nothing more is read until the receiver has taken them.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use engine::http::ByteCharge;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes that one direction of a relay keeps.
const MAX_WAITING: usize = 16 * 1024;

thread_local! {
    static SHARED: RefCell<[u8; MAX_WAITING]> = const { RefCell::new([0; MAX_WAITING]) };
}

/// A stream in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// One direction: the bytes that its receiver has not taken.
#[derive(Default)]
pub(crate) struct Pump {
    waiting: Vec<u8>,
    written: usize,
    has_ended: bool,
    charge: Option<Box<dyn ByteCharge>>,
}

impl Pump {
    /// A direction that first sends bytes that were read before. The charge counts the bytes that wait.
    pub fn new(first: &[u8], charge: Option<Box<dyn ByteCharge>>) -> Self {
        Self { waiting: first.to_vec(), charge, ..Self::default() }
    }

    /// Passes bytes on, as far as that is possible now. Ready when the sender has ended and the receiver is shut down.
    pub fn poll(&mut self, context: &mut Context<'_>, from: &mut dyn Duplex, to: &mut dyn Duplex) -> Poll<io::Result<()>> {
        loop {
            while self.written < self.waiting.len() {
                let written = ready!(Pin::new(&mut *to).poll_write(context, &self.waiting[self.written..]))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.written += written;
            }
            if !self.waiting.is_empty() {
                self.keep(&[])?;
            }
            if self.has_ended {
                return Pin::new(&mut *to).poll_shutdown(context);
            }
            let read = SHARED.with_borrow_mut(|shared| self.poll_piece(context, shared, from, to));
            if read.is_pending() {
                // TLS collects what is written.
                ready!(Pin::new(&mut *to).poll_flush(context))?;
                return Poll::Pending;
            }
            ready!(read)?;
        }
    }

    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        shared: &mut [u8],
        from: &mut dyn Duplex,
        to: &mut dyn Duplex,
    ) -> Poll<io::Result<()>> {
        let mut buffer = ReadBuf::new(shared);
        ready!(Pin::new(from).poll_read(context, &mut buffer))?;
        let bytes = buffer.filled();
        self.has_ended = bytes.is_empty();
        let written = match Pin::new(to).poll_write(context, bytes) {
            _ if bytes.is_empty() => 0,
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        if written < bytes.len() {
            self.keep(&bytes[written..])?;
        }
        Poll::Ready(Ok(()))
    }

    /// Keeps these bytes until the receiver takes them.
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(charge) = &mut self.charge {
            charge.set(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        }
        // Without bytes, the memory is freed.
        self.waiting = bytes.to_vec();
        self.written = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use engine::http::OverBudget;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Counts up to a limit.
    struct Limited(Arc<AtomicUsize>, usize);

    impl ByteCharge for Limited {
        fn set(&mut self, bytes: usize) -> Result<(), OverBudget> {
            if bytes > self.1 {
                return Err(OverBudget { is_clients: true });
            }
            self.0.store(bytes, Ordering::Relaxed);
            Ok(())
        }
    }

    /// Passes `sent` on to a receiver with room for 1,000 bytes that reads nothing at first.
    async fn pass(sent: Vec<u8>, limit: usize) -> (io::Result<()>, Vec<u8>, usize) {
        let (mut sender, mut from) = duplex(1 << 20);
        let (mut to, mut receiver) = duplex(1000);
        let waiting = Arc::new(AtomicUsize::new(0));
        sender.write_all(&sent).await.unwrap();
        drop(sender);
        let charge: Box<dyn ByteCharge> = Box::new(Limited(waiting.clone(), limit));
        let mut pump = Pump::new(b"first", Some(charge));
        let early = poll_fn(|context| Poll::Ready(pump.poll(context, &mut from, &mut to))).await;
        let most = waiting.load(Ordering::Relaxed);
        if let Poll::Ready(early) = early {
            return (early, Vec::new(), most);
        }
        let mut received = Vec::new();
        let (ended, read) = tokio::join!(poll_fn(|context| pump.poll(context, &mut from, &mut to)), receiver.read_to_end(&mut received));
        read.unwrap();
        (ended, received, most)
    }

    #[tokio::test]
    async fn slow_receiver_gets_all_bytes_in_order() {
        let sent: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
        let (ended, received, most) = pass(sent.clone(), usize::MAX).await;
        ended.unwrap();
        assert_eq!(received, [b"first".as_slice(), &sent].concat());
        assert!((1..=MAX_WAITING).contains(&most), "{most} bytes wait");
    }

    #[tokio::test]
    async fn bytes_beyond_the_allowance_end_the_relay() {
        let (ended, _, most) = pass(vec![b'x'; 50_000], 10).await;
        assert_eq!((ended.unwrap_err().kind(), most), (io::ErrorKind::OutOfMemory, 0));
    }
}
