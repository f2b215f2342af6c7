//! The bytes in hand: input that is not complete, and output that is not written. They are counted for each address, for each user and in
//! total. This bounds the memory that clients can take by sending incomplete requests or by not reading responses.
//!
//! Everything that takes bytes has a [`Holder`], which reports how many bytes it takes and returns them when it is dropped. A holder beyond
//! the share of its address or user is rejected (429). If the total is too large, the largest holders of the address with the most bytes
//! are ended, as long as that is not the new holder's own address. Otherwise, or while too many bytes of ended holders still wait to be
//! freed, the new holder is rejected (503).

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::body::{Body, HttpBody};
use axum::response::IntoResponse;
use domain::ids::UserId;
use engine::http::{ByteCharge, OverBudget};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;
use slab::Slab;

use crate::rate_limit::network_of;

/// Responses with fewer bytes are not counted.
const SMALL_RESPONSE_BYTES: usize = 1024;

/// The `Retry-After` of a rejection, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

/// The bytes of ended holders that may still wait to be freed are the total divided by this, plus one holder.
const ENDED_DIVISOR: usize = 4;

/// How many bytes may be in hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shares {
    /// In total.
    pub all: usize,
    /// Of one IPv4 address or IPv6 /64.
    pub of_an_address: usize,
    /// Of one user.
    pub of_a_user: usize,
}

impl Default for Shares {
    /// No bounds.
    fn default() -> Self {
        Self { all: usize::MAX, of_an_address: usize::MAX, of_a_user: usize::MAX }
    }
}

/// Closes the connection or request that holds bytes.
pub type End = Arc<dyn Fn() + Send + Sync>;

/// Counts the bytes in hand, by default without bounds.
#[derive(Default)]
pub struct BytesInHand {
    shares: Shares,
    book: Mutex<Ledger>,
}

#[derive(Default)]
struct Ledger {
    total: usize,
    /// Bytes of ended holders that are not dropped yet; not part of `total`.
    ended: usize,
    addresses: HashMap<IpAddr, usize>,
    users: HashMap<UserId, usize>,
    holders: Slab<Entry>,
    /// The addresses with bytes, in the order of how many they have.
    addresses_by_bytes: BTreeSet<(usize, IpAddr)>,
    /// The keys of the holders with bytes: of each address, in the order of how many they have. With both orders, the largest holder is
    /// found without a search, which would hold the lock for long when very many clients send incomplete requests.
    holders_by_bytes: BTreeSet<(IpAddr, usize, usize)>,
    counts: BytesPerOwner,
}

struct Entry {
    bytes: usize,
    network: IpAddr,
    user: Option<UserId>,
    end: End,
    /// How many bytes the holder had when it was ended; `None` if it was not ended.
    ended: Option<usize>,
}

/// Counters since the start, and the current number of bytes.
#[derive(Clone, Copy, Default, Debug)]
pub struct BytesPerOwner {
    /// The bytes in hand now.
    pub bytes: usize,
    /// Rejections of bytes beyond the share of an address.
    pub of_an_address: u64,
    /// Rejections of bytes beyond the share of a user.
    pub of_a_user: u64,
    /// Rejections of bytes beyond the total.
    pub of_all: u64,
    /// Holders that were ended to make room.
    pub ended: u64,
}

/// Takes bytes until it is dropped.
pub struct Holder {
    book: Arc<BytesInHand>,
    key: usize,
}

impl BytesInHand {
    /// An empty count with these bounds.
    pub fn new(shares: Shares) -> Self {
        Self { shares, book: Mutex::default() }
    }

    /// A holder without bytes. The inputs are the client's address, the user if it is known, and what closes the holder's connection.
    pub fn holder(self: &Arc<Self>, address: IpAddr, user: Option<UserId>, end: End) -> Holder {
        let key = self.book().holders.insert(Entry { bytes: 0, network: network_of(address), user, end, ended: None });
        Holder { book: Arc::clone(self), key }
    }

    /// The counters and the current number of bytes.
    pub fn counts(&self) -> BytesPerOwner {
        let book = self.book();
        BytesPerOwner { bytes: book.total, ..book.counts }
    }

    /// Ends the largest holders until the total is at most half of its bound. Called when the process exceeds its memory limit.
    pub fn halve(&self) {
        let mut ends = Vec::new();
        {
            let mut book = self.book();
            while book.total > self.shares.all / 2
                && let Some(key) = book.largest()
            {
                ends.push(book.end(key));
            }
        }
        for end in ends {
            end();
        }
    }

