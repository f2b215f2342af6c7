//! Which connections have something to be written, or to be read, and whose turn it is.
//!
//! Who is told something alone or in a room is served first. What is said to everybody who is connected, such as who came online, stands
//! behind that: on thousands of connections it takes a while to write, and a chat is not to wait for it. Of the connections with something
//! to read, the ones that have used up their share of a turn stand behind the others.

use std::collections::VecDeque;

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Waits {
    /// It has nothing new to be written.
    #[default]
    Not,
    /// Among those with something that may wait.
    Later,
    /// Among the first.
    Soon,
}

/// The slots of connections, in two rows; each connection keeps where it stands in its own [`Waits`].
#[derive(Default, Debug)]
pub(crate) struct Line {
    soon: VecDeque<u32>,
    later: VecDeque<u32>,
}

impl Line {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.soon.is_empty() && self.later.is_empty()
    }

    /// Puts a connection behind those who are served first.
    pub fn soon(&mut self, slot: u32, waits: &mut Waits) {
        if *waits != Waits::Soon {
            // If it stood among the others, its place there is passed over.
            *waits = Waits::Soon;
            self.soon.push_back(slot);
        }
    }

    /// Puts a connection behind everybody, unless it has a place already.
    pub fn later(&mut self, slot: u32, waits: &mut Waits) {
        if *waits == Waits::Not {
            *waits = Waits::Later;
            self.later.push_back(slot);
        }
    }

    /// Puts a connection behind all others, wherever it stood.
    pub fn behind(&mut self, slot: u32, waits: &mut Waits) {
        if *waits != Waits::Later {
            *waits = Waits::Later;
            self.later.push_back(slot);
        }
    }

    /// How many places there are in one of the rows, void ones among them.
    pub fn len(&self, row: Waits) -> usize {
        match row {
            Waits::Soon => self.soon.len(),
            Waits::Later => self.later.len(),
            Waits::Not => 0,
        }
    }

    /// The next place in one of the rows; void unless its connection stands in that row.
    pub fn next(&mut self, row: Waits) -> Option<u32> {
        match row {
            Waits::Soon => self.soon.pop_front(),
            Waits::Later => self.later.pop_front(),
            Waits::Not => None,
        }
    }
}
