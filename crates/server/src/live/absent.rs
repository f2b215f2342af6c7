//! Who was here before the start: others still see them, and nobody has seen them go.

use std::time::Duration;

use domain::event::Signal;
use domain::sessions::Absent;
use engine::Shard;

use super::departures::Departed;
use super::{Live, Shared};

/// How long whoever was here when the server stopped still counts as here, at least. By then stock clients have tried to come back: Socket.IO's
/// wait for 7.5 s at most between two tries.
pub(super) const RETURN: Duration = Duration::from_secs(10);

impl Shared {
    /// Whoever was here when the server stopped counts as here, and is to be back soon: see [`Live::wait_for`]. Called before anybody can come.
    pub fn expect(&self, absent: &[Absent]) -> Vec<Departed> {
        let mut departed = Vec::new();
        for Absent { person, id, rooms, .. } in absent.iter().filter(|absent| absent.expected) {
            let known_by = self.tells_presence.then_some(id.as_str());
            departed.push(Departed::FromServer(person.id.clone(), self.people.expect(&person.id, known_by)));
            for (room, inside) in rooms {
                if let Some(departure) = self.attendance.expect(room, person, inside.clone()) {
                    departed.push(Departed::FromRoom(room.clone(), person.id.clone(), departure));
                }
            }
        }
        departed
    }

    /// Whoever had left before has left: those who were away then may not know it. Called before anybody can come.
    pub fn tell_absence(&self, absent: Vec<Absent>) {
        for Absent { person, .. } in absent.into_iter().filter(|absent| !absent.expected) {
            self.tell_presence(Signal::Offline { person: person.id });
        }
    }
}

impl Live {
    /// If those who are expected do not come back, others are told that they are gone.
    pub fn wait_for(&mut self, shard: &mut Shard<Self>, expected: Vec<Departed>) {
        for departed in expected {
            self.expected.add(shard, departed);
        }
    }
}
