//! Recognises a long-polling GET that an HTTP library repeats by itself because the network lost the response.
//!
//! Engine.IO gives the query parameter `t` no meaning: it only prevents caching. Some clients send one value in many requests: a clock in seconds
//! (.NET), a checksum (Rust), a constant. So a GET is a repetition only if all of this holds:
//!
//! - its `t` is the one of the GET before, and is not an integer, which a clock or a checksum may give twice;
//! - the client gave each of its [`DISTINCT`] GETs before another `t`, as the stock clients for JavaScript and Python do in every request;
//! - it comes on another connection than the GET before, since a library repeats a request because its connection broke.
//!
//! A POST is never a repetition: a client may send the same message twice on purpose.

use std::hash::{DefaultHasher, Hash, Hasher};

use hyper::body::Incoming;

use super::HttpConnection;
use super::query::Query;

/// How many GETs in a row must have had a `t` of their own before an equal one means a repetition.
const DISTINCT: u8 = 3;

/// What identifies a GET of a session.
#[derive(Debug)]
pub(crate) struct GetMark {
    /// A hash of `t`; 64 bits, so that a client cannot be confused by chance.
    t: u64,
    connection: HttpConnection,
}

impl GetMark {
    /// The mark of a GET; `None` if no GET can be recognised as its repetition.
    pub fn of(request: &hyper::Request<Incoming>, query: &Query<'_>) -> Option<Self> {
        Self::new(query.get("t")?, request.extensions().get()?)
    }

    fn new(t: &str, connection: &HttpConnection) -> Option<Self> {
        if t.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        t.hash(&mut hasher);
        Some(Self { t: hasher.finish(), connection: connection.clone() })
    }
}

/// The GETs of a session so far: the last one, and how many in a row had a `t` of their own.
#[derive(Default)]
pub(crate) struct Gets {
    last: Option<GetMark>,
    distinct: u8,
}

impl Gets {
    /// Notes the next GET. True if it repeats the last one.
    pub fn repeats(&mut self, mark: Option<GetMark>) -> bool {
        let same = |mark: &GetMark, last: &GetMark| mark.t == last.t;
        match (&mark, &self.last) {
            (Some(mark), Some(last)) if same(mark, last) => {
                if self.distinct >= DISTINCT && !mark.connection.is(&last.connection) {
                    return true;
                }
                self.distinct = 0;
            }
            (Some(_), _) => self.distinct = self.distinct.saturating_add(1),
            (None, _) => self.distinct = 0,
        }
        self.last = mark;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays GETs, each `t` with the number of its connection, and checks that only the last one is a repetition, or none.
    fn check(gets: &[(&str, usize)], last_repeats: bool) {
        let connections: Vec<HttpConnection> = (0..4).map(|_| HttpConnection::default()).collect();
        let mut noted = Gets::default();
        let found: Vec<bool> = gets.iter().map(|(t, connection)| noted.repeats(GetMark::new(t, &connections[*connection]))).collect();
        let mut expected = vec![false; gets.len()];
        expected[gets.len() - 1] = last_repeats;
        assert_eq!(found, expected, "{gets:?}");
    }

    #[test]
    fn a_get_is_a_repetition_if_its_client_gave_each_get_before_another_t() {
        let cases: &[(&[(&str, usize)], bool)] = &[
            (&[("1764456789.25", 0), ("1764456789.5", 0), ("1764456790.1", 1), ("1764456790.1", 2)], true),
            (&[("pa1", 0), ("pa2", 0), ("pa3", 0), ("pa3", 1)], true),
            // A library does not repeat a request on the connection that carried it.
            (&[("pa1", 0), ("pa2", 0), ("pa3", 0), ("pa3", 0)], false),
            // Too few to tell.
            (&[("pa1", 0), ("pa1", 1)], false),
            (&[("pa1", 0), ("pa2", 0), ("pa2", 1)], false),
            // A constant.
            (&[("x", 0), ("x", 1), ("x", 0), ("x", 2), ("x", 3)], false),
            // A clock in seconds, a checksum.
            (&[("1", 0), ("2", 0), ("3", 0), ("4", 0), ("4", 1)], false),
            (&[("", 0), ("", 1), ("", 2), ("", 3), ("", 0)], false),
            // A client that has given one t twice is not believed at once.
            (&[("a", 0), ("b", 0), ("c", 0), ("c", 0), ("d", 1), ("d", 2)], false),
            (&[("a", 0), ("b", 0), ("c", 0), ("7", 0), ("d", 1), ("d", 2)], false),
        ];
        for (gets, last_repeats) in cases {
            check(gets, *last_repeats);
        }
    }
}
