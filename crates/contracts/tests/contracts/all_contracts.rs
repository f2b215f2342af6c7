//! What all contracts have in common.

use std::sync::Arc;

use auth::AuthError;
use contracts::{Contract, ContractOptions, ContractRegistry, Reply};
use domain::ids::Timestamp;
use engine::{Namespace, OutboundMessage};

use crate::support::{NOW, added, asked_by_event, removed};

#[test]
fn token_refresh_is_the_same_in_all_socketio_contracts() {
    let ends = Timestamp(NOW.0 + 59_999_999);
    for contract in socketio_contracts().iter().map(|contract| &**contract) {
        for (packet, comes_to) in [
            (r#"["auth:refresh",{"token":"Bearer a.b.c"}]"#, "auth:refresh show Bearer a.b.c"),
            (r#"["auth:refresh",{"token":" "}]"#, "invalid token: must be a JWT, as text"),
            (r#"["auth:refresh",{"token":null}]"#, "invalid token: is required"),
            (r#"["auth:refresh",{}]"#, "invalid token: is required"),
            (r#"["auth:refresh","a.b.c"]"#, "invalid token: must be a JWT, as text"),
            (r#"["auth:refresh"]"#, "invalid token: is required"),
            (r#"["auth:refresh",null]"#, "invalid token: is required"),
        ] {
            assert_eq!(asked_by_event(contract, packet), comes_to, "{packet}");
        }
        let expiring = OutboundMessage::event("auth:expiring", r#"{"expiresAt":"2025-11-13T12:01:00.123Z","expiresIn":59}"#).unwrap();
        assert_eq!(contract.auth_expiring(ends, NOW), expiring);
        let ack = |shown, acked| contract.auth_refreshed(shown, acked, NOW).ack;
        assert_eq!(ack(Ok(Some(ends)), true).as_deref(), Some(r#"{"ok":true,"expiresAt":"2025-11-13T12:01:00.123Z"}"#));
        assert_eq!(ack(Ok(None), true).as_deref(), Some(r#"{"ok":true,"expiresAt":null}"#));
        assert_eq!(contract.auth_refreshed(Ok(None), false, NOW), Reply::default());
        let expired = r#"{"ok":false,"error":"The token has expired","code":"token_expired"}"#;
        assert_eq!(ack(Err(AuthError::Expired), true).as_deref(), Some(expired));
    }
}

#[test]
fn user_who_is_added_to_a_space_receives_no_event_of_other_contracts() {
    let contracts = all_contracts();
    for contract in &contracts {
        for kind in contracts.iter().flat_map(|other| other.kinds()).filter(|kind| !contract.kinds().contains(kind)) {
            assert!(contract.persisted_event(&added(*kind)).is_empty(), "{kind:?}");
            assert!(contract.persisted_event(&removed(*kind)).is_empty(), "{kind:?}");
        }
    }
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
