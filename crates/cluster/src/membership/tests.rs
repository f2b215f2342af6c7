//! The membership, one case a test.

use super::*;
use crate::identity::NodeUrl;

struct Bench {
    membership: Membership,
    now: Instant,
    next_incarnation: u64,
    epoch: &'static str,
}

impl Bench {
    /// Node `a`, which has renewed its lease for six seconds, with node `b`.
    fn with_b() -> Self {
        let now = Instant::now();
        let mut bench = Self { membership: Membership::new(node("a", 1), now), now, next_incarnation: 100, epoch: "e1" };
        assert_eq!(bench.renew(LeaseState::Missing, &[node("b", 1)]), [MembershipEvent::NodeUp(node("b", 1))], "the first lease is new");
        for _ in 0..6 {
            bench.wait(1);
            assert_eq!(bench.renew(LeaseState::Renewed, &[node("b", 1)]), []);
        }
        bench
    }

    fn renew(&mut self, lease: LeaseState, others: &[NodeInfo]) -> Vec<MembershipEvent> {
        let nodes = others.iter().cloned().chain([self.membership.own().clone()]).collect();
        let listing = Listing { lease, epoch: self.epoch.to_owned(), nodes };
        self.next_incarnation += 1;
        let incarnation = Incarnation(self.next_incarnation);
        self.membership.renewed(listing, self.now, self.now, || incarnation)
    }

    /// Lets seconds pass without a pause of the node.
    fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            assert_eq!(self.membership.step(self.now, || Incarnation(0)), None);
        }
    }
}

fn node(id: &str, incarnation: u64) -> NodeInfo {
    let address = NodeUrl::parse(&format!("http://{id}:3000")).unwrap();
    NodeInfo { id: NodeId::parse(id).unwrap(), incarnation: Incarnation(incarnation), address }
}

#[test]
fn a_node_that_is_no_longer_listed_is_dead() {
    let mut bench = Bench::with_b();
    assert_eq!(bench.renew(LeaseState::Renewed, &[]), [MembershipEvent::NodeDown(node("b", 1))]);
    assert_eq!(bench.renew(LeaseState::Renewed, &[]), []);
    assert_eq!(bench.renew(LeaseState::Renewed, &[node("b", 2)]), [MembershipEvent::NodeUp(node("b", 2))]);
    assert_eq!(bench.renew(LeaseState::Renewed, &[node("b", 3)]), [MembershipEvent::NodeRestarted(node("b", 3))]);
}

#[test]
fn no_node_is_declared_dead_while_redis_is_away() {
    let mut bench = Bench::with_b();
    assert_eq!(bench.membership.renewal_failed(), Some(MembershipEvent::RedisAway));
    bench.wait(60);
    assert_eq!(bench.membership.renewal_failed(), None, "reported once");
    assert_eq!(bench.membership.others().count(), 1);
    let rejoined = MembershipEvent::Rejoined { incarnation: Incarnation(bench.next_incarnation + 1) };
    assert_eq!(bench.renew(LeaseState::Missing, &[]), [MembershipEvent::RedisBack, rejoined]);
    bench.wait(4);
    assert_eq!(bench.renew(LeaseState::Renewed, &[]), [], "the other node has a whole lease to return");
    bench.wait(1);
    assert_eq!(bench.renew(LeaseState::Renewed, &[]), [MembershipEvent::NodeDown(node("b", 1))]);
}

#[test]
fn an_empty_redis_ends_no_lease() {
    let mut bench = Bench::with_b();
    bench.epoch = "e2";
    assert_eq!(bench.renew(LeaseState::Missing, &[]), [], "neither this node nor the other one ended");
    bench.wait(1);
    assert_eq!(bench.renew(LeaseState::Renewed, &[node("b", 1)]), []);
    for _ in 0..3 {
        bench.wait(1);
        assert_eq!(bench.renew(LeaseState::Renewed, &[]), [], "the other node has a whole lease to return");
    }
    bench.wait(1);
    assert_eq!(bench.renew(LeaseState::Renewed, &[]), [MembershipEvent::NodeDown(node("b", 1))]);
}

#[test]
fn a_paused_node_begins_a_new_incarnation() {
    let mut bench = Bench::with_b();
    bench.now += Duration::from_secs(20);
    let lost = MembershipEvent::LeaseLost { pause: Duration::from_secs(20), incarnation: Incarnation(7) };
    assert_eq!(bench.membership.step(bench.now, || Incarnation(7)), Some(lost));
    assert_eq!(bench.membership.own().incarnation, Incarnation(7));
    assert_eq!(bench.renew(LeaseState::Missing, &[]), [], "the lease that has ended is replaced, and the other node has time to return");
}

#[test]
fn a_clock_that_stood_still_is_noticed_in_redis() {
    let mut bench = Bench::with_b();
    bench.wait(1);
    let lost = MembershipEvent::LeaseLost { pause: Duration::from_secs(1), incarnation: Incarnation(bench.next_incarnation + 1) };
    assert_eq!(bench.renew(LeaseState::Missing, &[node("b", 1)]), [lost]);
}

#[test]
fn a_lease_that_was_taken_again_by_a_late_renewal_has_ended() {
    let mut bench = Bench::with_b();
    bench.membership.renewal_failed();
    bench.wait(6);
    let rejoined = MembershipEvent::Rejoined { incarnation: Incarnation(bench.next_incarnation + 1) };
    assert_eq!(bench.renew(LeaseState::Renewed, &[node("b", 1)]), [MembershipEvent::RedisBack, rejoined]);
}

#[test]
fn a_process_with_the_same_id_replaces_this_one() {
    let mut bench = Bench::with_b();
    let conflict = LeaseState::Conflict { by: Incarnation(9), expires_in: LEASE };
    assert_eq!(bench.renew(conflict, &[]), [MembershipEvent::Replaced { by: Incarnation(9) }]);
}

#[test]
fn the_guard_expires_with_a_pause_only() {
    let now = Instant::now();
    let guard = LeaseGuard::new(now);
    let shared = guard.clone();
    assert!(guard.is_valid(now + LEASE - Duration::from_millis(1)));
    assert!(!guard.is_valid(now + LEASE));
    shared.beat(now + LEASE);
    assert!(guard.is_valid(now + LEASE));
}
