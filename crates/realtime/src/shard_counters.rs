//! Counters of one shard: plain numbers of one thread, so that counting is cheap.

use std::collections::BTreeMap;
use std::time::Duration;

use contracts::ParsedRequest;

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
    /// Failed client requests, by the code of the error.
    pub request_failed: CountsByName,
}

impl ShardCounters {
    /// Counts an accepted socket.
    pub(super) fn count_connect(&mut self) {
        self.connected += 1;
    }

    /// Counts the next accepted socket as resumed.
    pub(super) fn count_recovered(&mut self) {
        self.recovered += 1;
    }

    /// Counts an ended socket and its age.
    pub(super) fn count_disconnect(&mut self, reason: &'static str, after: Duration) {
        self.disconnected.count(reason);
        self.lasted += after;
        self.longest = self.longest.max(after);
    }

    /// Counts a rejected connection request.
    pub(super) fn count_rejected_connect(&mut self, code: &'static str) {
        self.rejected.count(code);
    }

    /// Counts a client request by the contract's name for it: the number of names that clients make up is unlimited.
    pub(super) fn count_request(&mut self, request: &ParsedRequest) {
        self.request.count(request.name);
    }

    /// Counts a request that no contract defines, and its error code, which is the budget's if the request is over budget.
    pub(super) fn count_unknown_request(&mut self, code: &'static str) {
        self.request.count("unknown");
        self.request_failed.count(code);
    }

    /// Counts a failed client request.
    pub(super) fn count_failed_request(&mut self, code: &'static str) {
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

/// Counts by a few names. A name is identified by its address in the program, so no text is compared. The same name may have several
/// addresses; they are added up when the counts are read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CountsByName(Vec<(&'static str, u64)>);

impl CountsByName {
    /// Counts a name.
    pub fn count(&mut self, name: &'static str) {
        match self.0.iter_mut().find(|(known, _)| std::ptr::eq(*known, name)) {
            Some((_, count)) => *count += 1,
            None => self.0.push((name, 1)),
        }
    }

    /// The sum of all counts.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Each name with its count.
    pub fn by_name(&self) -> BTreeMap<&'static str, u64> {
        let mut totals = BTreeMap::new();
        for (name, count) in &self.0 {
            *totals.entry(*name).or_default() += count;
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use contracts::ClientAction;

    use super::*;

    fn request(name: &'static str) -> ParsedRequest {
        ParsedRequest { name, action: Ok(ClientAction::Ping) }
    }

    #[test]
    fn the_counters_of_two_shards_are_added_up() {
        let (mut one, mut other) = (ShardCounters::default(), ShardCounters::default());
        for counters in [&mut one, &mut other] {
            counters.count_connect();
            counters.count_connect();
            counters.count_request(&request("trip:join"));
            counters.count_failed_request("invalid");
        }
        one.count_disconnect("transport close", Duration::from_secs(4));
        other.count_disconnect("transport close", Duration::from_secs(2));
        other.count_unknown_request("unknown_event");
        other.count_unknown_request("rate_limited");
        other.count_rejected_connect("token_missing");
        one.add(&other);
        assert_eq!((one.connected, one.connections()), (4, 2));
        assert_eq!((one.lasted, one.longest), (Duration::from_secs(6), Duration::from_secs(4)));
        assert_eq!(one.request.by_name(), BTreeMap::from([("trip:join", 2), ("unknown", 2)]));
        assert_eq!(one.request_failed.by_name(), BTreeMap::from([("invalid", 2), ("rate_limited", 1), ("unknown_event", 1)]));
        assert_eq!(one.rejected.by_name(), BTreeMap::from([("token_missing", 1)]));
        assert_eq!(one.disconnected.total(), 2);
    }
}
