//! How much a user may store in a day, and how many users a user may add in an hour.
//!
//! The writer keeps the counts in memory; [`Quotas::take_changed`] returns the counts that are to be stored, so that they survive a restart. Nodes that share
//! a database add what they have counted to the stored counts, and take the sums with [`Quotas::set_totals`].

use std::collections::HashMap;

use crate::error::DomainError;
use crate::model::{Timestamp, UserId};

/// The length of the window of stored objects, in seconds.
pub const DAY_SECONDS: i64 = 24 * 60 * 60;
/// The length of the window of additions, in seconds.
pub const HOUR_SECONDS: i64 = 60 * 60;
/// The most users whose counts are kept. When there are more, the counts of windows that have ended are dropped first, and then the smallest.
const MAX_USERS: usize = 100_000;

/// The quotas of each user. `None` is no bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QuotaBounds {
    /// The most objects (events and stored responses) that a user creates in a day.
    pub objects_per_day: Option<u64>,
    /// The most bytes of these objects.
    pub bytes_per_day: Option<u64>,
    /// The most users that a user adds to spaces in an hour.
    pub additions_per_hour: Option<u64>,
}

/// The usage of a user in the present windows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// When the window of stored objects began.
    pub day_from: Timestamp,
    /// The objects stored in the window.
    pub objects: u64,
    /// The bytes of these objects.
    pub bytes: u64,
    /// When the window of additions began.
    pub hour_from: Timestamp,
    /// The additions in the window.
    pub additions: u64,
}

impl Usage {
    /// The usage at `now`: every window that has ended starts again with 0.
    fn at(mut self, now: Timestamp) -> Self {
        if self.day_from <= now.minus_seconds(DAY_SECONDS) || self.day_from > now {
            (self.day_from, self.objects, self.bytes) = (now, 0, 0);
        }
        if self.hour_from <= now.minus_seconds(HOUR_SECONDS) || self.hour_from > now {
            (self.hour_from, self.additions) = (now, 0);
        }
        self
    }

    fn add(&mut self, charge: &Charge) {
        self.objects += charge.objects;
        self.bytes += charge.bytes;
        self.additions += charge.additions;
    }

    /// Whether all windows have ended.
    fn is_over(&self, now: Timestamp) -> bool {
        let usage = self.at(now);
        usage.objects + usage.bytes + usage.additions == 0
    }
}

/// The counts of all users.
#[derive(Debug, Default)]
pub struct Quotas {
    bounds: QuotaBounds,
    users: HashMap<UserId, CountedUsage>,
    /// The users whose counts have changed since they were stored. A user whose counts were dropped since then may be in it twice.
    changed: Vec<UserId>,
}

/// What a user has used since the user's counts were stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageChange {
    /// The user.
    pub user: UserId,
    /// The counts.
    pub total: Usage,
    /// The part of them that was not stored before, with the windows of the counts.
    pub added: Usage,
}

#[derive(Debug, Default)]
struct CountedUsage {
    usage: Usage,
    /// What was counted since the counts were stored.
    unsaved: Charge,
    /// Whether the user is in [`Quotas::changed`].
    changed: bool,
}

/// The usage of one command; it is counted if the command is not rejected.
#[derive(Clone, Copy, Debug, Default)]
pub struct Charge {
    objects: u64,
    bytes: u64,
    additions: u64,
}

impl Charge {
    fn add(&mut self, other: &Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.additions += other.additions;
    }
}

impl CountedUsage {
    /// Begins the windows that have ended again, with nothing in them.
    fn begin_windows(&mut self, now: Timestamp) {
        let usage = self.usage.at(now);
        if usage.day_from != self.usage.day_from {
            (self.unsaved.objects, self.unsaved.bytes) = (0, 0);
        }
        if usage.hour_from != self.usage.hour_from {
            self.unsaved.additions = 0;
        }
        self.usage = usage;
    }
}

