//! Counters of one shard: plain numbers of one thread, so that counting costs next to nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::contracts::ParsedRequest;

/// The counters since the start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ShardCounters {
    /// Accepted sockets.
    pub connected: u64,
    /// The accepted sockets that were resumed and received all missed events.
    pub recovered: u64,
    /// Ended sockets, by reason.
    pub disconnected: CountsByName,
    /// The sum of the ended sockets' ages.
    pub lasted: Duration,
    /// The highest age of an ended socket.
    pub longest: Duration,
    /// Rejected connection requests, by the code of the reason.
    pub rejected: CountsByName,
    /// Client requests, by name; `unknown` are those that no contract defines.
    pub request: CountsByName,
    /// Refused client requests, by the code of the refusal.
    pub request_failed: CountsByName,
}

impl ShardCounters {
    /// Counts an accepted socket.
    pub(super) fn came(&mut self) {
        self.connected += 1;
    }

    /// Counts the next accepted socket as resumed.
    pub(super) fn recovered(&mut self) {
        self.recovered += 1;
    }

    /// Counts an ended socket and its age.
    pub(super) fn went(&mut self, reason: &'static str, after: Duration) {
        self.disconnected.count(reason);
        self.lasted += after;
        self.longest = self.longest.max(after);
    }

    /// Counts a rejected connection request.
    pub(super) fn turned_away(&mut self, code: &'static str) {
        self.rejected.count(code);
    }

    /// Counts a client request by the contract's name for it: names that clients make up would be without limit.
    pub(super) fn heard(&mut self, request: &ParsedRequest) {
        self.request.count(request.name);
    }

    /// Counts a request that no contract defines, and its refusal code, which over budget is the budget's.
    pub(super) fn unknown_request(&mut self, code: &'static str) {
        self.request.count("unknown");
        self.request_failed.count(code);
    }

    /// Counts a refused client request.
    pub(super) fn refused(&mut self, code: &'static str) {
        self.request_failed.count(code);
    }

    /// The number of open sockets.
    pub fn connections(&self) -> u64 {
        self.connected.saturating_sub(self.disconnected.total())
    }

    /// Adds the counters of another shard.
    pub fn add(&mut self, other: &Self) {
        self.connected += other.connected;
        self.recovered += other.recovered;
        self.lasted += other.lasted;
        self.longest = self.longest.max(other.longest);
        for (ours, theirs) in [
            (&mut self.disconnected, &other.disconnected),
            (&mut self.rejected, &other.rejected),
            (&mut self.request, &other.request),
            (&mut self.request_failed, &other.request_failed),
        ] {
            ours.0.extend_from_slice(&theirs.0);
        }
    }
}

/// Counts of a few words. A word is identified by its address in the program, so no text is compared. The same word may have several
/// addresses; they are added up when the counts are read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CountsByName(Vec<(&'static str, u64)>);

impl CountsByName {
    /// Counts a word.
    pub fn count(&mut self, word: &'static str) {
        match self.0.iter_mut().find(|(known, _)| std::ptr::eq(*known, word)) {
            Some((_, count)) => *count += 1,
            None => self.0.push((word, 1)),
        }
    }

    /// The sum of all counts.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Each word with its count.
    pub fn by_name(&self) -> BTreeMap<&'static str, u64> {
        let mut words = BTreeMap::new();
        for (word, count) in &self.0 {
            *words.entry(*word).or_default() += count;
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::ClientAction;

    fn asked(name: &'static str) -> ParsedRequest {
        ParsedRequest { name, action: Ok(ClientAction::Ping) }
    }

    #[test]
    fn what_happened_on_two_shards_is_added_up() {
        let (mut one, mut other) = (ShardCounters::default(), ShardCounters::default());
        for counters in [&mut one, &mut other] {
            counters.came();
            counters.came();
            counters.heard(&asked("trip:join"));
            counters.refused("invalid");
        }
        one.went("transport close", Duration::from_secs(4));
        other.went("transport close", Duration::from_secs(2));
        other.unknown_request("unknown_event");
        other.unknown_request("rate_limited");
        other.turned_away("token_missing");
        one.add(&other);
        assert_eq!((one.connected, one.connections()), (4, 2));
        assert_eq!((one.lasted, one.longest), (Duration::from_secs(6), Duration::from_secs(4)));
        assert_eq!(one.request.by_name(), BTreeMap::from([("trip:join", 2), ("unknown", 2)]));
        assert_eq!(one.request_failed.by_name(), BTreeMap::from([("invalid", 2), ("rate_limited", 1), ("unknown_event", 1)]));
        assert_eq!(one.rejected.by_name(), BTreeMap::from([("token_missing", 1)]));
        assert_eq!(one.disconnected.total(), 2);
    }
}
