//! Bounds the connections in the HTTP phase, in total and for each address, and keeps places for health checks.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::forwarded::Proxies;
use crate::config::HttpConnections;
use crate::rate_limit::network_of;

/// How many connections have a place for health checks while all ordinary places are taken. The oldest of these connections is closed for a new one,
/// so a health check is answered unless more than this many connections arrive between its connection and its request.
const HEALTH_PLACES: usize = 32;

/// How many descriptors below the process's limit ordinary connections do not use: they are kept for health checks and for files of the database. At most
/// a quarter of the limit.
const DESCRIPTORS_KEPT: u64 = 128;

/// The number of connections in their HTTP phase with `auto`, if the memory suffices.
const MOST: u64 = 16_384;

/// The number with `auto`, however small the memory limit is.
const FEWEST: u64 = 16;

/// Bytes of memory that a connection takes in its HTTP phase and that are not counted as in hand: its task, hyper's buffers, and a request of usual size.
const BYTES_OF_ONE: u64 = 27_000;

/// With `auto`, all connections in their HTTP phase together take at most the memory limit divided by this.
const PART_OF_MEMORY: u64 = 4;

/// How many connections may be in their HTTP phase. Inputs: the setting, and how many bytes of memory the server may use, if that is known.
pub(super) fn most(setting: HttpConnections, memory: Option<u64>) -> usize {
    match setting {
        HttpConnections::Most(most) => most as usize,
        HttpConnections::Auto => memory.map_or(MOST, |memory| (memory / PART_OF_MEMORY / BYTES_OF_ONE).clamp(FEWEST, MOST)) as usize,
    }
}

/// The places. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bounds: Bounds,
    proxies: Proxies,
    taken: Mutex<Taken>,
    /// The free places for health checks.
    for_health: Arc<Semaphore>,
}

/// How many connections may be in their HTTP phase at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    /// Of all addresses together. Beyond it, a connection is answered health checks only.
    pub all: usize,
    /// From one IPv4 address or IPv6 /64, except a trusted proxy's. Beyond it, a connection is refused. `None`: no bound.
    pub of_an_address: Option<u32>,
    /// The process's limit of open files; `None`: no limit.
    pub descriptors: Option<u64>,
}

#[derive(Default, Debug)]
struct Taken {
    ordinary: usize,
    by_address: HashMap<IpAddr, u32>,
    /// The connections for health checks, the oldest first; each ends when it is notified.
    for_health: VecDeque<Arc<Notify>>,
}

/// What a new connection gets.
pub(super) enum Entry {
    /// A place; all requests of the connection are answered.
    Ordinary(Place),
    /// No ordinary place is left: see [`Places::enter_for_health`].
    Full,
    /// No place: the address has its maximum of connections.
    TooManyOfAddress,
}

/// A place. Dropping it frees the place.
pub(super) struct Place {
    places: Places,
    address: Option<IpAddr>,
}

/// A place for health checks. Dropping it frees the place.
pub(super) struct HealthPlace {
    places: Places,
    /// Notified when a newer connection takes the place.
    pub taken_away: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub fn new(bounds: Bounds, proxies: Proxies) -> Self {
        let for_health = Arc::new(Semaphore::new(HEALTH_PLACES));
        Self(Arc::new(Shared { bounds, proxies, taken: Mutex::default(), for_health }))
    }

    /// A place for a connection. Inputs: the peer's address, and the number of the connection's descriptor. The system assigns the lowest free number, so
    /// a high one means that nearly all descriptors are taken.
    pub fn enter(&self, address: IpAddr, descriptor: u64) -> Entry {
        let Shared { bounds, proxies, .. } = &*self.0;
        // A proxy's connections carry requests of many clients.
        let counted = bounds.of_an_address.filter(|_| !proxies.trust(address)).map(|most| (network_of(address), most));
        let scarce = bounds.descriptors.is_some_and(|limit| descriptor >= limit - DESCRIPTORS_KEPT.min(limit / 4));
        let mut taken = self.taken();
        if let Some((network, most)) = counted {
            let of_network = taken.by_address.entry(network).or_default();
            if *of_network >= most {
                return Entry::TooManyOfAddress;
            }
            *of_network += 1;
        }
        if !scarce && taken.ordinary < bounds.all {
            taken.ordinary += 1;
            return Entry::Ordinary(Place { places: self.clone(), address: counted.map(|(network, _)| network) });
        }
        if let Some((network, _)) = counted {
            taken.give_back(network);
        }
        Entry::Full
    }