impl Quotas {
    /// Counts by these bounds, starting from the stored counts.
    pub fn new(bounds: QuotaBounds, written: impl IntoIterator<Item = (UserId, Usage)>) -> Self {
        let users = written.into_iter().map(|(user, usage)| (user, CountedUsage { usage, ..CountedUsage::default() })).collect();
        Self { bounds, users, changed: Vec::new() }
    }

    fn usage(&self, user: &UserId, now: Timestamp) -> Usage {
        self.users.get(user).map(|counted| counted.usage).unwrap_or_default().at(now)
    }

    /// Charges an object of `bytes` bytes to a command of a user.
    ///
    /// # Errors
    /// [`DomainError::OverQuota`].
    pub fn charge_object(&self, charge: &mut Charge, user: &UserId, bytes: usize, now: Timestamp) -> Result<(), DomainError> {
        let QuotaBounds { objects_per_day, bytes_per_day, .. } = self.bounds;
        if objects_per_day.is_none() && bytes_per_day.is_none() {
            return Ok(());
        }
        charge.objects += 1;
        charge.bytes += bytes as u64;
        let usage = self.usage(user, now);
        let over = |used: u64, bound: Option<u64>| bound.is_some_and(|bound| used > bound);
        if over(usage.objects + charge.objects, objects_per_day) || over(usage.bytes + charge.bytes, bytes_per_day) {
            return Err(DomainError::OverQuota { retry_after: seconds_left(usage.day_from, DAY_SECONDS, now) });
        }
        Ok(())
    }

    /// Charges an addition to a command of a user.
    ///
    /// # Errors
    /// [`DomainError::RateLimited`].
    pub fn charge_addition(&self, charge: &mut Charge, user: &UserId, now: Timestamp) -> Result<(), DomainError> {
        let Some(bound) = self.bounds.additions_per_hour else { return Ok(()) };
        charge.additions += 1;
        let usage = self.usage(user, now);
        if usage.additions + charge.additions > bound {
            return Err(DomainError::RateLimited { retry_after: seconds_left(usage.hour_from, HOUR_SECONDS, now) });
        }
        Ok(())
    }

    /// Adds the usage of a command that was not rejected.
    pub fn count(&mut self, charge: &Charge, user: &UserId, now: Timestamp) {
        if charge.objects + charge.additions == 0 {
            return;
        }
        if self.users.len() >= MAX_USERS && !self.users.contains_key(user) {
            self.drop_counts(now);
        }
        let counted = self.users.entry(user.clone()).or_default();
        counted.begin_windows(now);
        counted.usage.add(charge);
        counted.unsaved.add(charge);
        if !std::mem::replace(&mut counted.changed, true) {
            self.changed.push(user.clone());
        }
    }

    /// Takes the counts that have changed since the last call, to be stored: the counts of at most `most` users, each once.
    pub fn take_changed(&mut self, most: usize) -> Vec<UsageChange> {
        let changed = self.changed.split_off(self.changed.len().saturating_sub(most));
        let users = &mut self.users;
        // The counts of a user with small counts may have been dropped since the change.
        let change = |user: UserId| {
            let counted = users.get_mut(&user).filter(|counted| counted.changed)?;
            counted.changed = false;
            let (total, Charge { objects, bytes, additions }) = (counted.usage, std::mem::take(&mut counted.unsaved));
            Some(UsageChange { user, total, added: Usage { objects, bytes, additions, ..total } })
        };
        changed.into_iter().filter_map(change).collect()
    }

    /// Puts changes back that were not stored.
    pub fn put_back(&mut self, changes: Vec<UsageChange>) {
        for UsageChange { user, added: Usage { objects, bytes, additions, .. }, .. } in changes {
            let Some(counted) = self.users.get_mut(&user) else { continue };
            counted.unsaved.add(&Charge { objects, bytes, additions });
            if !std::mem::replace(&mut counted.changed, true) {
                self.changed.push(user);
            }
        }
    }

