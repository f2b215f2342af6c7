//! Rate limits of each user and of each address. REST and sockets use the same budgets.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use domain::error::DomainError;
use domain::ids::UserId;
use governor::clock::{Clock, MonotonicClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::{Quota, RateLimiter};

use crate::budget_name::{BudgetName, BudgetText};

/// The commands of a user: 20 a second, with a burst of 100.
const COMMAND_QUOTA: Quota = Quota::per_second(NonZeroU32::new(20).expect("not zero")).allow_burst(NonZeroU32::new(100).expect("not zero"));

/// The attempts of an address to connect, and in a budget of their own its bad tokens over REST: 10 a second, with a burst of 100.
const CONNECT_QUOTA: Quota = Quota::per_second(NonZeroU32::new(10).expect("not zero")).allow_burst(NonZeroU32::new(100).expect("not zero"));

/// How many rooms and inboxes that receive a command's events cost as much as another command.
const ROOMS_PER_COMMAND: usize = 10;

/// The longest time for which a user's commands are rejected because of the events of earlier ones.
const MAX_DEBT: Duration = Duration::from_secs(60);

/// The retry delay in seconds of a client that was rejected because of a limit on connections: the server cannot predict when one ends.
pub const RETRY_AFTER_SECONDS: u64 = 10;

/// The number of uses of a kind of budget after which budgets that are full again are removed.
const SWEEP_INTERVAL: u32 = 4096;

/// If more budgets of a kind remain after a sweep, the least used ones are removed, too. So there are never more than these, plus the ones
/// that are used between two sweeps, however many addresses send requests. A removed budget is full again at its next use.
const MAX_KEYS: usize = 65_536;

/// The most classes that reports of other nodes add.
const MAX_CLASSES: usize = 256;

/// The budgets. The clock is a parameter for tests.
pub struct RateLimits<C: Clock = MonotonicClock>(Option<Budgets<C>>);

struct Budgets<C: Clock> {
    commands: Budget<UserId, C>,
    connects: Budget<IpAddr, C>,
    bad_tokens: Budget<IpAddr, C>,
    /// The budgets of each class, made at its first use. Their number is that of the classes in the code, here and on other nodes.
    classes: RwLock<HashMap<ClassKey, Arc<Budget<UserId, C>>>>,
    /// The other nodes, if there are any.
    nodes: OnceLock<Arc<dyn UsageReporter>>,
    clock: C,
}

/// A rate limit of some requests of a user, besides the limit of commands. All requests of a class share a budget, over sockets and REST. Each
/// contract declares its classes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RateLimitClass {
    name: &'static str,
    per_minute: NonZeroU32,
}

impl RateLimitClass {
    /// A class of `requests` requests a minute. `name` distinguishes classes with the same number.
    pub const fn per_minute(name: &'static str, requests: u32) -> Self {
        Self { name, per_minute: NonZeroU32::new(requests).expect("a class permits requests") }
    }

    fn key(self) -> ClassKey {
        (Cow::Borrowed(self.name), self.per_minute)
    }
}