    fn book(&self) -> MutexGuard<'_, Ledger> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Changes the number of bytes of a holder.
    fn set(&mut self, key: usize, bytes: usize) {
        let entry = &mut self.holders[key];
        let before = std::mem::replace(&mut entry.bytes, bytes);
        if before == bytes {
            return;
        }
        self.total = self.total - before + bytes;
        let network = entry.network;
        let (of_network_before, of_network) = move_count(&mut self.addresses, &network, before, bytes);
        if let Some(user) = &entry.user {
            move_count(&mut self.users, user, before, bytes);
        }
        self.addresses_by_bytes.remove(&(of_network_before, network));
        self.holders_by_bytes.remove(&(network, before, key));
        if of_network > 0 {
            self.addresses_by_bytes.insert((of_network, network));
        }
        if bytes > 0 {
            self.holders_by_bytes.insert((network, bytes, key));
        }
    }

    /// The largest holder of the address with the most bytes.
    fn largest(&self) -> Option<usize> {
        let (_, network) = *self.addresses_by_bytes.last()?;
        let of_network = (network, 0, 0)..=(network, usize::MAX, usize::MAX);
        self.holders_by_bytes.range(of_network).next_back().map(|(_, _, key)| *key)
    }

    /// Moves a holder's bytes to those of ended holders. The returned function closes its connection.
    fn end(&mut self, key: usize) -> End {
        let bytes = self.holders[key].bytes;
        self.set(key, 0);
        self.ended += bytes;
        self.counts.ended += 1;
        let entry = &mut self.holders[key];
        entry.ended = Some(bytes);
        Arc::clone(&entry.end)
    }
}

/// Counts what `key` has: `now` in place of `before`. Returns how many bytes the key had and has with that; a key without bytes is removed.
fn move_count<K: std::hash::Hash + Eq + Clone>(counts: &mut HashMap<K, usize>, key: &K, before: usize, now: usize) -> (usize, usize) {
    let had = counts.get(key).copied().unwrap_or_default();
    let has = had - before + now;
    if has == 0 {
        counts.remove(key);
    } else {
        counts.insert(key.clone(), has);
    }
    (had, has)
}

impl Holder {
    /// The most bytes that one user can have in hand.
    pub fn most(&self) -> usize {
        let Shares { all, of_an_address, of_a_user } = self.book.shares;
        all.min(of_an_address).min(of_a_user)
    }

    fn try_set(&mut self, bytes: usize) -> Result<(), OverBudget> {
        let BytesInHand { shares, .. } = *self.book;
        let mut ends = Vec::new();
        let result = {
            let mut book = self.book.book();
            let entry = &book.holders[self.key];
            let (more, network, ended) = (bytes.saturating_sub(entry.bytes), entry.network, entry.ended.is_some());
            let of_address = book.addresses.get(&network).copied().unwrap_or_default();
            let of_user = entry.user.as_ref().map(|user| book.users.get(user).copied().unwrap_or_default());
            if more == 0 {
                if !ended {
                    book.set(self.key, bytes);
                }
                Ok(())
            } else if ended {
                Err(OverBudget { is_clients: false })
            } else if of_address.saturating_add(more) > shares.of_an_address {
                book.counts.of_an_address += 1;
                Err(OverBudget { is_clients: true })
            } else if of_user.is_some_and(|of_user| of_user.saturating_add(more) > shares.of_a_user) {
                book.counts.of_a_user += 1;
                Err(OverBudget { is_clients: true })
            } else {
                loop {
                    if book.total.saturating_add(more) <= shares.all {
                        book.set(self.key, bytes);
                        break Ok(());
                    }
                    let is_freeing = book.ended > shares.all / ENDED_DIVISOR;
                    match book.largest().filter(|&key| !is_freeing && book.holders[key].network != network) {
                        Some(key) => ends.push(book.end(key)),
                        None => {
                            book.counts.of_all += 1;
                            break Err(OverBudget { is_clients: false });
                        }
                    }
                }
            }
        };
        for end in ends {
            end();
        }
        result
    }
}

impl ByteCharge for Holder {
    fn set(&mut self, bytes: usize) -> Result<(), OverBudget> {
        self.try_set(bytes)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let mut book = self.book.book();
        book.set(self.key, 0);
        let entry = book.holders.remove(self.key);
        book.ended -= entry.ended.unwrap_or_default();
    }
}

/// The client that is charged with the bytes of a request and its response. It is an extension of the request.
#[derive(Clone)]
pub struct ByteAccount(Arc<AccountOwner>);

