use domain::ids::RoomKind;
use domain::ports::Store;
use domain::trips::TripDetails;

fn details() -> TripDetails {
    TripDetails {
        description: Some("A week; \"quotes\" too".to_owned()),
        start_date: Some("2026-07-01".to_owned()),
        end_date: Some("2026-07-08T18:00:00+02:00".to_owned()),
    }
}

pub fn trip_details_are_read_back_as_stored_and_updated(store: &mut dyn Store) {
    let (trip, other) = (RoomKind::Trip.room(1), RoomKind::Trip.room(2));
    assert_eq!(store.trip_details(&trip).unwrap(), None);
    store.put_trip_details(&trip, &details()).unwrap();
    store.put_trip_details(&other, &TripDetails::default()).unwrap();
    assert_eq!(store.trip_details(&trip).unwrap(), Some(details()));
    let changed = TripDetails { description: None, start_date: Some("2026-07-02".to_owned()), ..details() };
    store.put_trip_details(&trip, &changed).unwrap();
    assert_eq!(store.trip_details(&trip).unwrap(), Some(changed));
    assert_eq!(store.trip_details(&other).unwrap(), Some(TripDetails::default()));
}

pub fn deleted_trip_has_no_details(store: &mut dyn Store) {
    let (trip, other) = (RoomKind::Trip.room(1), RoomKind::Trip.room(2));
    store.put_trip_details(&trip, &details()).unwrap();
    store.put_trip_details(&other, &details()).unwrap();
    store.delete_trip_details(&trip).unwrap();
    assert_eq!(store.trip_details(&trip).unwrap(), None);
    assert_eq!(store.trip_details(&other).unwrap(), Some(details()));
}