    /// A place for health checks. If all of these places are taken, the oldest connection loses its place, and this waits until that connection has
    /// closed: otherwise a burst of connections would take the descriptors that are kept.
    pub async fn enter_for_health(&self) -> HealthPlace {
        let permit = match Arc::clone(&self.0.for_health).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                if let Some(oldest) = self.taken().for_health.pop_front() {
                    oldest.notify_one();
                }
                Arc::clone(&self.0.for_health).acquire_owned().await.expect("the semaphore is never closed")
            }
        };
        let taken_away = Arc::new(Notify::new());
        self.taken().for_health.push_back(taken_away.clone());
        HealthPlace { places: self.clone(), taken_away, _permit: permit }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn give_back(&mut self, network: IpAddr) {
        if let Some(of_network) = self.by_address.get_mut(&network) {
            *of_network -= 1;
            if *of_network == 0 {
                self.by_address.remove(&network);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.ordinary -= 1;
        if let Some(network) = self.address {
            taken.give_back(network);
        }
    }
}

impl Drop for HealthPlace {
    fn drop(&mut self) {
        self.places.taken().for_health.retain(|other| !Arc::ptr_eq(other, &self.taken_away));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CidrRange;
    use crate::config::value::SettingValue;

    fn places(all: usize, of_an_address: Option<u32>, descriptors: Option<u64>) -> Places {
        let trusted = Vec::<CidrRange>::read("10.0.0.0/8").unwrap();
        Places::new(Bounds { all, of_an_address, descriptors }, Proxies::new(&trusted))
    }

    fn enter(places: &Places, address: &str) -> Entry {
        places.enter(address.parse().unwrap(), 10)
    }

    fn ordinary(entry: Entry) -> Place {
        match entry {
            Entry::Ordinary(place) => place,
            Entry::Full => panic!("no ordinary place"),
            Entry::TooManyOfAddress => panic!("too many of the address"),
        }
    }

    fn is_full(entry: &Entry) -> bool {
        matches!(entry, Entry::Full)
    }

    #[test]
    fn without_a_setting_all_places_have_room_in_a_quarter_of_the_memory() {
        let auto = |memory| most(HttpConnections::Auto, memory);
        assert_eq!(auto(Some(300_000_000)), 2_777);
        assert_eq!(auto(Some(1_769_472_000)), 16_384);
        assert_eq!(auto(Some(64 << 30)), 16_384);
        assert_eq!(auto(Some(1_000_000)), 16);
        assert_eq!(auto(None), 16_384);
        assert_eq!(most(HttpConnections::Most(500), Some(1_000_000)), 500);
    }

    #[test]
    fn an_address_has_its_number_of_places_and_gets_them_again() {
        let places = places(100, Some(2), None);
        let first = ordinary(enter(&places, "192.0.2.1"));
        let _second = ordinary(enter(&places, "192.0.2.1"));
        assert!(matches!(enter(&places, "192.0.2.1"), Entry::TooManyOfAddress));
        let _other = ordinary(enter(&places, "192.0.2.2"));
        drop(first);
        let _third = ordinary(enter(&places, "192.0.2.1"));
        assert!(matches!(enter(&places, "192.0.2.1"), Entry::TooManyOfAddress));
        assert_eq!(places.taken().ordinary, 3);
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address_and_a_trusted_proxy_is_not_counted() {
        let places = places(100, Some(1), None);
        let _first = ordinary(enter(&places, "2001:db8::1"));
        assert!(matches!(enter(&places, "2001:db8::ffff"), Entry::TooManyOfAddress));
        let _other = ordinary(enter(&places, "2001:db8:0:1::1"));
        let _proxies: Vec<_> = (0..5).map(|_| ordinary(enter(&places, "10.0.0.1"))).collect();
    }

    #[test]
    fn beyond_the_bound_of_all_addresses_there_is_no_ordinary_place() {
        let places = places(1, Some(1), None);
        let only = ordinary(enter(&places, "192.0.2.1"));
        assert!(
            is_full(&enter(&places, "192.0.2.2")) && is_full(&enter(&places, "192.0.2.2")),
            "a connection without a place is not counted"
        );
        drop(only);
        let _again = ordinary(enter(&places, "192.0.2.2"));
    }

    #[test]
    fn a_new_health_check_gets_the_place_of_the_oldest_one_when_that_connection_has_closed() {
        let places = places(1, None, None);
        let mut others: VecDeque<_> = (0..HEALTH_PLACES).map(|_| ready(places.enter_for_health()).expect("a free place")).collect();
        let mut newest = std::pin::pin!(places.enter_for_health());
        assert!(ready(newest.as_mut()).is_none(), "all places are taken");
        let oldest = others.pop_front().expect("the oldest");
        assert!(ready(oldest.taken_away.notified()).is_some());
        assert!(ready(others[0].taken_away.notified()).is_none());
        drop(oldest);
        let newest = ready(newest.as_mut()).expect("the place of the oldest");
        drop((others, newest));
        assert_eq!((places.taken().for_health.len(), places.0.for_health.available_permits()), (0, HEALTH_PLACES));
    }

    /// The output of a future that is ready now.
    fn ready<F: Future>(future: F) -> Option<F::Output> {
        match std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }

    #[test]
    fn the_last_descriptors_are_for_health_checks() {
        let places = places(1000, None, Some(1024));
        let at = |descriptor| places.enter("192.0.2.1".parse().unwrap(), descriptor);
        let _ordinary = ordinary(at(895));
        assert!(is_full(&at(896)));
        let few = self::places(1000, None, Some(100));
        let _ordinary = ordinary(few.enter("192.0.2.1".parse().unwrap(), 74));
        assert!(is_full(&few.enter("192.0.2.1".parse().unwrap(), 75)));
    }
}