/// The name and the requests a minute of a class.
type ClassKey = (Cow<'static, str>, NonZeroU32);

/// Reports what this server takes from budgets to the other nodes, which call [`RateLimits::spent_elsewhere`].
pub trait UsageReporter: Send + Sync {
    /// An amount was taken from a budget.
    fn spent(&self, budget: &str, amount: u32);
}

impl RateLimits {
    /// The server's budgets, or none (`RATE_LIMITS=off`).
    pub fn new(hold: bool) -> Self {
        if hold { Self::with_clock(MonotonicClock) } else { Self(None) }
    }
}

impl<C: Clock + Clone> RateLimits<C> {
    /// The server's budgets with this clock.
    pub fn with_clock(clock: C) -> Self {
        Self(Some(Budgets {
            commands: Budget::new(COMMAND_QUOTA, clock.clone()),
            connects: Budget::new(CONNECT_QUOTA, clock.clone()),
            bad_tokens: Budget::new(CONNECT_QUOTA, clock.clone()),
            classes: RwLock::default(),
            nodes: OnceLock::new(),
            clock,
        }))
    }

    /// Takes one command from a user's budget.
    ///
    /// Errors: [`DomainError::RateLimited`].
    pub fn command(&self, user: &UserId) -> Result<(), DomainError> {
        let Some(budgets) = &self.0 else { return Ok(()) };
        budgets.commands.take(user)?;
        budgets.report(1, || BudgetName::Commands(user));
        Ok(())
    }

    /// Takes the cost of a command's events from the user's budget: one more command for each `ROOMS_PER_COMMAND` rooms and inboxes that receive
    /// them. A cost beyond the budget becomes a debt: until it is paid, the user's commands are rejected.
    pub fn charge(&self, user: &UserId, reach: usize) {
        let Some(budgets) = &self.0 else { return };
        let cost = u32::try_from(reach.saturating_sub(1) / ROOMS_PER_COMMAND).unwrap_or(u32::MAX);
        if cost > 0 {
            budgets.commands.spend(user, cost);
            budgets.report(cost, || BudgetName::Commands(user));
        }
    }

    /// Takes the cost of a request besides that of a command.
    ///
    /// Errors: [`DomainError::RateLimited`].
    pub fn check_class(&self, user: &UserId, class: RateLimitClass) -> Result<(), DomainError> {
        let Some(budgets) = &self.0 else { return Ok(()) };
        budgets.of_class(class.key()).take(user)?;
        budgets.report(1, || BudgetName::Class(class.key(), user));
        Ok(())
    }

    /// Takes one attempt to connect from an address's budget.
    ///
    /// Errors: [`DomainError::RateLimited`].
    pub fn connect(&self, address: IpAddr) -> Result<(), DomainError> {
        let Some(budgets) = &self.0 else { return Ok(()) };
        let network = network_of(address);
        budgets.connects.take(&network)?;
        budgets.report(1, || BudgetName::Connects(network));
        Ok(())
    }

    /// Takes one bad token from an address's budget for these. Bad tokens over REST do not prevent connections from the same address.
    ///
    /// Errors: [`DomainError::RateLimited`].
    pub fn bad_token(&self, address: IpAddr) -> Result<(), DomainError> {
        let Some(budgets) = &self.0 else { return Ok(()) };
        let network = network_of(address);
        budgets.bad_tokens.take(&network)?;
        budgets.report(1, || BudgetName::BadTokens(network));
        Ok(())
    }

    /// Reports what is taken from the budgets to the other nodes from now on.
    pub fn share_with(&self, nodes: Arc<dyn UsageReporter>) {
        if let Some(budgets) = &self.0 {
            // A second call would be a bug; the first reporter stays.
            let _ = budgets.nodes.set(nodes);
        }
    }

    /// Takes from a budget what another node has reported. What the budget does not have is missing later. Without effect for the name of a budget that this
    /// version does not know.
    pub fn spent_elsewhere(&self, budget: &str, amount: u32) {
        if let (Some(budgets), Some(name)) = (&self.0, BudgetText::parse(budget)) {
            budgets.spend(name, amount);
        }
    }
}

impl<C: Clock + Clone> Budgets<C> {
    fn of_class(&self, class: ClassKey) -> Arc<Budget<UserId, C>> {
        if let Some(budget) = self.classes.read().unwrap_or_else(PoisonError::into_inner).get(&class) {
            return Arc::clone(budget);
        }
        let mut classes = self.classes.write().unwrap_or_else(PoisonError::into_inner);
        let quota = Quota::per_minute(class.1);
        Arc::clone(classes.entry(class).or_insert_with(|| Arc::new(Budget::new(quota, self.clock.clone()))))
    }

    fn report<'a>(&self, amount: u32, budget: impl FnOnce() -> BudgetName<'a>) {
        if let Some(nodes) = self.nodes.get() {
            nodes.spent(&budget().to_string(), amount);
        }
    }

    fn spend(&self, budget: BudgetText<'_>, amount: u32) {
        match budget {
            BudgetText::Commands(user) => self.commands.spend(&UserId::new(user), amount),
            BudgetText::Connects(network) => self.connects.spend(&network, amount),
            BudgetText::BadTokens(network) => self.bad_tokens.spend(&network, amount),
            BudgetText::Class(name, per_minute, user) => {
                let key = (Cow::Owned(name.to_owned()), per_minute);
                let is_known = self.classes.read().unwrap_or_else(PoisonError::into_inner).contains_key(&key);
                let count = self.classes.read().unwrap_or_else(PoisonError::into_inner).len();
                if is_known || count < MAX_CLASSES {
                    self.of_class(key).spend(&UserId::new(user), amount);
                }
            }
        }
    }
}

