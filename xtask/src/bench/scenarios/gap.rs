//! A member of a busy room is away for a minute, and recovers all that it missed. The whole product only.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use super::Scale;
use super::session::Session;
use crate::bench::figure::Figure;
use crate::bench::load::{Entrance, Load, Script, Sends, client_text};
use crate::bench::peers::{Peer, Workshop};
use crate::bench::sequence::{Account, number_in, text};
use crate::bench::server::Server;
use crate::bench::stage::open_chat_room;

/// Two thousand messages a second, at fixed times that do not depend on the server.
const INTERVAL: Duration = Duration::from_millis(2);
const MESSAGES_A_BEAT: usize = 4;
/// How long the client is connected before, and how long the beat goes on behind its return.
const CALM: Duration = Duration::from_secs(2);
const TEXT: usize = 100;
const SILENCE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(120);
/// The clients: one sends, one receives all the time, and one goes away and comes back.
const SENDER: usize = 0;
const STAYS: usize = 1;

pub fn run(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Vec<Figure>> {
    let server = Server::start(peer, workshop, &[])?;
    let mut room = Room::new(open_chat_room(server.port, 0..3)?);
    let mut load = Load::new(server.port)?;
    for person in [SENDER, STAYS] {
        room.enter(&mut load, person)?;
    }
    // A connection of its own load: it ends when that is dropped.
    let mut away = Load::new(server.port)?;
    let mut absent = Absent::new(&room.id);
    absent.enter(&mut away)?;

    room.goes_on = true;
    load.tick_every(INTERVAL)?;
    let both = |time: Duration, load: &mut Load, away: &mut Load, room: &mut Room, absent: &mut Absent| -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            load.turn(INTERVAL, room)?;
            away.turn(Duration::ZERO, absent)?;
        }
        Ok(())
    };
    both(CALM, &mut load, &mut away, &mut room, &mut absent)?;
    drop(away);
    absent.leave();
    load.rest(scale.away, &mut room)?;
    let missed = room.confirmed;

    let before = server.process.memory_at_a_glance()?;
    let mut peak = before;
    let mut away = Load::new(server.port)?;
    absent.begin(&mut away)?;
    let (start, mut caught_up) = (Instant::now(), None);
    while caught_up.is_none() && start.elapsed() < PATIENCE {
        both(INTERVAL, &mut load, &mut away, &mut room, &mut absent)?;
        peak = peak.max(server.process.memory_at_a_glance()?);
        if absent.told.delivered >= missed {
            caught_up = Some(start.elapsed());
        }
        if let Some(refusal) = room.refused.as_ref().or(absent.refused.as_ref()) {
            bail!("refused: {refusal}");
        }
    }
    both(CALM, &mut load, &mut away, &mut room, &mut absent)?;
    room.goes_on = false;
    let mut last = (0, Instant::now());
    while (room.confirmed < room.sent || absent.told.lost(room.sent) > 0) && last.1.elapsed() < SILENCE {
        both(INTERVAL, &mut load, &mut away, &mut room, &mut absent)?;
        if last.0 != room.confirmed + absent.told.delivered {
            last = (room.confirmed + absent.told.delivered, Instant::now());
        }
    }
    let Some(caught_up) = caught_up else { bail!("only {} of {missed} messages have come", absent.told.delivered) };
    let after = server.process.memory_at_a_glance()?;
    let (sent, stays) = (room.sent, &room.told);
    Ok(vec![
        Figure::count("not recovered", usize::from(!absent.recovered), 1),
        Figure::plain("messages missed", (missed - absent.before) as f64),
        Figure::plain("messages a second while away", (missed - absent.before) as f64 / scale.away.as_secs_f64()),
        Figure::plain("all received after, s", caught_up.as_secs_f64()),
        Figure::plain("memory growth, MB", (peak - before) as f64 / 1e6),
        Figure::plain("memory before, MB", before as f64 / 1e6),
        Figure::plain("memory afterwards, MB", after as f64 / 1e6),
        Figure::count("lost", stays.lost(sent) + absent.told.lost(sent), 2 * sent),
        Figure::count("reordered", stays.reordered + absent.told.reordered, 2 * sent),
        Figure::count("repeated", stays.repeated + absent.told.repeated, 2 * sent),
    ])
}

