//! The bytes in hand: input that is not complete, and output that is not written. They are counted for each address, each user and in all, so that
//! however many clients send half of something, or do not read, the memory that they take is bounded.
//!
//! Whatever takes bytes is a [`Holder`], which says how many and gives them back when it is dropped. Over the share of its address or user it is refused
//! (429). When there are too many in all, those of the address that holds most are ended, the largest first, for as long as that is another address;
//! otherwise the holder is refused (503).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::body::{Body, HttpBody};
use axum::response::IntoResponse;
use domain::names::PersonId;
use engine::http::{Charge, Short};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;
use slab::Slab;

use crate::limits::network_of;

/// Answers of fewer bytes are not counted.
const SMALL_ANSWER: usize = 1024;

/// After how many seconds it is worth trying again.
const TRY_AGAIN: u64 = 1;

/// How many bytes may be in hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shares {
    /// In all.
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

/// Ends what holds bytes.
pub type End = Arc<dyn Fn() + Send + Sync>;

/// Counts the bytes in hand, by default without bounds.
#[derive(Default)]
pub struct BytesInHand {
    shares: Shares,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    total: usize,
    addresses: HashMap<IpAddr, usize>,
    users: HashMap<PersonId, usize>,
    holders: Slab<Entry>,
    counts: Counts,
}

struct Entry {
    bytes: usize,
    network: IpAddr,
    user: Option<PersonId>,
    end: End,
    ended: bool,
}

/// What has been counted since the start.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counts {
    /// The bytes in hand now.
    pub bytes: usize,
    /// How often bytes were refused over the share of an address,
    pub of_an_address: u64,
    /// of a user,
    pub of_a_user: u64,
    /// and in all.
    pub of_all: u64,
    /// How many holders were ended for others.
    pub ended: u64,
}

/// Something that takes bytes.
pub struct Holder {
    book: Arc<BytesInHand>,
    key: usize,
}

impl BytesInHand {
    /// Nothing is in hand yet.
    pub fn new(shares: Shares) -> Self {
        Self { shares, book: Mutex::default() }
    }

    /// Something that may take bytes. Inputs: whose it is, and what ends it.
    pub fn holder(self: &Arc<Self>, address: IpAddr, user: Option<PersonId>, end: End) -> Holder {
        let key = self.book().holders.insert(Entry { bytes: 0, network: network_of(address), user, end, ended: false });
        Holder { book: Arc::clone(self), key }
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        let book = self.book();
        Counts { bytes: book.total, ..book.counts }
    }

    /// Ends the largest holders until at most half of all bytes that may be in hand are: the process as a whole has too little memory.
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

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Changes what a holder has.
    fn set(&mut self, key: usize, bytes: usize) {
        let entry = &mut self.holders[key];
        let before = std::mem::replace(&mut entry.bytes, bytes);
        self.total = self.total - before + bytes;
        move_count(&mut self.addresses, &entry.network, before, bytes);
        if let Some(user) = &entry.user {
            move_count(&mut self.users, user, before, bytes);
        }
    }

    /// The largest holder of the address that holds most.
    fn largest(&self) -> Option<usize> {
        let (network, _) = self.addresses.iter().max_by_key(|(_, bytes)| **bytes)?;
        let holders = self.holders.iter().filter(|(_, entry)| entry.network == *network && entry.bytes > 0);
        holders.max_by_key(|(_, entry)| entry.bytes).map(|(key, _)| key)
    }

    /// Takes a holder's bytes away; what is returned ends it.
    fn end(&mut self, key: usize) -> End {
        self.set(key, 0);
        self.counts.ended += 1;
        let entry = &mut self.holders[key];
        entry.ended = true;
        Arc::clone(&entry.end)
    }
}

fn move_count<K: std::hash::Hash + Eq + Clone>(counts: &mut HashMap<K, usize>, key: &K, before: usize, now: usize) {
    match counts.get_mut(key) {
        Some(count) => {
            *count = *count - before + now;
            if *count == 0 {
                counts.remove(key);
            }
        }
        None if now > 0 => drop(counts.insert(key.clone(), now)),
        None => {}
    }
}

