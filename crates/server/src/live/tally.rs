//! Counters of one shard: plain numbers of one thread, so that counting costs next to nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::contracts::ParsedRequest;

/// The counters since the start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Accepted sockets.
    pub came: u64,
    /// The accepted sockets that were resumed and received all missed events.
    pub recovered: u64,
    /// Ended sockets, by reason.
    pub went: Counts,
    /// The sum of the ended sockets' ages.
    pub lasted: Duration,
    /// The highest age of an ended socket.
    pub longest: Duration,
    /// Rejected connection requests, by the code of the reason.
    pub turned_away: Counts,
    /// Client requests, by name; `unknown` are those that no contract defines.
    pub heard: Counts,
    /// Refused client requests, by the code of the refusal.
    pub refused: Counts,
}

impl Tally {
    /// Counts an accepted socket.
    pub(super) fn came(&mut self) {
        self.came += 1;
    }

    /// Counts the next accepted socket as resumed.
    pub(super) fn recovered(&mut self) {
        self.recovered += 1;
    }

    /// Counts an ended socket and its age.
    pub(super) fn went(&mut self, reason: &'static str, after: Duration) {
        self.went.count(reason);
        self.lasted += after;
        self.longest = self.longest.max(after);
    }

    /// Counts a rejected connection request.
    pub(super) fn turned_away(&mut self, code: &'static str) {
        self.turned_away.count(code);
    }

    /// Counts a client request by the contract's name for it: names that clients make up would be without limit.
    pub(super) fn heard(&mut self, request: &ParsedRequest) {
        self.heard.count(request.name);
    }

    /// Counts a request that no contract defines, and its refusal code, which over budget is the budget's.
    pub(super) fn heard_unknown(&mut self, code: &'static str) {
        self.heard.count("unknown");
        self.refused.count(code);
    }

    /// Counts a refused client request.
    pub(super) fn refused(&mut self, code: &'static str) {
        self.refused.count(code);
    }

    /// The number of open sockets.
    pub fn here(&self) -> u64 {
        self.came.saturating_sub(self.went.total())
    }

    /// Adds the counters of another shard.
    pub fn add(&mut self, other: &Self) {
        self.came += other.came;
        self.recovered += other.recovered;
        self.lasted += other.lasted;
        self.longest = self.longest.max(other.longest);
        for (ours, theirs) in [
            (&mut self.went, &other.went),
            (&mut self.turned_away, &other.turned_away),
            (&mut self.heard, &other.heard),
            (&mut self.refused, &other.refused),
        ] {
            ours.0.extend_from_slice(&theirs.0);
        }
    }
}

/// Counts of a few words. A word is identified by its address in the program, so no text is compared. The same word may have several
/// addresses; they are added up when the counts are read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts(Vec<(&'static str, u64)>);

impl Counts {
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
    pub fn by_word(&self) -> BTreeMap<&'static str, u64> {
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
        ParsedRequest { name, ask: Ok(ClientAction::Ping) }
    }

    #[test]
    fn what_happened_on_two_shards_is_added_up() {
        let (mut one, mut other) = (Tally::default(), Tally::default());
        for tally in [&mut one, &mut other] {
            tally.came();
            tally.came();
            tally.heard(&asked("trip:join"));
            tally.refused("invalid");
        }
        one.went("transport close", Duration::from_secs(4));
        other.went("transport close", Duration::from_secs(2));
        other.heard_unknown("unknown_event");
        other.heard_unknown("rate_limited");
        other.turned_away("token_missing");
        one.add(&other);
        assert_eq!((one.came, one.here()), (4, 2));
        assert_eq!((one.lasted, one.longest), (Duration::from_secs(6), Duration::from_secs(4)));
        assert_eq!(one.heard.by_word(), BTreeMap::from([("trip:join", 2), ("unknown", 2)]));
        assert_eq!(one.refused.by_word(), BTreeMap::from([("invalid", 2), ("rate_limited", 1), ("unknown_event", 1)]));
        assert_eq!(one.turned_away.by_word(), BTreeMap::from([("token_missing", 1)]));
        assert_eq!(one.went.total(), 2);
    }
}
