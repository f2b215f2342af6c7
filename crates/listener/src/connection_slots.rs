//! Bounds the connections in the HTTP phase, in total and for each address, and reserves slots for health checks.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use config::HttpConnections;
use limits::rate_limit::network_of;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::forwarded::Proxies;

/// How many connections have a slot for health checks while all ordinary slots are taken. The oldest of these connections is closed for a new one,
/// so the server responds to a health check unless more than this many connections arrive between its connection and its request.
const HEALTH_SLOTS: usize = 32;

/// How many descriptors below the process's limit are reserved for health checks and for files of the database. At most
/// a quarter of the limit.
const RESERVED_DESCRIPTORS: u64 = 128;

/// The number of connections in their HTTP phase with `auto`, if the memory suffices.
const MAX_AUTO: u64 = 16_384;

/// The number with `auto`, however small the memory limit is.
const MIN_AUTO: u64 = 16;

/// Bytes of memory that a connection takes in its HTTP phase and that BYTES_IN_HAND does not count: its task, hyper's buffers, and a request of usual size.
const BYTES_PER_CONNECTION: u64 = 27_000;

/// With `auto`, all connections in their HTTP phase together take at most the memory limit divided by this.
const MEMORY_DIVISOR: u64 = 4;

/// How long connections of an address are not counted after a node of the cluster has sent a request from it.
const EXEMPTION: Duration = Duration::from_secs(60);

/// How many connections may be in their HTTP phase. The inputs are the setting, and how many bytes of memory the server may use, if that is known.
pub(super) fn max_connections(setting: HttpConnections, memory: Option<u64>) -> usize {
    match setting {
        HttpConnections::Most(max_connections) => max_connections as usize,
        HttpConnections::Auto => {
            memory.map_or(MAX_AUTO, |memory| (memory / MEMORY_DIVISOR / BYTES_PER_CONNECTION).clamp(MIN_AUTO, MAX_AUTO)) as usize
        }
    }
}

/// The slots. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct ConnectionSlots(Arc<SlotState>);

#[derive(Debug)]
struct SlotState {
    limits: SlotLimits,
    proxies: Proxies,
    taken: Mutex<TakenSlots>,
    /// The free slots for health checks.
    for_health: Arc<Semaphore>,
}

/// How many connections may be in their HTTP phase at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SlotLimits {
    /// From all addresses together. Beyond it, a connection can only make health checks.
    pub total: usize,
    /// From one IPv4 address or IPv6 /64, except a trusted proxy's. Beyond it, a connection is rejected. `None`: no limit.
    pub per_address: Option<u32>,
    /// The process's limit of open files; `None`: no limit.
    pub descriptors: Option<u64>,
}

#[derive(Default, Debug)]
struct TakenSlots {
    ordinary: usize,
    by_address: HashMap<IpAddr, u32>,
    /// The addresses of nodes, each with the time until which its connections are not counted. At most the nodes of the cluster.
    exempt_until: HashMap<IpAddr, Instant>,
    /// The connections for health checks, the oldest first; each ends when it is notified.
    for_health: VecDeque<Arc<Notify>>,
}

/// The decision about a new connection.
pub(super) enum SlotDecision {
    /// A slot for all kinds of requests.
    Ordinary(ConnectionSlot),
    /// No ordinary slot is free: see [`ConnectionSlots::acquire_for_health`].
    Full,
    /// No slot: the address has its maximum of connections.
    TooManyOfAddress,
}

/// A slot. Dropping it frees the slot.
pub(super) struct ConnectionSlot {
    slots: ConnectionSlots,
    address: Option<IpAddr>,
}

/// The limit of the address of a connection. It is an extension of each request.
#[derive(Clone, Debug)]
pub struct AddressLimit {
    slots: ConnectionSlots,
    address: IpAddr,
}

impl AddressLimit {
    /// Exempts the address for a minute, as if it were that of a trusted proxy: a node of the cluster has proven that it sends requests of
    /// many clients from it.
    pub fn exempt(&self) {
        let mut taken = self.slots.taken();
        let now = Instant::now();
        taken.exempt_until.retain(|_, until| *until > now);
        taken.exempt_until.insert(self.address, now + EXEMPTION);
    }
}

