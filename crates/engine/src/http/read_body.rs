//! Reads a request's body, and counts its bytes while it arrives.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::Body;

/// Counts the bytes of one body until it is dropped.
pub trait ByteCharge: Send + Sync {
    /// Sets how many bytes the body takes now.
    ///
    /// # Errors
    /// If that exceeds its share; the count stays unchanged.
    fn set(&mut self, bytes: usize) -> Result<(), OverBudget>;
}

/// The memory allowance for requests has no room for more bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OverBudget {
    /// Whether it is the client's share that is used up (429), and not the server's (503).
    pub is_clients: bool,
}

/// Counts the bytes of requests. A program puts it among the extensions of each request that it hands to the engine; without it they are
/// not counted.
#[derive(Clone)]
pub struct Allowance(pub Arc<dyn Fn() -> Box<dyn ByteCharge> + Send + Sync>);

/// Why a body was not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyError {
    /// The body has more bytes than its limit.
    TooLarge,
    /// The memory allowance for requests has no room for the body.
    OverBudget(OverBudget),
    /// The client ended the request before the end of the body.
    Broken,
}

/// Reads a body into one piece of memory. `limit` is in bytes, and `charge` counts the memory.
///
/// # Errors
/// See [`BodyError`].
pub async fn read_body<B: Body + Unpin>(
    body: &mut B,
    limit: usize,
    mut charge: Option<&mut Box<dyn ByteCharge>>,
) -> Result<Vec<u8>, BodyError> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        let (mut data, length) = (data, whole.len());
        if data.remaining() > limit - length {
            return Err(BodyError::TooLarge);
        }
        if data.remaining() > whole.capacity() - length {
            // A body of one-byte chunks costs no more than its bytes: they are copied, and the buffers that they were read into are freed.
            let wanted = (length + data.remaining()).max(2 * whole.capacity()).min(limit);
            if let Some(charge) = charge.as_deref_mut() {
                charge.set(wanted).map_err(BodyError::OverBudget)?;
            }
            whole.reserve_exact(wanted - length);
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            whole.extend_from_slice(chunk);
            let read = chunk.len();
            data.advance(read);
        }
    }
    Ok(whole)
}

/// Bytes that stay counted until the last of them is dropped.
pub struct ChargedBytes {
    bytes: Vec<u8>,
    _charge: Option<Box<dyn ByteCharge>>,
}

impl ChargedBytes {
    /// Wraps bytes with the charge that counts them.
    pub fn bytes(bytes: Vec<u8>, charge: Option<Box<dyn ByteCharge>>) -> Bytes {
        Bytes::from_owner(Self { bytes, _charge: charge })
    }
}

impl AsRef<[u8]> for ChargedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