/// The network of an address: the /64 of an IPv6 address, because one client has all of it.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => std::net::Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// The budgets of one kind, for the users or addresses that have used theirs recently.
struct Budget<K: Hash + Eq + Clone, C: Clock> {
    limiter: RateLimiter<K, BudgetStore<K>, C, NoOpMiddleware<C::Instant>>,
    left: Arc<DashMapStateStore<K>>,
    quota: Quota,
    start: C::Instant,
    uses: AtomicU32,
}

impl<K: Hash + Eq + Clone, C: Clock> Budget<K, C> {
    fn new(quota: Quota, clock: C) -> Self {
        let left = Arc::new(DashMapStateStore::default());
        let store = BudgetStore { left: left.clone(), one: quota.replenish_interval().into() };
        Self { start: clock.now(), limiter: RateLimiter::new(quota, store, clock), left, quota, uses: AtomicU32::new(0) }
    }

    /// Takes an amount that is spent already. What the budget does not have is missing later.
    fn spend(&self, key: &K, amount: u32) {
        self.sweep();
        // The state is the time at which the budget is full again, after the start of the limiter.
        let one = self.quota.replenish_interval();
        let most = one.saturating_mul(self.quota.burst_size().get() - 1) + MAX_DEBT;
        let now: Duration = self.limiter.clock().now().duration_since(self.start).into();
        let full = |until: Option<Nanos>| until.map_or(Duration::ZERO, Duration::from).max(now);
        let spent = |until| Ok(((), Nanos::from((full(until) + one.saturating_mul(amount)).min(now + most))));
        let _: Result<(), std::convert::Infallible> = self.left.measure_and_replace(key, spent);
    }

    /// Removes budgets that are full again, each time after many uses.
    fn sweep(&self) {
        if self.uses.fetch_add(1, Ordering::Relaxed) % SWEEP_INTERVAL == SWEEP_INTERVAL - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
    }

    fn take(&self, key: &K) -> Result<(), DomainError> {
        self.sweep();
        self.limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.limiter.clock().now());
            DomainError::RateLimited { retry_after: whole_seconds(wait) }
        })
    }
}

/// The state of each budget.
struct BudgetStore<K: Hash + Eq + Clone> {
    left: Arc<DashMapStateStore<K>>,
    /// The time in which a budget regains one unit.
    one: Nanos,
}

impl<K: Hash + Eq + Clone> StateStore for BudgetStore<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.left.measure_and_replace(key, measure)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for BudgetStore<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.left.retain_recent(drop_below);
        let (mut drop_below, mut more) = (drop_below, self.one);
        while self.left.len() > MAX_KEYS {
            drop_below = drop_below + more;
            more = more + more;
            self.left.retain_recent(drop_below);
        }
    }

    fn shrink_to_fit(&self) {
        self.left.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.left.len()
    }

    fn is_empty(&self) -> bool {
        self.left.is_empty()
    }
}