/// A slot for health checks. Dropping it frees the slot.
pub(super) struct HealthSlot {
    slots: ConnectionSlots,
    /// Notified when a newer connection takes the slot.
    pub displaced: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionSlots {
    pub fn new(limits: SlotLimits, proxies: Proxies) -> Self {
        let for_health = Arc::new(Semaphore::new(HEALTH_SLOTS));
        Self(Arc::new(SlotState { limits, proxies, taken: Mutex::default(), for_health }))
    }

    /// The limit of an address.
    pub fn limit_of(&self, address: IpAddr) -> AddressLimit {
        AddressLimit { slots: self.clone(), address }
    }

    /// A slot for a connection. The inputs are the peer's address, and the number of the connection's descriptor. The system assigns the lowest free number, so
    /// a high one means that nearly all descriptors are taken.
    pub fn acquire(&self, address: IpAddr, descriptor: u64) -> SlotDecision {
        let SlotState { limits, proxies, .. } = &*self.0;
        // A proxy's connections carry requests of many clients.
        let counted = limits.per_address.filter(|_| !proxies.trust(address)).map(|max_connections| (network_of(address), max_connections));
        let scarce = limits.descriptors.is_some_and(|limit| descriptor >= limit - RESERVED_DESCRIPTORS.min(limit / 4));
        let mut taken = self.taken();
        let counted = counted.filter(|_| taken.exempt_until.get(&address).is_none_or(|until| *until <= Instant::now()));
        if let Some((network, max_connections)) = counted {
            let of_network = taken.by_address.entry(network).or_default();
            if *of_network >= max_connections {
                return SlotDecision::TooManyOfAddress;
            }
            *of_network += 1;
        }
        if !scarce && taken.ordinary < limits.total {
            taken.ordinary += 1;
            return SlotDecision::Ordinary(ConnectionSlot { slots: self.clone(), address: counted.map(|(network, _)| network) });
        }
        if let Some((network, _)) = counted {
            taken.release(network);
        }
        SlotDecision::Full
    }

    /// A slot for health checks. If all of these slots are taken, the oldest connection loses its slot, and this waits until that connection has
    /// closed: otherwise a burst of connections would take the reserved descriptors.
    pub async fn acquire_for_health(&self) -> HealthSlot {
        let permit = match Arc::clone(&self.0.for_health).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                if let Some(oldest) = self.taken().for_health.pop_front() {
                    oldest.notify_one();
                }
                Arc::clone(&self.0.for_health).acquire_owned().await.expect("the semaphore is never closed")
            }
        };
        let displaced = Arc::new(Notify::new());
        self.taken().for_health.push_back(displaced.clone());
        HealthSlot { slots: self.clone(), displaced, _permit: permit }
    }

    fn taken(&self) -> MutexGuard<'_, TakenSlots> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TakenSlots {
    fn release(&mut self, network: IpAddr) {
        if let Some(of_network) = self.by_address.get_mut(&network) {
            *of_network -= 1;
            if *of_network == 0 {
                self.by_address.remove(&network);
            }
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        taken.ordinary -= 1;
        if let Some(network) = self.address {
            taken.release(network);
        }
    }
}

impl Drop for HealthSlot {
    fn drop(&mut self) {
        self.slots.taken().for_health.retain(|other| !Arc::ptr_eq(other, &self.displaced));
    }
}

#[cfg(test)]
mod tests {
    use config::CidrRange;
    use config::value::SettingValue;

    use super::*;

    fn slots(total: usize, per_address: Option<u32>, descriptors: Option<u64>) -> ConnectionSlots {
        let trusted = Vec::<CidrRange>::read("10.0.0.0/8").unwrap();
        ConnectionSlots::new(SlotLimits { total, per_address, descriptors }, Proxies::new(&trusted))
    }

    fn acquire(slots: &ConnectionSlots, address: &str) -> SlotDecision {
        slots.acquire(address.parse().unwrap(), 10)
    }

    fn ordinary(entry: SlotDecision) -> ConnectionSlot {
        match entry {
            SlotDecision::Ordinary(slot) => slot,
            SlotDecision::Full => panic!("no ordinary slot"),
            SlotDecision::TooManyOfAddress => panic!("too many of the address"),
        }
    }

    fn is_full(entry: &SlotDecision) -> bool {
        matches!(entry, SlotDecision::Full)
    }

    #[test]
    fn auto_slots_fit_in_a_quarter_of_the_memory() {
        let auto = |memory| max_connections(HttpConnections::Auto, memory);
        assert_eq!(auto(Some(300_000_000)), 2_777);
        assert_eq!(auto(Some(1_769_472_000)), 16_384);
        assert_eq!(auto(Some(64 << 30)), 16_384);
        assert_eq!(auto(Some(1_000_000)), 16);
        assert_eq!(auto(None), 16_384);
        assert_eq!(max_connections(HttpConnections::Most(500), Some(1_000_000)), 500);
    }