    /// Takes the stored counts of users, which have the usage on all nodes.
    pub fn set_totals(&mut self, totals: Vec<(UserId, Usage)>) {
        for (user, total) in totals {
            let Some(counted) = self.users.get_mut(&user) else { continue };
            counted.usage = total;
            counted.usage.add(&counted.unsaved);
        }
    }

    /// Drops the counts of windows that have ended; if that is not enough, the smaller half.
    fn drop_counts(&mut self, now: Timestamp) {
        self.users.retain(|_, counted| !counted.usage.is_over(now));
        if self.users.len() < MAX_USERS {
            return;
        }
        let used = |counted: &CountedUsage| counted.usage.bytes + 1000 * (counted.usage.objects + counted.usage.additions);
        let mut all: Vec<u64> = self.users.values().map(used).collect();
        let (_, middle, _) = all.select_nth_unstable(MAX_USERS / 2);
        let middle = *middle;
        let mut excess = self.users.len() / 2;
        self.users.retain(|_, counted| {
            let is_dropped = excess > 0 && used(counted) <= middle;
            excess -= usize::from(is_dropped);
            !is_dropped
        });
    }
}

/// The whole seconds until a window ends, at least one.
fn seconds_left(from: Timestamp, length: i64, now: Timestamp) -> u64 {
    let left = from.0.saturating_add(length * 1_000_000).saturating_sub(now.0);
    u64::try_from(left).unwrap_or_default().div_ceil(1_000_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_763_725_000_000_000);

    fn later(seconds: i64) -> Timestamp {
        Timestamp(NOW.0 + seconds * 1_000_000)
    }

    fn store(quotas: &mut Quotas, user: &str, bytes: usize, now: Timestamp) -> Result<(), DomainError> {
        let (user, mut charge) = (UserId::new(user), Charge::default());
        quotas.charge_object(&mut charge, &user, bytes, now)?;
        quotas.count(&charge, &user, now);
        Ok(())
    }

    fn add(quotas: &mut Quotas, user: &str, now: Timestamp) -> Result<(), DomainError> {
        let (user, mut charge) = (UserId::new(user), Charge::default());
        quotas.charge_addition(&mut charge, &user, now)?;
        quotas.count(&charge, &user, now);
        Ok(())
    }

    #[test]
    fn quotas_bound_objects_bytes_and_additions_of_each_user() {
        let bounds = QuotaBounds { objects_per_day: Some(3), bytes_per_day: Some(100), additions_per_hour: Some(2) };
        let mut quotas = Quotas::new(bounds, []);
        for _ in 0..3 {
            assert_eq!(store(&mut quotas, "ann", 10, NOW), Ok(()));
        }
        assert_eq!(store(&mut quotas, "ann", 10, later(10)), Err(DomainError::OverQuota { retry_after: 86_390 }));
        assert_eq!(store(&mut quotas, "ben", 90, NOW), Ok(()));
        assert_eq!(store(&mut quotas, "ben", 11, NOW), Err(DomainError::OverQuota { retry_after: 86_400 }), "by bytes");
        assert_eq!(store(&mut quotas, "ben", 10, NOW), Ok(()), "a rejected command is not counted");
        assert_eq!(store(&mut quotas, "ann", 10, later(DAY_SECONDS)), Ok(()));
        for _ in 0..2 {
            assert_eq!(add(&mut quotas, "ann", NOW), Ok(()));
        }
        assert_eq!(add(&mut quotas, "ann", later(1)), Err(DomainError::RateLimited { retry_after: 3599 }));
        assert_eq!(add(&mut quotas, "ann", later(HOUR_SECONDS)), Ok(()));
    }

    #[test]
    fn stored_counts_continue_after_a_restart() {
        let bounds = QuotaBounds { objects_per_day: Some(2), ..QuotaBounds::default() };
        let mut quotas = Quotas::new(bounds, []);
        store(&mut quotas, "ann", 10, NOW).unwrap();
        store(&mut quotas, "ann", 10, NOW).unwrap();
        let written: Vec<_> = quotas.take_changed(9).into_iter().map(|change| (change.user, change.total)).collect();
        assert_eq!(written.len(), 1);
        assert_eq!(quotas.take_changed(9), []);
        let mut quotas = Quotas::new(bounds, written);
        assert_eq!(quotas.take_changed(9), []);
        assert_eq!(store(&mut quotas, "ann", 10, later(60)), Err(DomainError::OverQuota { retry_after: 86_340 }));
    }

    #[test]
    fn changes_are_what_was_counted_since_the_last_call() {
        let bounds = QuotaBounds { objects_per_day: Some(9), additions_per_hour: Some(9), ..QuotaBounds::default() };
        let mut quotas = Quotas::new(bounds, []);
        let take = |quotas: &mut Quotas| {
            let changes = quotas.take_changed(9);
            let numbers = changes.iter().map(|UsageChange { total, added, .. }| (total.objects, added.objects, added.additions)).collect();
            (changes, numbers)
        };
        store(&mut quotas, "ann", 10, NOW).unwrap();
        add(&mut quotas, "ann", NOW).unwrap();
        let (changes, numbers): (_, Vec<(u64, u64, u64)>) = take(&mut quotas);
        assert_eq!(numbers, [(1, 1, 1)]);
        store(&mut quotas, "ann", 10, NOW).unwrap();
        assert_eq!(take(&mut quotas).1, [(2, 1, 0)]);
        quotas.put_back(changes);
        store(&mut quotas, "ann", 10, NOW).unwrap();
        assert_eq!(take(&mut quotas).1, [(3, 2, 1)], "what was put back is taken again");
        store(&mut quotas, "ann", 10, NOW).unwrap();
        store(&mut quotas, "ann", 10, later(DAY_SECONDS)).unwrap();
        assert_eq!(take(&mut quotas).1, [(1, 1, 0)], "the usage of a window that has ended is forgotten");
    }

    #[test]
    fn totals_have_the_usage_on_other_nodes() {
        let bounds = QuotaBounds { objects_per_day: Some(9), ..QuotaBounds::default() };
        let mut quotas = Quotas::new(bounds, []);
        store(&mut quotas, "ann", 10, NOW).unwrap();
        let total = Usage { objects: 8, day_from: NOW, ..quotas.take_changed(9)[0].total };
        quotas.set_totals(vec![(UserId::new("ann"), total), (UserId::new("ben"), total)]);
        assert_eq!(store(&mut quotas, "ann", 10, NOW), Ok(()));
        assert!(store(&mut quotas, "ann", 10, NOW).is_err());
        assert_eq!(quotas.users.len(), 1, "a user without counts on this node gets none");
    }

    #[test]
    fn without_bounds_nothing_is_counted() {
        let mut quotas = Quotas::default();
        for _ in 0..5 {
            store(&mut quotas, "ann", 10, NOW).unwrap();
            add(&mut quotas, "ann", NOW).unwrap();
        }
        assert!(quotas.users.is_empty());
    }

    #[test]
    fn full_table_of_counts_drops_the_smallest() {
        let bounds = QuotaBounds { objects_per_day: Some(10), ..QuotaBounds::default() };
        let mut quotas = Quotas::new(bounds, []);
        for _ in 0..10 {
            store(&mut quotas, "busy", 10, NOW).unwrap();
        }
        for number in 0..2 * MAX_USERS {
            store(&mut quotas, &number.to_string(), 1, NOW).unwrap();
        }
        assert!(quotas.users.len() <= MAX_USERS, "{}", quotas.users.len());
        assert!(store(&mut quotas, "busy", 1, NOW).is_err(), "the counts of the busy user are kept");
        store(&mut quotas, "one more", 1, later(DAY_SECONDS)).unwrap();
        quotas.drop_counts(later(DAY_SECONDS));
        assert_eq!(quotas.users.len(), 1, "counts of windows that have ended are dropped");
    }
}