/// The wait in seconds, rounded up, so that a client that waits as long is not rejected again; at least one.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn alice() -> UserId {
        UserId::new("alice")
    }

    fn granted(mut take: impl FnMut() -> Result<(), DomainError>) -> usize {
        (0..1000).take_while(|_| take().is_ok()).count()
    }

    #[test]
    fn a_user_may_send_100_commands_and_then_20_a_second() {
        let clock = FakeRelativeClock::default();
        let limits = RateLimits::with_clock(clock.clone());
        assert_eq!(granted(|| limits.command(&alice())), 100);
        assert_eq!(limits.command(&alice()), Err(DomainError::RateLimited { retry_after: 1 }));
        assert_eq!(limits.command(&UserId::new("bob")), Ok(()), "each has a budget of their own");
        clock.advance(Duration::from_secs(1));
        assert_eq!(granted(|| limits.command(&alice())), 20);
        clock.advance(Duration::from_secs(60));
        assert_eq!(granted(|| limits.command(&alice())), 100);
    }

    #[test]
    fn a_command_costs_its_events_and_may_cause_a_debt() {
        let clock = FakeRelativeClock::default();
        let limits = RateLimits::with_clock(clock.clone());
        limits.charge(&alice(), 10);
        assert_eq!(granted(|| limits.command(&alice())), 100, "events in ten rooms cost no further command");
        clock.advance(Duration::from_secs(60));
        limits.charge(&alice(), 501);
        assert_eq!(granted(|| limits.command(&alice())), 50);
        clock.advance(Duration::from_secs(60));
        limits.charge(&alice(), 2001);
        assert_eq!(
            limits.command(&alice()),
            Err(DomainError::RateLimited { retry_after: 6 }),
            "the budget is empty, and the debt is a hundred more"
        );
        assert_eq!(limits.command(&UserId::new("bob")), Ok(()));
        clock.advance(Duration::from_secs(6));
        assert_eq!(granted(|| limits.command(&alice())), 20, "a hundred have paid the debt");
        limits.charge(&alice(), usize::MAX);
        assert_eq!(limits.command(&alice()), Err(DomainError::RateLimited { retry_after: 60 }));
        clock.advance(Duration::from_secs(60));
        assert_eq!(limits.command(&alice()), Ok(()));
    }

    /// Two nodes that report to each other.
    struct OtherNode(Arc<RateLimits<FakeRelativeClock>>);

    impl UsageReporter for OtherNode {
        fn spent(&self, budget: &str, amount: u32) {
            self.0.spent_elsewhere(budget, amount);
        }
    }

    #[test]
    fn budgets_hold_over_two_nodes() {
        const TEN: RateLimitClass = RateLimitClass::per_minute("ten a minute", 10);
        let clock = FakeRelativeClock::default();
        let [a, b] = [(); 2].map(|()| Arc::new(RateLimits::with_clock(clock.clone())));
        a.share_with(Arc::new(OtherNode(b.clone())));
        let address: IpAddr = [10, 0, 0, 7].into();
        assert_eq!((granted(|| a.command(&alice())), granted(|| b.command(&alice()))), (100, 0));
        assert_eq!((granted(|| a.check_class(&alice(), TEN)), granted(|| b.check_class(&alice(), TEN))), (10, 0));
        assert_eq!((granted(|| a.connect(address)), granted(|| b.connect(address))), (100, 0));
        assert_eq!((granted(|| a.bad_token(address)), granted(|| b.bad_token(address))), (100, 0));
        assert_eq!(b.command(&UserId::new("bob")), Ok(()), "each has a budget of their own");
        clock.advance(Duration::from_secs(1));
        assert_eq!(granted(|| b.command(&alice())), 20);
        // Node a has granted 20 at the same time, so node b has a debt of one second.
        assert_eq!(granted(|| a.command(&alice())), 20);
        clock.advance(Duration::from_secs(1));
        assert_eq!(granted(|| b.command(&alice())), 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!(granted(|| b.command(&alice())), 20);
        b.spent_elsewhere("of tomorrow", 1);
    }

    #[test]
    fn each_class_has_its_own_budget() {
        const TEN: RateLimitClass = RateLimitClass::per_minute("ten", 10);
        const OTHER_TEN: RateLimitClass = RateLimitClass::per_minute("other ten", 10);
        const SIXTY: RateLimitClass = RateLimitClass::per_minute("sixty", 60);
        let clock = FakeRelativeClock::default();
        let limits = RateLimits::with_clock(clock.clone());
        assert_eq!(granted(|| limits.check_class(&alice(), TEN)), 10);
        assert_eq!(granted(|| limits.check_class(&alice(), OTHER_TEN)), 10);
        assert_eq!(granted(|| limits.check_class(&alice(), SIXTY)), 60);
        assert_eq!(limits.check_class(&alice(), SIXTY), Err(DomainError::RateLimited { retry_after: 1 }));
        assert_eq!(limits.check_class(&alice(), TEN), Err(DomainError::RateLimited { retry_after: 6 }));
        assert_eq!(limits.check_class(&UserId::new("bob"), TEN), Ok(()), "each has a budget of their own");
        clock.advance(Duration::from_secs(60));
        assert_eq!(granted(|| limits.check_class(&alice(), TEN)), 10);
        assert_eq!(limits.command(&alice()), Ok(()));
    }

    #[test]
    fn an_address_may_try_to_connect_a_hundred_times_in_ten_seconds() {
        let clock = FakeRelativeClock::default();
        let limits = RateLimits::with_clock(clock.clone());
        let connect = |address: &str| limits.connect(address.parse().unwrap());
        assert_eq!(granted(|| connect("192.0.2.1")), 100);
        assert_eq!(connect("::ffff:192.0.2.1"), Err(DomainError::RateLimited { retry_after: 1 }), "the same, written as IPv6");
        assert_eq!(connect("192.0.2.2"), Ok(()));
        clock.advance(Duration::from_secs(10));
        assert_eq!(granted(|| connect("192.0.2.1")), 100);
    }

    #[test]
    fn bad_tokens_and_attempts_to_connect_are_two_budgets() {
        let clock = FakeRelativeClock::default();
        let limits = RateLimits::with_clock(clock.clone());
        let address = [192, 0, 2, 1].into();
        assert_eq!(granted(|| limits.bad_token(address)), 100);
        assert_eq!(limits.bad_token(address), Err(DomainError::RateLimited { retry_after: 1 }));
        assert_eq!(limits.connect(address), Ok(()));
        clock.advance(Duration::from_millis(100));
        assert_eq!(granted(|| limits.bad_token(address)), 1);
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let limits = RateLimits::with_clock(FakeRelativeClock::default());
        let mut last = 0_u16;
        let granted = granted(|| {
            last += 1;
            limits.connect(format!("2001:db8:0:1::{last:x}").parse().unwrap())
        });
        assert_eq!(granted, 100);
        assert_eq!(limits.connect("2001:db8:0:2::1".parse().unwrap()), Ok(()));
    }

    #[test]
    fn full_budgets_are_dropped() {
        let clock = FakeRelativeClock::default();
        let limits = RateLimits::with_clock(clock.clone());
        for number in 0..100_000 {
            limits.command(&UserId::new(format!("user-{number}"))).unwrap();
            clock.advance(Duration::from_millis(1));
        }
        let commands = &limits.0.as_ref().unwrap().commands;
        assert!(commands.limiter.len() <= SWEEP_INTERVAL as usize + 51, "{}", commands.limiter.len());
    }

    #[test]
    fn the_busiest_addresses_keep_their_budgets() {
        let clock = FakeRelativeClock::default();
        let limits = RateLimits::with_clock(clock);
        let busy = [192, 0, 2, 1].into();
        assert_eq!(granted(|| limits.connect(busy)), 100);
        let connects = &limits.0.as_ref().unwrap().connects.limiter;
        for number in 0..200_000_u32 {
            limits.connect(std::net::Ipv4Addr::from_bits(0x0A00_0000 + number).into()).unwrap();
            if number % 1000 == 0 {
                assert!(connects.len() <= MAX_KEYS + SWEEP_INTERVAL as usize, "{}", connects.len());
            }
        }
        assert!(connects.len() < 100_000, "{}", connects.len());
        assert_eq!(limits.connect(busy), Err(DomainError::RateLimited { retry_after: 1 }), "the busy address still has its entry");
    }

    #[test]
    fn rate_limits_can_be_switched_off() {
        let limits = Arc::new(RateLimits::new(false));
        assert_eq!(granted(|| limits.command(&alice())), 1000);
        assert_eq!(granted(|| limits.connect([192, 0, 2, 1].into())), 1000);
        assert_eq!(granted(|| limits.bad_token([192, 0, 2, 1].into())), 1000);
    }
}
