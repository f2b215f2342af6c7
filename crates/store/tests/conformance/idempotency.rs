use domain::ports::{Store, StoredBody, StoredResponse};

use crate::{T0, at};

fn answer(body: &str) -> StoredResponse {
    StoredResponse { digest: format!("digest of {body}"), status: 201, body: StoredBody::Whole(body.to_owned()) }
}

pub fn response_is_stored_for_its_scope_and_key(store: &mut dyn Store) {
    store.put_response("ann POST /tasks", "k", &answer("one"), at(1)).unwrap();
    assert_eq!(store.stored_response("ann POST /tasks", "k", T0).unwrap(), Some(answer("one")));
    assert_eq!(store.stored_response("ben POST /tasks", "k", T0).unwrap(), None);
    assert_eq!(store.stored_response("ann POST /tasks", "l", T0).unwrap(), None);
}

pub fn large_response_is_stored_as_a_reference_or_not(store: &mut dyn Store) {
    for (n, body) in
        [StoredBody::Reference("project:7".to_owned()), StoredBody::Nothing, StoredBody::Whole("{}".to_owned())].into_iter().enumerate()
    {
        let answered = StoredResponse { body, ..answer("one") };
        store.put_response("s", "k", &answered, at(n as i64 + 1)).unwrap();
        assert_eq!(store.stored_response("s", "k", T0).unwrap(), Some(answered));
    }
}

pub fn only_recent_responses_are_replayed(store: &mut dyn Store) {
    store.put_response("s", "k", &answer("old"), at(1)).unwrap();
    assert_eq!(store.stored_response("s", "k", at(1)).unwrap(), None);
    store.put_response("s", "k", &answer("new"), at(5)).unwrap();
    assert_eq!(store.stored_response("s", "k", at(1)).unwrap(), Some(answer("new")));
}

pub fn old_responses_are_deleted_in_steps(store: &mut dyn Store) {
    for n in 1..=5 {
        store.put_response("s", &n.to_string(), &answer("x"), at(n)).unwrap();
    }
    assert_eq!(store.delete_responses_before(at(4), 2).unwrap(), 2);
    assert_eq!(store.delete_responses_before(at(4), 2).unwrap(), 1);
    assert_eq!(store.delete_responses_before(at(4), 2).unwrap(), 0);
    assert!(store.stored_response("s", "3", T0).unwrap().is_none());
    assert!(store.stored_response("s", "4", T0).unwrap().is_some());
}
