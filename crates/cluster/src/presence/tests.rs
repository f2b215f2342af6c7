//! Presence, one case a test. The simulation tests many nodes together.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::identity::{Incarnation, NodeId};
use crate::wire::{Digest, Message, PresenceKey};

const INCARNATION: Incarnation = Incarnation(1);

fn key(user: &str) -> PresenceKey {
    PresenceKey::online(user)
}

fn value(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn at(milliseconds: u64, start: Instant) -> Instant {
    start + Duration::from_millis(milliseconds)
}

/// Gives the messages of a node to another; returns the number of changed entries.
fn apply(peer: &mut PeerPresence, messages: Vec<Message>, now: Instant) -> usize {
    let update = |message| match message {
        Message::PresenceChanges { counter, changes } => peer.change(counter, changes, now).changes.len(),
        Message::PresenceList { counter, part, parts, entries } => peer.list_part(counter, part, parts, entries).changes.len(),
        Message::PresenceDigest(digest) => {
            peer.digest(digest, now);
            0
        }
        other => panic!("{other:?} is not about the entries of the sender"),
    };
    messages.into_iter().map(update).sum()
}

/// A node with two entries, and another node that knows them.
fn two_nodes(start: Instant) -> (OwnPresence, PeerPresence) {
    let (mut own, mut peer) = (OwnPresence::default(), PeerPresence::new(INCARNATION, start));
    own.set(&key("anna"), value("1"), start);
    own.set(&key("ben"), value("1"), start);
    assert!(peer.take_ask(start), "a new node is asked at once");
    own.request_list(start);
    assert_eq!(apply(&mut peer, own.publish(start), start), 2);
    assert!(peer.is_complete());
    (own, peer)
}

#[test]
fn changes_are_gathered_for_100_ms() {
    let start = Instant::now();
    let mut own = OwnPresence::default();
    assert_eq!(own.due(), None);
    own.set(&key("anna"), value("1"), start);
    own.set(&key("ben"), value("1"), at(60, start));
    own.remove(&key("ben"), false, at(70, start));
    assert_eq!(own.set(&key("anna"), value("1"), at(80, start)), None, "nothing changes");
    assert_eq!((own.due(), own.publish(at(99, start)).len()), (Some(at(100, start)), 0));
    let [Message::PresenceChanges { counter: 1, changes }] = &own.publish(at(100, start))[..] else { panic!("one message") };
    assert_eq!(changes.len(), 2);
    assert_eq!(own.due(), None);
}

#[test]
fn a_missed_change_is_followed_by_the_whole_list() {
    let start = Instant::now();
    let (mut own, mut peer) = two_nodes(start);
    own.set(&key("carl"), value("1"), start);
    assert_eq!(own.publish(at(100, start)).len(), 1, "this message is lost");
    own.remove(&key("ben"), false, at(100, start));
    assert_eq!(apply(&mut peer, own.publish(at(200, start)), at(200, start)), 0);
    assert_eq!((peer.is_complete(), peer.missed(), peer.take_ask(at(200, start))), (false, 1, true));
    assert!(!peer.take_ask(at(1199, start)) && peer.take_ask(at(1200, start)), "it asks again after a second");
    own.request_list(at(1200, start));
    own.request_list(at(1201, start));
    assert_eq!(apply(&mut peer, own.publish(at(1200, start)), at(1200, start)), 2, "carl was added and ben was removed");
    assert_eq!((own.due(), peer.ask_due()), (None, None));
}

#[test]
fn repeated_and_older_changes_change_nothing() {
    let start = Instant::now();
    let (mut own, mut peer) = two_nodes(start);
    own.remove(&key("ben"), false, start);
    let messages = own.publish(at(100, start));
    assert_eq!(apply(&mut peer, messages.clone(), start), 1);
    assert_eq!(apply(&mut peer, messages, start), 0);
    assert!(peer.is_complete());
}

#[test]
fn a_digest_reveals_a_difference() {
    let start = Instant::now();
    let (mut own, mut peer) = two_nodes(start);
    own.set(&key("carl"), value("1"), start);
    assert_eq!(apply(&mut peer, own.publish_digest(), start), 1);
    assert!(peer.is_complete(), "the digest comes behind the changes that it contains");
    let Some(Message::PresenceDigest(digest)) = own.publish_digest().pop() else { panic!("there is a digest") };
    let wrong = [
        Digest { counter: digest.counter + 1, ..digest },
        Digest { entries: digest.entries + 1, ..digest },
        Digest { hash: digest.hash + 1, ..digest },
    ];
    for (second, wrong) in (1..).zip(wrong) {
        let now = at(1000 * second, start);
        peer.digest(wrong, now);
        assert!(!peer.is_complete(), "{wrong:?}");
        own.request_list(now);
        apply(&mut peer, own.publish(now), now);
        assert!(peer.is_complete());
    }
}

#[test]
fn lists_have_an_interval_and_parts() {
    let start = Instant::now();
    let mut own = OwnPresence::default();
    for number in 0..3000 {
        own.set(&key(&format!("user-{number}")), Bytes::from(vec![b'x'; 200]), start);
    }
    own.request_list(start);
    let first = own.publish(start);
    own.request_list(at(10, start));
    assert_eq!(own.due(), Some(at(200, start)), "requests in between are answered together");
    let lists: Vec<Message> = first.into_iter().filter(|message| matches!(message, Message::PresenceList { .. })).collect();
    assert!(lists.len() > 2);
    let mut peer = PeerPresence::new(INCARNATION, start);
    let (last, others) = lists.split_last().expect("there are parts");
    assert_eq!(apply(&mut peer, [others, others].concat(), start), 0, "the list has effect as a whole");
    assert_eq!(apply(&mut peer, vec![last.clone()], start), 3000);
}

#[test]
fn a_new_incarnation_keeps_the_entries_until_its_list() {
    let start = Instant::now();
    let (_, mut peer) = two_nodes(start);
    peer.restart(Incarnation(2), start);
    let mut own = OwnPresence::default();
    own.set(&key("anna"), value("1"), start);
    own.request_list(start);
    let list = own.publish(start).pop().expect("there is a list");
    let Message::PresenceList { counter, part, parts, entries } = list else { panic!("{list:?}") };
    let update = peer.list_part(counter, part, parts, entries);
    assert_eq!((update.changes.len(), update.after_restart), (1, true), "only ben has ended");
}

#[test]
fn the_union_ends_with_the_last_node() {
    let start = Instant::now();
    let [a, b] = ["a", "b"].map(|id| NodeId::parse(id).unwrap());
    let (mut union, anna) = (ClusterPresence::default(), key("anna"));
    assert!(union.set(&a, &anna, &value("1")).is_some());
    assert_eq!(union.set(&b, &anna, &value("2")), None);
    assert_eq!(union.remove(&a, &anna, None, false), None);
    assert_eq!(union.remove(&a, &anna, None, false), None, "a has ended already");
    assert_eq!(union.remove(&b, &anna, Some(at(300, start)), false), None);
    assert!(union.contains(&anna) && union.expire(at(299, start)).is_empty(), "the user may have moved");
    assert_eq!(union.set(&a, &anna, &value("3")), None, "the user has moved");
    assert_eq!((union.expire(at(300, start)), union.due()), (vec![], None));
    assert_eq!(union.remove(&a, &anna, Some(at(600, start)), false), None);
    assert_eq!(union.expire(at(600, start)), [PresenceTransition::Removed { key: anna.clone(), left: false }]);
    assert_eq!((union.online_count(), union.contains(&anna)), (0, false));
}

#[test]
fn users_who_are_online_are_counted() {
    let a = NodeId::parse("a").unwrap();
    let mut union = ClusterPresence::default();
    union.set(&a, &PresenceKey::in_room("room:1", "anna"), &Bytes::new());
    union.set(&a, &key("anna"), &Bytes::new());
    union.set(&a, &key("ben"), &Bytes::new());
    union.remove(&a, &key("anna"), None, true);
    assert_eq!((union.online_count(), union.keys().count()), (1, 2));
}

#[test]
fn an_entry_departs_when_its_last_node_has_lost_it() {
    let start = Instant::now();
    let (a, b) = (NodeId::parse("a").unwrap(), NodeId::parse("b").unwrap());
    let (mut union, anna) = (ClusterPresence::default(), key("anna"));
    union.set(&a, &anna, &value("on a"));
    union.set(&b, &anna, &value("on b"));
    assert_eq!((union.remove(&a, &anna, Some(start), false), union.is_departing(&anna)), (None, false), "it is on b");
    assert_eq!((union.remove(&b, &anna, Some(start), false), union.is_departing(&anna)), (None, true));
    assert_eq!((union.set(&a, &anna, &value("on a again")), union.is_departing(&anna)), (None, false));
    assert!(union.expire(start).is_empty(), "it is on a");
    union.remove(&a, &anna, Some(start), false);
    assert_eq!(union.expire(start), [PresenceTransition::Removed { key: anna.clone(), left: false }]);
    assert!(!union.is_departing(&anna) && !union.contains(&anna));
}