/// The sender, and the member who stays.
struct Room {
    id: String,
    goes_on: bool,
    inside: usize,
    sent: usize,
    confirmed: usize,
    told: Account,
    refused: Option<String>,
}

impl Room {
    fn new(id: String) -> Self {
        Self { id, goes_on: false, inside: 0, sent: 0, confirmed: 0, told: Account::new(1), refused: None }
    }

    fn enter(&mut self, load: &mut Load, person: usize) -> Result<()> {
        load.open(Entrance::studio(&Session::default().ticket(person).to_string(), &self.id))?;
        let start = Instant::now();
        while self.inside <= person && start.elapsed() < SILENCE {
            load.turn(INTERVAL, self)?;
        }
        ensure!(self.inside > person, "person {person} is not in the room");
        Ok(())
    }
}

impl Script for Room {
    fn entered(&mut self, _who: usize, _took: Duration) {
        self.inside += 1;
    }

    fn ticked(&mut self, times: u64, sends: &mut Sends) {
        if !self.goes_on {
            return;
        }
        for _ in 0..times as usize * MESSAGES_A_BEAT {
            let (id, number, filling) = (&self.id, self.sent, text(TEXT).split_off("seq:00000000".len()));
            let message = format!(r#"42/chat,1["message:send",{{"roomId":{id},"content":"seq:{number:08}{filling}"}}]"#);
            sends.push(SENDER, &client_text(&message));
            self.sent += 1;
        }
    }

    fn message(&mut self, to: usize, text: &[u8], _at: Instant, _sends: &mut Sends) {
        let number = number_in(text).filter(|number| *number < self.sent);
        match number {
            Some(number) if to == STAYS && text.starts_with(br#"42/chat,["message:new""#) => {
                self.told.enter(0, number);
            }
            Some(number) if text.starts_with(br#"43/chat,1[{"ok":true"#) => self.confirmed = self.confirmed.max(number + 1),
            _ if text.starts_with(br#"43/chat,1[{"ok":false"#) => {
                self.refused.get_or_insert(String::from_utf8_lossy(text).into_owned());
            }
            _ => {}
        }
    }
}

/// The member who goes away.
struct Absent {
    session: Session,
    join: Vec<u8>,
    inside: bool,
    recovered: bool,
    /// How many messages it received before it went.
    before: usize,
    told: Account,
    refused: Option<String>,
}

impl Absent {
    fn new(room: &str) -> Self {
        let join = client_text(&format!(r#"42/chat,0["join_room",{{"roomId":{room}}}]"#));
        Self { session: Session::default(), join, inside: false, recovered: false, before: 0, told: Account::new(1), refused: None }
    }

    /// Begins to connect with what is known of the session.
    fn begin(&mut self, load: &mut Load) -> Result<()> {
        load.open(Entrance::bare(&format!("40/chat,{}", self.session.ticket(2)))).map(drop)
    }

    fn enter(&mut self, load: &mut Load) -> Result<()> {
        self.begin(load)?;
        let start = Instant::now();
        while !self.inside && start.elapsed() < SILENCE {
            load.turn(INTERVAL, self)?;
        }
        ensure!(self.inside, "the member who goes away is not in the room: {:?}", self.refused);
        Ok(())
    }

    fn leave(&mut self) {
        self.before = self.told.delivered;
    }
}

impl Script for Absent {
    fn message(&mut self, to: usize, text: &[u8], _at: Instant, sends: &mut Sends) {
        if let Some(answer) = text.strip_prefix(b"40/chat,") {
            let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
            self.recovered = self.session.resumes(answer["pid"].as_str().unwrap_or_default());
            if !self.recovered {
                sends.push(to, &self.join);
            }
        } else if text.starts_with(b"42/chat,") {
            self.session.note(text);
            if let Some(number) = number_in(text).filter(|_| text.starts_with(br#"42/chat,["message:new""#)) {
                self.told.enter(0, number);
            }
        } else if text.starts_with(br#"43/chat,0[{"ok":true"#) {
            self.inside = true;
        } else {
            self.refused.get_or_insert(String::from_utf8_lossy(text).into_owned());
        }
    }
}
