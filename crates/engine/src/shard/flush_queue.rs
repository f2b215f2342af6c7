//! The connections with something to write, or to read, and the order in which they are served.
//!
//! Connections with messages to single sockets or rooms are served first. Broadcasts to every socket, such as presence events, come after
//! those: on thousands of connections they take a while to write, and chat messages must not wait for them. Of the connections with
//! something to read, the ones that have used up their share of a turn are served after the others.

use std::collections::VecDeque;

/// The row in which a connection waits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum FlushPriority {
    /// It waits in no row.
    #[default]
    Idle,
    /// It waits in the second row.
    Later,
    /// It waits in the first row.
    Soon,
}

/// The slots of connections, in two rows. Each connection stores the row that it waits in as its own [`FlushPriority`].
#[derive(Default, Debug)]
pub(crate) struct FlushQueue {
    soon: VecDeque<u32>,
    later: VecDeque<u32>,
}

impl FlushQueue {
    /// Whether no connection waits.
    pub fn is_empty(&self) -> bool {
        self.soon.is_empty() && self.later.is_empty()
    }

    /// Puts a connection at the end of the first row.
    pub fn soon(&mut self, slot: u32, priority: &mut FlushPriority) {
        if *priority != FlushPriority::Soon {
            // If it waits in the second row, its entry there is skipped later.
            *priority = FlushPriority::Soon;
            self.soon.push_back(slot);
        }
    }

    /// Puts a connection at the end of the second row, unless it waits already.
    pub fn later(&mut self, slot: u32, priority: &mut FlushPriority) {
        if *priority == FlushPriority::Idle {
            *priority = FlushPriority::Later;
            self.later.push_back(slot);
        }
    }

    /// Puts a connection at the end of the second row, also if it waits in the first.
    pub fn move_to_later(&mut self, slot: u32, priority: &mut FlushPriority) {
        if *priority != FlushPriority::Later {
            *priority = FlushPriority::Later;
            self.later.push_back(slot);
        }
    }

    /// The number of entries in one of the rows, including outdated ones.
    pub fn len(&self, priority: FlushPriority) -> usize {
        match priority {
            FlushPriority::Soon => self.soon.len(),
            FlushPriority::Later => self.later.len(),
            FlushPriority::Idle => 0,
        }
    }

    /// Takes the next entry of one of the rows. It is outdated unless its connection waits in that row.
    pub fn next(&mut self, priority: FlushPriority) -> Option<u32> {
        match priority {
            FlushPriority::Soon => self.soon.pop_front(),
            FlushPriority::Later => self.later.pop_front(),
            FlushPriority::Idle => None,
        }
    }
}