struct AccountOwner {
    book: Arc<BytesInHand>,
    address: IpAddr,
    user: OnceLock<UserId>,
    end: End,
}

impl ByteAccount {
    /// The inputs are the count, the client's address, and what closes the client's connection.
    pub fn new(book: Arc<BytesInHand>, address: IpAddr, end: End) -> Self {
        Self(Arc::new(AccountOwner { book, address, user: OnceLock::new(), end }))
    }

    /// Sets the user as soon as the token is verified.
    pub fn of_user(&self, user: &UserId) {
        let _ = self.0.user.set(user.clone());
    }

    /// A holder for this request.
    pub fn holder(&self) -> Holder {
        self.0.book.holder(self.0.address, self.0.user.get().cloned(), Arc::clone(&self.0.end))
    }

    /// Counts the bytes of a response until it is written. Beyond a share, a response with 429 or 503 replaces it. A [`Shared`] response is
    /// not counted.
    pub fn count(&self, response: Response<Body>) -> Response<Body> {
        self.counted(response).unwrap_or_else(|(_, short)| too_much_data(short))
    }

    /// Like [`ByteAccount::count`], for a response that must not be replaced: beyond a share, the connection is closed before the response
    /// is written.
    pub fn count_or_end(&self, response: Response<Body>) -> Response<Body> {
        self.counted(response).unwrap_or_else(|(response, _)| {
            (self.0.end)();
            response
        })
    }

    /// Errors: the response, if it does not fit into a share.
    #[expect(clippy::result_large_err, reason = "the error is the response itself, which is moved in both cases")]
    fn counted(&self, mut response: Response<Body>) -> Result<Response<Body>, (Response<Body>, OverBudget)> {
        let bytes = usize::try_from(response.body().size_hint().lower()).unwrap_or(usize::MAX);
        if bytes < SMALL_RESPONSE_BYTES || response.extensions().get::<Shared>().is_some() {
            return Ok(response);
        }
        let mut holder = self.holder();
        match holder.set(bytes) {
            Ok(()) => {
                response.extensions_mut().insert(HeldUntilDropped(Arc::new(holder)));
                Ok(response)
            }
            Err(short) => Err((response, short)),
        }
    }
}

/// An extension of a response whose bytes are shared by all clients and never copied.
#[derive(Clone, Copy)]
pub struct Shared;

/// An extension of a response whose bytes are counted. The listener drops it when the bytes are written.
#[derive(Clone)]
pub struct HeldUntilDropped(#[expect(dead_code, reason = "dropping it returns the bytes")] Arc<Holder>);

/// An extension of a request: closes its connection.
#[derive(Clone)]
pub struct ConnectionEnd(pub End);

/// The response that replaces one for which there is no room. It closes the connection, because only reading the pending responses helps.
pub fn too_much_data(short: OverBudget) -> Response<Body> {
    let (status, code, error) = rejection(short);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (RETRY_AFTER, RETRY_AFTER_SECONDS.into()),
        (CONNECTION, HeaderValue::from_static("close")),
    ];
    (status, headers, json!({"error": error, "code": code}).to_string()).into_response()
}

