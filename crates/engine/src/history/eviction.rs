//! The choice of the broadcasts that are evicted when too many are kept: those of the accounts that use most, and for each such account
//! those in the rooms in which it uses most.
//!
//! Without the second rule an account could end the recovery of others: it adds a user to a room, which is one broadcast to the user's own
//! room, and publishes so much elsewhere that its oldest broadcasts are evicted, that one among them.

use hashbrown::HashMap;

/// The cost of one broadcast, the account that it is charged to, and its rooms.
#[derive(Clone, Copy)]
pub(super) struct Charge<'a> {
    pub account: u64,
    pub cost: u32,
    pub rooms: &'a [u32],
}

/// The positions of the broadcasts to evict, in order, so that all accounts together use `capacity` at most.
///
/// Accounts above one level lose broadcasts until they are at this level. An account's broadcast belongs to that of its rooms in which the
/// account uses least; the rooms above one level of the account lose broadcasts, the oldest first. Accounts and rooms below a level lose
/// none. The inputs are how many broadcasts there are, and what the one at a position costs; how much each account uses; a number that is larger
/// than that of every room. The time is linear in the number of broadcasts.
pub(super) fn evicted<'a>(
    count: usize,
    charge: impl Fn(usize) -> Charge<'a>,
    used: &std::collections::HashMap<u64, u64>,
    rooms: usize,
    capacity: u64,
) -> Vec<usize> {
    let level = level(used.values().copied(), capacity);
    let above = used.iter().filter(|(_, used)| **used > level);
    let mut accounts: HashMap<u64, (u64, Vec<usize>)> =
        above.map(|(account, used)| (*account, (*used, Vec::with_capacity(count.min(*used as usize))))).collect();
    for position in 0..count {
        if let Some((_, positions)) = accounts.get_mut(&charge(position).account) {
            positions.push(position);
        }
    }
    let (mut uses, mut evicted) = (Uses { by_room: vec![0; rooms], by_share: vec![0; rooms] }, Vec::new());
    for (used, positions) in accounts.values() {
        uses.evict(*used, level, positions, &charge, &mut evicted);
    }
    evicted.sort_unstable();
    // Levels are rounded down, so more broadcasts than needed are above them. The newest of these stay.
    let mut over = used.values().sum::<u64>().saturating_sub(capacity);
    let needed = evicted.iter().take_while(|position| {
        let is_evicted = over > 0;
        over = over.saturating_sub(u64::from(charge(**position).cost));
        is_evicted
    });
    let count = needed.count();
    evicted.truncate(count);
    evicted
}

/// The costs of one account's broadcasts, with an entry for each room; 0 between two accounts.
struct Uses {
    /// In all broadcasts to the room.
    by_room: Vec<u64>,
    /// In the broadcasts that belong to the room.
    by_share: Vec<u64>,
}

impl Uses {
    /// Adds the positions of the broadcasts that an account which uses `used` loses to come down to `level`.
    fn evict<'a>(
        &mut self,
        mut used: u64,
        level: u64,
        positions: &[usize],
        charge: impl Fn(usize) -> Charge<'a>,
        evicted: &mut Vec<usize>,
    ) {
        let Self { by_room, by_share } = self;
        let charges = || positions.iter().map(|position| charge(*position));
        for Charge { cost, rooms, .. } in charges() {
            rooms.iter().for_each(|room| by_room[*room as usize] += u64::from(cost));
        }
        let belongs_to = |rooms: &[u32]| rooms.iter().copied().min_by_key(|room| by_room[*room as usize]).unwrap_or_default();
        let owners: Vec<u32> = charges().map(|charge| belongs_to(charge.rooms)).collect();

        let mut rooms = Vec::new();
        for (charge, owner) in charges().zip(&owners) {
            let share = &mut by_share[*owner as usize];
            if *share == 0 {
                rooms.push(*owner);
            }
            *share += u64::from(charge.cost);
        }
        let level_of_rooms = self::level(rooms.iter().map(|room| by_share[*room as usize]), level);
        for (position, owner) in positions.iter().zip(&owners) {
            if used <= level {
                break;
            }
            let share = &mut by_share[*owner as usize];
            if *share > level_of_rooms {
                let cost = u64::from(charge(*position).cost);
                *share -= cost;
                used -= cost;
                evicted.push(*position);
            }
        }
        charges().flat_map(|charge| charge.rooms).for_each(|room| by_room[*room as usize] = 0);
        rooms.iter().for_each(|room| by_share[*room as usize] = 0);
    }
}

