//! What all contracts have in common.

use std::sync::Arc;

use contracts::{Contract, ContractOptions, ContractRegistry};
use domain::event::Event;
use domain::ids::RoomKind;
use engine::Namespace;
use insta::assert_snapshot;

use crate::sample_events::persisted_events;
use crate::sample_objects::{EXPIRY, NOW, rooms};
use crate::transcripts;

#[test]
fn token_refresh_is_the_same_in_all_socketio_contracts() {
    let requests = [
        r#"["auth:refresh",{"token":"Bearer a.b.c"}]"#,
        r#"["auth:refresh",{"token":" "}]"#,
        r#"["auth:refresh",{"token":null}]"#,
        r#"["auth:refresh",{}]"#,
        r#"["auth:refresh","a.b.c"]"#,
        r#"["auth:refresh"]"#,
        r#"["auth:refresh",null]"#,
    ];
    let contracts = socketio_contracts();
    let parsed: Vec<_> = contracts.iter().map(|contract| transcripts::requests(&**contract, &requests)).collect();
    assert!(parsed.windows(2).all(|pair| pair[0] == pair[1]), "{parsed:#?}");
    assert_snapshot!(parsed[0]);

    for pair in contracts.windows(2) {
        assert_eq!(transcripts::token_refresh(&*pair[0]), transcripts::token_refresh(&*pair[1]));
        assert_eq!(pair[0].auth_expiring(EXPIRY, NOW), pair[1].auth_expiring(EXPIRY, NOW));
    }
}

#[test]
fn user_who_is_added_to_a_space_receives_no_event_of_other_contracts() {
    for contract in all_contracts() {
        let other_rooms = rooms().into_iter().filter(|room| !contract.kinds().contains(&room.kind()));
        for (title, event) in other_rooms.flat_map(|room| persisted_events(&room)) {
            if matches!(event.event, Event::Added { .. } | Event::Removed { .. }) {
                assert!(contract.persisted_event(&event).is_empty(), "{}: {title}", contract.schema().contract);
            }
        }
    }
}

#[test]
fn only_households_are_joined_without_a_request() {
    let contracts = all_contracts();
    let joined = rooms().into_iter().filter(|room| contracts.iter().any(|contract| contract.auto_joins(room)));
    assert_eq!(joined.collect::<Vec<_>>(), [RoomKind::Household.room(5)]);
}

fn registry() -> ContractRegistry {
    ContractRegistry::new(ContractOptions::default())
}

fn socketio_contracts() -> Vec<Arc<dyn Contract>> {
    registry().in_namespace(Namespace(0)).to_vec()
}

fn all_contracts() -> Vec<Arc<dyn Contract>> {
    let registry = registry();
    registry.in_namespace(Namespace(0)).iter().chain(registry.in_namespace(Namespace::PLAIN)).cloned().collect()
}