/// The status, code and text of a rejection because a share is used up.
pub fn rejection(short: OverBudget) -> (StatusCode, &'static str, &'static str) {
    match short.is_clients {
        true => (
            StatusCode::TOO_MANY_REQUESTS,
            "too_much_in_hand",
            "This client has too many requests and answers in progress; finish the bodies that have begun, read the answers, and wait for pending requests",
        ),
        false => {
            let error = "The server has too many requests and answers in progress; try again later";
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const SHARES: Shares = Shares { all: 1000, of_an_address: 600, of_a_user: 300 };

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn user(name: &str) -> Option<UserId> {
        Some(UserId::new(name))
    }

    fn no_end() -> End {
        Arc::new(|| {})
    }

    #[test]
    fn addresses_and_users_have_shares() {
        let book = Arc::new(BytesInHand::new(SHARES));
        let mut first = book.holder(address(1), user("anna"), no_end());
        let mut second = book.holder(address(2), user("anna"), no_end());
        assert!(first.set(200).is_ok());
        assert_eq!(second.set(101), Err(OverBudget { is_clients: true }), "the share of a user, from all addresses, is 300");
        assert!(second.set(100).is_ok());
        let mut other = book.holder(address(1), user("ben"), no_end());
        let mut anonymous = book.holder(address(1), None, no_end());
        assert!(other.set(300).is_ok());
        assert_eq!(anonymous.set(101), Err(OverBudget { is_clients: true }), "the share of an address is 600");
        drop(first);
        assert!(anonymous.set(300).is_ok());
        assert_eq!(book.counts().bytes, 700);
        drop((second, other, anonymous));
        let book = book.book();
        assert_eq!((book.total, book.addresses.len(), book.users.len(), book.holders.len()), (0, 0, 0, 0));
        assert_eq!((book.addresses_by_bytes.len(), book.holders_by_bytes.len()), (0, 0));
    }

    #[test]
    fn the_largest_holder_is_ended_beyond_the_total() {
        let book = Arc::new(BytesInHand::new(SHARES));
        let ended = Arc::new(AtomicUsize::new(0));
        let end: End = {
            let ended = ended.clone();
            Arc::new(move || {
                ended.fetch_add(1, Ordering::Relaxed);
            })
        };
        let mut small = book.holder(address(1), None, no_end());
        let mut large = book.holder(address(1), None, end);
        let mut middle = book.holder(address(2), None, no_end());
        assert!(small.set(200).is_ok() && large.set(400).is_ok() && middle.set(390).is_ok());
        assert_eq!(small.set(1).and(small.set(250)), Err(OverBudget { is_clients: true }));
        assert!(small.set(200).is_ok());
        let mut fourth = book.holder(address(3), None, no_end());
        assert!(fourth.set(11).is_ok());
        assert_eq!(ended.load(Ordering::Relaxed), 1);
        assert_eq!(book.counts().bytes, 200 + 390 + 11);
        assert_eq!(large.set(401), Err(OverBudget { is_clients: false }), "an ended holder takes no more bytes");
        assert!(large.set(0).is_ok());
        drop(large);
        assert_eq!(book.counts().bytes, 200 + 390 + 11);
        // The address with the most bytes does not end its own holders.
        let mut fifth = book.holder(address(4), None, no_end());
        assert!(fifth.set(399).is_ok());
        let mut more = book.holder(address(4), None, no_end());
        assert_eq!(more.set(1), Err(OverBudget { is_clients: false }));
    }

    #[test]
    fn no_holder_is_ended_while_bytes_wait_to_be_freed() {
        let book = Arc::new(BytesInHand::new(SHARES));
        let mut old: Vec<_> = (1..5).map(|last| book.holder(address(last), None, no_end())).collect();
        for holder in &mut old {
            holder.set(250).unwrap();
        }
        let mut new: Vec<_> = (5..8).map(|last| book.holder(address(last), None, no_end())).collect();
        assert!(new[0].set(200).is_ok() && new[1].set(200).is_ok(), "250 bytes wait, which is not too many");
        assert_eq!(new[2].set(200), Err(OverBudget { is_clients: false }), "500 bytes wait");
        assert_eq!(book.counts().ended, 2);
        drop(old);
        assert!(new[2].set(200).is_ok());
        assert_eq!((book.counts().bytes, book.book().ended), (600, 0));
    }

    #[test]
    fn the_largest_of_very_many_holders_is_found() {
        let book = Arc::new(BytesInHand::default());
        let mut holders = Vec::new();
        let mut state = 1_u32;
        for _ in 0..1000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let mut holder = book.holder(address((state >> 24) as u8 % 7), None, no_end());
            holder.set((state >> 8) as usize % 1000).unwrap();
            // Holders change and end in between.
            if state.is_multiple_of(3) {
                holder.set((state >> 16) as usize % 500).unwrap();
            }
            if !state.is_multiple_of(5) {
                holders.push(holder);
            }
            let book = book.book();
            let largest_address = book.addresses.iter().map(|(network, bytes)| (*bytes, *network)).max();
            let of_address = |entry: &Entry| entry.bytes > 0 && largest_address.is_some_and(|(_, network)| entry.network == network);
            let found = book.holders.iter().filter(|(_, entry)| of_address(entry)).map(|(key, entry)| (entry.bytes, key)).max();
            assert_eq!(book.largest(), found.map(|(_, key)| key));
        }
    }

    #[test]
    fn halving_ends_the_largest_holders() {
        let book = Arc::new(BytesInHand::new(SHARES));
        let mut holders: Vec<_> = (1..5).map(|last| book.holder(address(last), None, no_end())).collect();
        for (holder, bytes) in holders.iter_mut().zip([100, 200, 250, 400]) {
            holder.set(bytes).unwrap();
        }
        book.halve();
        assert_eq!(book.counts().bytes, 100 + 200);
    }
}