/// The most that each may use so that all together use `capacity` at most.
fn level(used: impl Iterator<Item = u64>, capacity: u64) -> u64 {
    let mut used: Vec<u64> = used.collect();
    used.sort_unstable();
    let (mut left, mut others) = (capacity, used.len() as u64);
    for used in used {
        if used > left / others {
            return left / others;
        }
        left -= used;
        others -= 1;
    }
    u64::MAX
}

#[cfg(test)]
mod tests {
    use rand::prelude::*;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn level_is_the_most_that_each_account_may_use() {
        for (used, capacity, expected) in
            [(&[][..], 5, u64::MAX), (&[5], 5, u64::MAX), (&[6], 5, 5), (&[1, 9, 3], 10, 6), (&[4, 4, 4], 10, 3), (&[1, 1], 0, 0)]
        {
            assert_eq!(level(used.iter().copied(), capacity), expected, "{used:?} {capacity}");
        }
    }

    /// The positions of the evicted of these broadcasts: each an account, and its rooms.
    fn evicted_of(broadcasts: &[(u64, &[u32])], capacity: u64) -> Vec<usize> {
        let mut used = std::collections::HashMap::new();
        for (account, _) in broadcasts {
            *used.entry(*account).or_default() += 1;
        }
        let charge = |position: usize| Charge { account: broadcasts[position].0, cost: 1, rooms: broadcasts[position].1 };
        evicted(broadcasts.len(), charge, &used, 10, capacity)
    }

    #[test]
    fn account_loses_the_oldest_broadcasts_of_its_largest_rooms() {
        const VICTIM: u32 = 1;
        // The broadcast to a room of the account and to the victim stays, whether the other broadcasts are in that room or elsewhere.
        for rooms in [&[2_u32][..], &[3], &[2, 3]] {
            let mut broadcasts: Vec<(u64, &[u32])> = vec![(7, &[VICTIM, 2])];
            broadcasts.extend(std::iter::repeat_n((7, rooms), 10));
            assert_eq!(evicted_of(&broadcasts, 6), [1, 2, 3, 4, 5], "{rooms:?}");
        }
        // In the victim's room an account may use as much as in any other.
        let mut broadcasts: Vec<(u64, &[u32])> = vec![(7, &[VICTIM]); 5];
        broadcasts.extend(std::iter::repeat_n((7, &[3][..]), 3));
        assert_eq!(evicted_of(&broadcasts, 6), [0, 1]);
    }

    #[test]
    fn eviction_levels_accounts_and_rooms_oldest_first() {
        const ROOMS: [u32; 6] = [0, 1, 2, 3, 4, 5];
        let mut random = StdRng::seed_from_u64(7);
        for round in 0..300 {
            let broadcasts: Vec<(u64, &[u32])> = (0..random.random_range(1..200))
                .map(|_| {
                    let room = random.random_range(0..6).min(random.random_range(0..6));
                    (*[1, 1, 1, 2, 3].choose(&mut random).unwrap(), &ROOMS[room..=room])
                })
                .collect();
            let capacity = random.random_range(1..120);
            let evicted = evicted_of(&broadcasts, capacity);
            assert_eq!(broadcasts.len() - evicted.len(), broadcasts.len().min(capacity as usize), "{round}");
            // Of an account, or of an account in a room: whether each broadcast is evicted, in order.
            let fates = |account: u64, room: Option<u32>| {
                let own = broadcasts
                    .iter()
                    .enumerate()
                    .filter(move |(_, (by, rooms))| *by == account && room.is_none_or(|room| rooms[0] == room));
                own.map(|(position, _)| evicted.contains(&position)).collect::<Vec<bool>>()
            };
            let remaining = |fates: &[bool]| fates.iter().filter(|evicted| !**evicted).count();
            let accounts = [1, 2, 3].map(|account| fates(account, None));
            let most = accounts.iter().map(|fates| remaining(fates)).max().unwrap();
            // Rounding leaves less than one for each account.
            assert!(accounts.iter().all(|fates| !fates.contains(&true) || remaining(fates) + 3 > most), "{round}: {accounts:?}");
            for account in 1..=3 {
                let rooms = ROOMS.map(|room| fates(account, Some(room)));
                let most = rooms.iter().map(|fates| remaining(fates)).max().unwrap();
                assert!(
                    rooms.iter().all(|fates| !fates.contains(&true) || remaining(fates) + ROOMS.len() + 3 > most),
                    "{round}: {rooms:?}"
                );
                assert!(rooms.iter().all(|fates| fates.is_sorted_by(|one, next| one >= next)), "{round}: {rooms:?}");
            }
        }
    }
}
