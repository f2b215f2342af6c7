use domain::command::Actor;
use domain::ids::{RoomId, RoomKind};
use domain::ports::Store;
use domain::removals::{Removal, RemovalTarget};

use crate::{id, space, user};

pub fn removal_is_stored_until_its_end_and_the_oldest_is_next(store: &mut dyn Store) {
    assert_eq!(store.next_removal().unwrap(), None);
    let trip = RoomKind::Trip.room(1);
    let by = Actor { user: id("ann"), admin: false };
    let removals = [
        Removal { id: 5, target: RemovalTarget::User { user: id("ben") }, by: Actor { admin: true, ..by.clone() } },
        Removal { id: 3, target: RemovalTarget::Space { space: space(&trip).into() }, by: by.clone() },
        Removal { id: 4, target: RemovalTarget::Tasks { room: RoomKind::Project.room(1), user: user("cleo") }, by },
    ];
    for removal in &removals {
        store.begin_removal(removal).unwrap();
    }
    let subjects = [RoomId::inbox(&id("ben")), trip, RoomId::inbox(&id("cleo")), RoomKind::Project.room(1)];
    let removed = |store: &mut dyn Store| subjects.clone().map(|subject| store.is_being_removed(&subject).unwrap());
    assert_eq!(removed(store), [true, true, false, false]);
    for (oldest, left) in
        [(&removals[1], [true, false, false, false]), (&removals[2], [true, false, false, false]), (&removals[0], [false; 4])]
    {
        assert_eq!(store.next_removal().unwrap().as_ref(), Some(oldest));
        store.end_removal(oldest.id).unwrap();
        assert_eq!(removed(store), left);
    }
    assert_eq!(store.next_removal().unwrap(), None);
}
