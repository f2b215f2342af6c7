use domain::blocks::Block;
use domain::ports::{Page, Store};

use crate::{at, id};

pub fn blocks_are_listed_latest_first_in_pages_and_can_end(store: &mut dyn Store) {
    for (name, seconds) in [("ben", 1), ("cleo", 2), ("dan", 2)] {
        store.put_block(&id("ann"), &id(name), at(seconds)).unwrap();
    }
    store.put_block(&id("ann"), &id("ben"), at(9)).unwrap();
    store.put_block(&id("ben"), &id("ann"), at(3)).unwrap();
    assert_eq!(store.block(&id("ann"), &id("ben")).unwrap(), Some(Block { user: id("ben"), since: at(1) }), "the first block stays");
    assert_eq!(store.count_blocks(&id("ann")).unwrap(), 3);
    let mut page = |limit, before: Option<&str>| -> Vec<String> {
        let page = Page { limit, before: before.map(id) };
        store.blocks_of(&id("ann"), &page).unwrap().iter().map(|block| block.user.to_string()).collect()
    };
    assert_eq!(page(9, None), ["dan", "cleo", "ben"]);
    assert_eq!(page(1, Some("dan")), ["cleo"]);
    assert_eq!(page(9, Some("eve")), [""; 0]);
    store.delete_block(&id("ann"), &id("cleo")).unwrap();
    assert_eq!(store.block(&id("ann"), &id("cleo")).unwrap(), None);
    store.delete_blocks_of(&id("ann")).unwrap();
    assert_eq!(store.count_blocks(&id("ann")).unwrap(), 0);
    assert!(store.block(&id("ben"), &id("ann")).unwrap().is_some());
}