    #[test]
    fn a_closed_connection_frees_a_slot_of_its_address() {
        let slots = slots(100, Some(2), None);
        let first = ordinary(acquire(&slots, "192.0.2.1"));
        let _second = ordinary(acquire(&slots, "192.0.2.1"));
        assert!(matches!(acquire(&slots, "192.0.2.1"), SlotDecision::TooManyOfAddress));
        let _other = ordinary(acquire(&slots, "192.0.2.2"));
        drop(first);
        let _third = ordinary(acquire(&slots, "192.0.2.1"));
        assert!(matches!(acquire(&slots, "192.0.2.1"), SlotDecision::TooManyOfAddress));
        assert_eq!(slots.taken().ordinary, 3);
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_proxies_are_exempt() {
        let slots = slots(100, Some(1), None);
        let _first = ordinary(acquire(&slots, "2001:db8::1"));
        assert!(matches!(acquire(&slots, "2001:db8::ffff"), SlotDecision::TooManyOfAddress));
        let _other = ordinary(acquire(&slots, "2001:db8:0:1::1"));
        let _proxies: Vec<_> = (0..5).map(|_| ordinary(acquire(&slots, "10.0.0.1"))).collect();
    }

    #[test]
    fn an_address_of_a_node_is_exempt() {
        let slots = slots(100, Some(1), None);
        let first = ordinary(acquire(&slots, "192.0.2.1"));
        slots.limit_of("192.0.2.1".parse().unwrap()).exempt();
        let more: Vec<_> = (0..5).map(|_| ordinary(acquire(&slots, "192.0.2.1"))).collect();
        assert_eq!(slots.taken().by_address.len(), 1, "the first connection is counted until it ends");
        drop((first, more));
        assert!(slots.taken().by_address.is_empty() && slots.taken().ordinary == 0);
        slots.taken().exempt_until.insert("192.0.2.1".parse().unwrap(), Instant::now());
        let _counted = ordinary(acquire(&slots, "192.0.2.1"));
        assert!(matches!(acquire(&slots, "192.0.2.1"), SlotDecision::TooManyOfAddress), "the time is over");
    }

    #[test]
    fn a_connection_beyond_the_total_limit_gets_no_ordinary_slot() {
        let slots = slots(1, Some(1), None);
        let only = ordinary(acquire(&slots, "192.0.2.1"));
        assert!(
            is_full(&acquire(&slots, "192.0.2.2")) && is_full(&acquire(&slots, "192.0.2.2")),
            "a connection without a slot is not counted"
        );
        drop(only);
        let _reused = ordinary(acquire(&slots, "192.0.2.2"));
    }

    #[test]
    fn a_new_health_check_displaces_the_oldest_one() {
        let slots = slots(1, None, None);
        let mut others: VecDeque<_> = (0..HEALTH_SLOTS).map(|_| ready(slots.acquire_for_health()).expect("a free slot")).collect();
        let mut newest = std::pin::pin!(slots.acquire_for_health());
        assert!(ready(newest.as_mut()).is_none(), "all slots are taken");
        let oldest = others.pop_front().expect("the oldest");
        assert!(ready(oldest.displaced.notified()).is_some());
        assert!(ready(others[0].displaced.notified()).is_none());
        drop(oldest);
        let newest = ready(newest.as_mut()).expect("the slot of the oldest");
        drop((others, newest));
        assert_eq!((slots.taken().for_health.len(), slots.0.for_health.available_permits()), (0, HEALTH_SLOTS));
    }

    /// The output of a future that is ready now.
    fn ready<F: Future>(future: F) -> Option<F::Output> {
        match std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }

    #[test]
    fn the_last_descriptors_are_reserved_for_health_checks() {
        let slots = slots(1000, None, Some(1024));
        let at = |descriptor| slots.acquire("192.0.2.1".parse().unwrap(), descriptor);
        let _ordinary = ordinary(at(895));
        assert!(is_full(&at(896)));
        let few = self::slots(1000, None, Some(100));
        let _ordinary = ordinary(few.acquire("192.0.2.1".parse().unwrap(), 74));
        assert!(is_full(&few.acquire("192.0.2.1".parse().unwrap(), 75)));
    }
}