impl Holder {
    fn try_set(&mut self, bytes: usize) -> Result<(), Short> {
        let BytesInHand { shares, .. } = *self.book;
        let mut ends = Vec::new();
        let result = {
            let mut book = self.book.book();
            let entry = &book.holders[self.key];
            let (more, network, ended) = (bytes.saturating_sub(entry.bytes), entry.network, entry.ended);
            let of_address = book.addresses.get(&network).copied().unwrap_or_default();
            let of_user = entry.user.as_ref().map(|user| book.users.get(user).copied().unwrap_or_default());
            if more == 0 {
                if !ended {
                    book.set(self.key, bytes);
                }
                Ok(())
            } else if ended {
                Err(Short { is_clients: false })
            } else if of_address.saturating_add(more) > shares.of_an_address {
                book.counts.of_an_address += 1;
                Err(Short { is_clients: true })
            } else if of_user.is_some_and(|of_user| of_user.saturating_add(more) > shares.of_a_user) {
                book.counts.of_a_user += 1;
                Err(Short { is_clients: true })
            } else {
                loop {
                    if book.total.saturating_add(more) <= shares.all {
                        book.set(self.key, bytes);
                        break Ok(());
                    }
                    match book.largest().filter(|&key| book.holders[key].network != network) {
                        Some(key) => ends.push(book.end(key)),
                        None => {
                            book.counts.of_all += 1;
                            break Err(Short { is_clients: false });
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

impl Charge for Holder {
    fn set(&mut self, bytes: usize) -> Result<(), Short> {
        self.try_set(bytes)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let mut book = self.book.book();
        book.set(self.key, 0);
        book.holders.remove(self.key);
    }
}

/// Whose the bytes of a request and its answer are; it stands among the request's extensions.
#[derive(Clone)]
pub struct Account(Arc<Owner>);

struct Owner {
    book: Arc<BytesInHand>,
    address: IpAddr,
    user: OnceLock<PersonId>,
    end: End,
}

impl Account {
    /// Inputs: what counts; the address that has sent the request, and what ends its connection.
    pub fn new(book: Arc<BytesInHand>, address: IpAddr, end: End) -> Self {
        Self(Arc::new(Owner { book, address, user: OnceLock::new(), end }))
    }

    /// Says whose request it is, when that is known.
    pub fn of_user(&self, user: &PersonId) {
        let _ = self.0.user.set(user.clone());
    }

    /// Something that takes bytes for this request.
    pub fn holder(&self) -> Holder {
        self.0.book.holder(self.0.address, self.0.user.get().cloned(), Arc::clone(&self.0.end))
    }

    /// Counts the bytes of an answer until it is written. Over a share it is another answer that says so. The bytes of an answer that is
    /// [`Shared`] are nobody's.
    pub fn count(&self, answer: Response<Body>) -> Response<Body> {
        self.counted(answer).unwrap_or_else(|(_, short)| no_room(short))
    }

    /// The same of an answer in whose place no other may stand: over a share the connection ends, and the answer is not written.
    pub fn count_or_end(&self, answer: Response<Body>) -> Response<Body> {
        self.counted(answer).unwrap_or_else(|(answer, _)| {
            (self.0.end)();
            answer
        })
    }

    /// Errors: the answer, for which there is no room.
    #[expect(clippy::result_large_err, reason = "it is the answer itself, and moved either way")]
    fn counted(&self, mut answer: Response<Body>) -> Result<Response<Body>, (Response<Body>, Short)> {
        let bytes = usize::try_from(answer.body().size_hint().lower()).unwrap_or(usize::MAX);
        if bytes < SMALL_ANSWER || answer.extensions().get::<Shared>().is_some() {
            return Ok(answer);
        }
        let mut holder = self.holder();
        match holder.set(bytes) {
            Ok(()) => {
                answer.extensions_mut().insert(Held(Arc::new(holder)));
                Ok(answer)
            }
            Err(short) => Err((answer, short)),
        }
    }
}

/// Stands among the extensions of an answer whose bytes are the same for everybody and not copied.
#[derive(Clone, Copy)]
pub struct Shared;

/// Stands among the extensions of an answer whose bytes are counted; the listener drops it when they are written.
#[derive(Clone)]
pub struct Held(#[expect(dead_code, reason = "its end gives the bytes back")] Arc<Holder>);

/// Stands among the extensions of a request: ends its connection.
#[derive(Clone)]
pub struct ConnectionEnd(pub End);

/// What is answered when there is no room. Unlike a budget of requests it is no matter of how many they are: answers have to be read.
pub fn no_room(short: Short) -> Response<Body> {
    let (status, code, error) = rejection(short);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (RETRY_AFTER, TRY_AGAIN.into()),
        (CONNECTION, HeaderValue::from_static("close")),
    ];
    (status, headers, json!({"error": error, "code": code}).to_string()).into_response()
}

/// The status, code and text of a rejection for want of room.
pub fn rejection(short: Short) -> (StatusCode, &'static str, &'static str) {
    match short.is_clients {
        true => (
            StatusCode::TOO_MANY_REQUESTS,
            "too_much_in_hand",
            "This client has too many incomplete requests and unread answers; send the bodies that have begun, and read the answers",
        ),
        false => {
            let error = "The server holds too many incomplete requests and unread answers; try again later";
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

    fn user(name: &str) -> Option<PersonId> {
        Some(PersonId::new(name))
    }

    fn nobody() -> End {
        Arc::new(|| {})
    }

    #[test]
    fn an_address_and_a_user_have_their_shares_and_get_them_back() {
        let book = Arc::new(BytesInHand::new(SHARES));
        let mut first = book.holder(address(1), user("anna"), nobody());
        let mut second = book.holder(address(2), user("anna"), nobody());
        assert!(first.set(200).is_ok());
        assert_eq!(second.set(101), Err(Short { is_clients: true }), "anna has 300 from wherever");
        assert!(second.set(100).is_ok());
        let mut other = book.holder(address(1), user("ben"), nobody());
        let mut nobodys = book.holder(address(1), None, nobody());
        assert!(other.set(300).is_ok());
        assert_eq!(nobodys.set(101), Err(Short { is_clients: true }), "the address has 600");
        drop(first);
        assert!(nobodys.set(300).is_ok());
        assert_eq!(book.counts().bytes, 700);
        drop((second, other, nobodys));
        let book = book.book();
        assert_eq!((book.total, book.addresses.len(), book.users.len(), book.holders.len()), (0, 0, 0, 0));
    }

    #[test]
    fn when_all_is_short_the_address_that_holds_most_loses_its_largest() {
        let book = Arc::new(BytesInHand::new(SHARES));
        let ended = Arc::new(AtomicUsize::new(0));
        let end: End = {
            let ended = ended.clone();
            Arc::new(move || {
                ended.fetch_add(1, Ordering::Relaxed);
            })
        };
        let mut small = book.holder(address(1), None, nobody());
        let mut large = book.holder(address(1), None, end);
        let mut middle = book.holder(address(2), None, nobody());
        assert!(small.set(200).is_ok() && large.set(400).is_ok() && middle.set(390).is_ok());
        assert_eq!(small.set(1).and(small.set(250)), Err(Short { is_clients: true }));
        assert!(small.set(200).is_ok());
        let mut fourth = book.holder(address(3), None, nobody());
        assert!(fourth.set(11).is_ok());
        assert_eq!(ended.load(Ordering::Relaxed), 1);
        assert_eq!(book.counts().bytes, 200 + 390 + 11);
        assert_eq!(large.set(401), Err(Short { is_clients: false }), "what was ended takes nothing any more");
        assert!(large.set(0).is_ok());
        drop(large);
        assert_eq!(book.counts().bytes, 200 + 390 + 11);
        // Whoever holds most itself is refused.
        let mut fifth = book.holder(address(4), None, nobody());
        assert!(fifth.set(399).is_ok());
        let mut more = book.holder(address(4), None, nobody());
        assert_eq!(more.set(1), Err(Short { is_clients: false }));
    }

    #[test]
    fn halving_leaves_half_and_the_small() {
        let book = Arc::new(BytesInHand::new(SHARES));
        let mut holders: Vec<_> = (1..5).map(|last| book.holder(address(last), None, nobody())).collect();
        for (holder, bytes) in holders.iter_mut().zip([100, 200, 250, 400]) {
            holder.set(bytes).unwrap();
        }
        book.halve();
        assert_eq!(book.counts().bytes, 100 + 200);
    }
}
