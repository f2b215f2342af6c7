//! Recognizes a long-polling GET that an HTTP library repeats by itself because the network lost the response.
//!
//! Engine.IO gives the query parameter `t` no meaning: it only prevents caching. Some clients send one value in many requests: a clock in
//! seconds (.NET), a checksum (Rust), a constant. So a GET is a repetition only if all of this holds:
//!
//! - its `t` is the one of the GET before, and is not an integer, which a clock or a checksum may give twice;
//! - the handshake and all GETs before had a `t` of their own, as the stock clients for JavaScript and Python send them;
//! - it comes on another connection than the GET before, and both asked to keep their connections: a library repeats a request because its
//!   connection broke, and takes the same one for a new request.
//!
//! Behind a load balancer the connection is that of the balancer, which may send a repetition on the same one. Each request of a trusted proxy
//! therefore counts as one on another connection, so that the first two conditions decide alone. A request that another node forwarded counts with
//! the connection on which that node received it.
//!
//! A POST is never a repetition: a client may send the same message twice on purpose.

use std::hash::{DefaultHasher, Hash, Hasher};

use hyper::body::Incoming;

use crate::http_connection::kept_connection;

/// The mark that identifies a GET of a session, or its handshake.
#[derive(Debug)]
pub(crate) struct RequestMark {
    /// A hash of `t`; 64 bits, so that two values are not taken for one by chance.
    t: u64,
    /// The number of the client's connection, if the client asked to keep it.
    connection: Option<u64>,
}

impl RequestMark {
    /// The mark of a request with this `t`; `None` if its `t` does not identify it.
    pub fn of(request: &hyper::Request<Incoming>, t: Option<&str>) -> Option<Self> {
        Self::new(t?, kept_connection(request))
    }

    fn new(t: &str, connection: Option<u64>) -> Option<Self> {
        if t.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        t.hash(&mut hasher);
        Some(Self { t: hasher.finish(), connection })
    }

    /// Whether both requests asked to keep their connections, and came on different ones.
    fn is_elsewhere(&self, last: &Self) -> bool {
        self.connection.zip(last.connection).is_some_and(|(this, last)| this != last)
    }
}

/// The handshake and the GETs of a session so far.
#[derive(Default)]
pub(crate) struct RequestMarks {
    last: Option<RequestMark>,
    /// A GET had another `t` than the request before it.
    several: bool,
    /// A request had no `t`, an integer, or the `t` of the request before: no GET of this client is taken for a repetition.
    reuses: bool,
}

impl RequestMarks {
    /// Begins with the handshake.
    pub fn begin(handshake: Option<RequestMark>) -> Self {
        Self { reuses: handshake.is_none(), last: handshake, several: false }
    }

    /// Notes the next GET. True if it repeats the last one.
    pub fn repeats(&mut self, get: Option<RequestMark>) -> bool {
        match (&get, &self.last) {
            (Some(get), Some(last)) if get.t == last.t => {
                if self.several && !self.reuses && get.is_elsewhere(last) {
                    return true;
                }
                self.reuses = true;
            }
            (Some(_), _) => self.several = true,
            (None, _) => self.reuses = true,
        }
        self.last = get;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_with_the_t_of_the_last_get_is_a_repetition() {
        /// The `t` of a request, and its connection; `None` is a connection that the client closes behind the request. The first request is
        /// the handshake.
        type Sent = (&'static str, Option<u64>);
        let cases: &[(&[Sent], bool)] = &[
            (&[("1764456789.1", Some(0)), ("1764456789.25", Some(0)), ("1764456789.25", Some(1))], true),
            (&[("pa1", Some(0)), ("pa2", Some(0)), ("pa3", Some(0)), ("pa3", Some(1))], true),
            // A library does not repeat a request on the connection that carried it.
            (&[("pa1", Some(0)), ("pa2", Some(0)), ("pa2", Some(0))], false),
            // A client that keeps no connection has another one for each request.
            (&[("pa1", Some(0)), ("pa2", None), ("pa2", Some(1))], false),
            (&[("pa1", Some(0)), ("pa2", Some(1)), ("pa2", None)], false),
            // A constant.
            (&[("x", Some(0)), ("x", Some(1)), ("x", Some(0)), ("x", Some(2))], false),
            // A clock in seconds, a checksum, an empty `t`.
            (&[("1", Some(0)), ("2", Some(0)), ("3", Some(0)), ("3", Some(1))], false),
            (&[("", Some(0)), ("", Some(1)), ("", Some(2))], false),
            // A client that has sent one t twice, or an integer, has no repetitions any more.
            (&[("a", Some(0)), ("b", Some(0)), ("b", Some(0)), ("c", Some(1)), ("c", Some(2))], false),
            (&[("a", Some(0)), ("7", Some(0)), ("b", Some(1)), ("b", Some(2))], false),
            (&[("7", Some(0)), ("a", Some(0)), ("b", Some(1)), ("b", Some(2))], false),
        ];
        for (number, (requests, last_repeats)) in cases.iter().enumerate() {
            let mark = |(t, connection): Sent| RequestMark::new(t, connection);
            let mut marks = RequestMarks::begin(mark(requests[0]));
            let found: Vec<bool> = requests[1..].iter().map(|get| marks.repeats(mark(*get))).collect();
            let mut expected = vec![false; found.len()];
            expected[found.len() - 1] = *last_repeats;
            assert_eq!(found, expected, "case {number}");
        }
    }
}
