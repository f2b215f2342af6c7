//! The server is killed while a thousand users listen, and started again. All users reconnect at once, recover their sessions, and receive the messages
//! that they missed, while other users continue to send to their rooms. The whole product only.

use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::session::Session;
use crate::bench::figure::Figure;
use crate::bench::load::{Entrance, Load, Script, Sends, client_text};
use crate::bench::peers::{Peer, Workshop};
use crate::bench::sequence::{Account, number_in, text};
use crate::bench::server::Server;
use crate::bench::stage::open_chat_room;

const ROOMS: usize = 20;
/// The listeners of each room. One more user of the room sends the messages.
const LISTENERS: usize = 50;
const SEATS: usize = LISTENERS + 1;
const EVERYBODY: usize = ROOMS * SEATS;
/// Five hundred messages a second, at fixed times that do not depend on the server. Messages that are due while the server is down are sent when the
/// speaker has reconnected.
const INTERVAL: Duration = Duration::from_millis(2);
const TEXT: usize = 100;
/// How long they are in when the server is killed, and go on when all are back.
const CALM: Duration = Duration::from_secs(2);
/// The time from the kill to the next start.
const AWAY: Duration = Duration::from_secs(1);
/// What has not come when nothing has come for so long is lost.
const SILENCE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(peer: Peer, workshop: &Workshop) -> Result<Vec<Figure>> {
    let mut server = Server::start(peer, workshop, &[])?;
    let rooms = (0..ROOMS).map(|room| open_chat_room(server.port, room * SEATS..(room + 1) * SEATS)).collect::<Result<Vec<String>>>()?;
    let mut town = Town::new(&rooms);
    let mut load = Load::new(server.port)?;
    town.come(&mut load, 0..EVERYBODY)?;
    town.begin(&mut load)?;
    load.rest(CALM, &mut town)?;

    server.kill()?;
    town.leave();
    // What had been written before, the clients read.
    turn_until(&mut load, &mut town, |town| town.closed == EVERYBODY)?;
    ensure!(town.closed == EVERYBODY, "{} connections outlive the server", EVERYBODY - town.closed);
    load = Load::new(server.port)?;
    thread::sleep(AWAY);

    let starting = Instant::now();
    server.start_again()?;
    let accepting = Instant::now();
    // Those who speak are the first, and say what was due.
    town.come(&mut load, 0..ROOMS)?;
    town.begin(&mut load)?;
    let due = town.due();
    turn_until(&mut load, &mut town, |town| town.confirmed() >= due)?;
    town.come(&mut load, ROOMS..EVERYBODY)?;
    let back = town.last_came.context("no client has reconnected")?;
    load.rest(CALM, &mut town)?;
    town.is_silent = true;
    turn_until(&mut load, &mut town, |town| !town.is_missing_something())?;

    let mut figures = vec![
        Figure::plain("starts in, s", (accepting - starting).as_secs_f64()),
        Figure::plain("all 1,000 recovered after, s", back.saturating_duration_since(accepting).as_secs_f64()),
        Figure::plain("messages replayed", town.replayed as f64),
    ];
    figures.extend(town.totals());
    Ok(figures)
}

/// Processes events until the condition holds, no event arrives any more, or a client is refused.
fn turn_until(load: &mut Load, town: &mut Town, reached: impl Fn(&Town) -> bool) -> Result<()> {
    let start = Instant::now();
    let mut last = (town.events, start);
    while !reached(town) && town.refused.is_none() && last.1.elapsed() < SILENCE && start.elapsed() < PATIENCE {
        load.turn(Duration::from_millis(50), town)?;
        if last.0 != town.events {
            last = (town.events, Instant::now());
        }
    }
    match &town.refused {
        Some(refusal) => bail!("refused: {refusal}"),
        None => Ok(()),
    }
}

/// What a client knows.
#[derive(Default)]
struct Seat {
    session: Session,
    here: bool,
    recovered: bool,
    /// Its room's messages below this number were confirmed to their speaker when this client asked to be let in again.
    missed: usize,
}

/// A room as its speaker and its listeners see it.
struct Hall {
    id: String,
    due: usize,
    sent: usize,
    confirmed: usize,
    told: Account,
}

/// All clients. The client whose number is a room's sends the messages of that room.
struct Town {
    seats: Vec<Seat>,
    halls: Vec<Hall>,
    /// Since when there is something to say every [`INTERVAL`].
    beat: Option<Instant>,
    is_silent: bool,
    here: usize,
    last_came: Option<Instant>,
    replayed: usize,
    closed: usize,
    /// Counts all events, so that silence is noticed.
    events: usize,
    refused: Option<String>,
}

impl Town {
    fn new(rooms: &[String]) -> Self {
        let hall = |id: &String| Hall { id: id.clone(), due: 0, sent: 0, confirmed: 0, told: Account::new(LISTENERS) };
        Self {
            seats: std::iter::repeat_with(Seat::default).take(EVERYBODY).collect(),
            halls: rooms.iter().map(hall).collect(),
            beat: None,
            is_silent: false,
            here: 0,
            last_came: None,
            replayed: 0,
            closed: 0,
            events: 0,
            refused: None,
        }
    }

    /// Connects these at once, and waits until they are in their rooms.
    fn come(&mut self, load: &mut Load, who: Range<usize>) -> Result<()> {
        for number in who.clone() {
            load.open(Entrance::bare(&format!("40/chat,{}", self.seats[number].session.ticket(person(number)))))?;
        }
        turn_until(load, self, |town| town.here == who.end)?;
        ensure!(self.here == who.end, "only {} of {} are in", self.here, who.end);
        Ok(())
    }

    /// From now on there is a beat, or the one of before goes on.
    fn begin(&mut self, load: &mut Load) -> Result<()> {
        self.beat.get_or_insert_with(Instant::now);
        self.is_silent = false;
        // What was not confirmed is sent again, under the same id.
        self.halls.iter_mut().for_each(|hall| hall.sent = hall.confirmed);
        load.tick_every(INTERVAL)
    }

    /// How many messages are due by now, in all rooms together.
    fn due(&self) -> usize {
        self.beat.map_or(0, |start| (start.elapsed().as_micros() / INTERVAL.as_micros()) as usize)
    }

    fn confirmed(&self) -> usize {
        self.halls.iter().map(|hall| hall.confirmed).sum()
    }

    /// The server has ended, and no client sends anything to it any more.
    fn leave(&mut self) {
        self.seats.iter_mut().for_each(|seat| seat.here = false);
        self.here = 0;
        self.is_silent = true;
    }

    /// CONNECT's answer.
    fn greeted(&mut self, who: usize, answer: &[u8], at: Instant, sends: &mut Sends) {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let Some(pid) = answer["pid"].as_str() else { return self.refuse(answer.to_string()) };
        let seat = &mut self.seats[who];
        seat.recovered = seat.session.resumes(pid);
        if seat.recovered {
            return self.arrived(who, at, sends);
        }
        let join = format!(r#"42/chat,0["join_room",{{"roomId":{}}}]"#, self.halls[room_of(who)].id);
        sends.push(who, &client_text(&join));
    }

    fn arrived(&mut self, who: usize, at: Instant, sends: &mut Sends) {
        self.seats[who].here = true;
        self.here += 1;
        self.last_came = Some(at);
        self.speak(room_of(who), sends);
    }

    /// Sends what is due in a room, if its speaker is here.
    fn speak(&mut self, room: usize, sends: &mut Sends) {
        let hall = &mut self.halls[room];
        while self.seats[room].here && hall.sent < hall.due {
            sends.push(room, &client_text(&hall.message(hall.sent)));
            hall.sent += 1;
        }
    }

    fn heard(&mut self, who: usize, event: &[u8]) {
        let (seat, hall) = (&mut self.seats[who], &mut self.halls[room_of(who)]);
        seat.session.note(event);
        let Some(number) = number_in(event).filter(|number| *number < hall.due) else { return };
        // A message that a speaker sends again is delivered again to that speaker only.
        let Some(listener) = who.checked_sub(ROOMS).filter(|_| event.starts_with(br#"42/chat,["message:new""#)) else { return };
        if hall.told.enter(listener % LISTENERS, number) && number < seat.missed {
            self.replayed += 1;
        }
    }

    /// An answer to `message:send`.
    fn answered(&mut self, who: usize, answer: &[u8]) {
        match number_in(answer) {
            Some(number) if answer.starts_with(br#"[{"ok":true"#) => {
                let hall = &mut self.halls[room_of(who)];
                hall.confirmed = hall.confirmed.max(number + 1);
            }
            _ => self.refuse(String::from_utf8_lossy(answer).into_owned()),
        }
    }

    fn refuse(&mut self, refusal: String) {
        self.refused.get_or_insert(refusal);
    }

    fn is_missing_something(&self) -> bool {
        self.halls.iter().any(|hall| hall.confirmed < hall.due || hall.told.lost(hall.due) > 0)
    }

    /// The totals of all clients and all messages.
    fn totals(&self) -> [Figure; 5] {
        let listeners = &self.seats[ROOMS..];
        let sum = |count: fn(&Hall) -> usize| self.halls.iter().map(count).sum::<usize>();
        let said = sum(|hall| hall.due);
        [
            Figure::count("not recovered", listeners.iter().filter(|seat| !seat.recovered).count(), listeners.len()),
            Figure::count("not acknowledged", sum(|hall| hall.due - hall.confirmed), said),
            Figure::count("lost", sum(|hall| hall.told.lost(hall.due)), said * LISTENERS),
            Figure::count("reordered", sum(|hall| hall.told.reordered), said * LISTENERS),
            Figure::count("repeated", sum(|hall| hall.told.repeated), said * LISTENERS),
        ]
    }
}

impl Script for Town {
    fn entered(&mut self, who: usize, _took: Duration) {
        self.events += 1;
        self.seats[who].missed = self.halls[room_of(who)].confirmed;
    }

    fn message(&mut self, to: usize, text: &[u8], at: Instant, sends: &mut Sends) {
        self.events += 1;
        if let Some(answer) = text.strip_prefix(b"40/chat,") {
            self.greeted(to, answer, at, sends);
        } else if text.starts_with(b"42/chat,") {
            self.heard(to, text);
        } else if let Some(answer) = text.strip_prefix(b"43/chat,1") {
            self.answered(to, answer);
        } else if text.starts_with(br#"43/chat,0[{"ok":true"#) {
            self.arrived(to, at, sends);
        } else {
            self.refuse(String::from_utf8_lossy(text).into_owned());
        }
    }

    fn closed(&mut self, _who: usize) {
        self.events += 1;
        self.closed += 1;
    }

    fn ticked(&mut self, _times: u64, sends: &mut Sends) {
        if self.is_silent {
            return;
        }
        let due = self.due();
        for (room, hall) in self.halls.iter_mut().enumerate() {
            // They take turns.
            hall.due = (due + ROOMS - 1 - room) / ROOMS;
        }
        (0..ROOMS).for_each(|room| self.speak(room, sends));
    }
}

impl Hall {
    fn message(&self, number: usize) -> String {
        let filling = text(TEXT).split_off("seq:00000000".len());
        let id = &self.id;
        format!(r#"42/chat,1["message:send",{{"roomId":{id},"content":"seq:{number:08}{filling}","clientId":"{id}-{number}"}}]"#)
    }
}

fn room_of(client: usize) -> usize {
    client.checked_sub(ROOMS).map_or(client, |listener| listener / LISTENERS)
}

/// The number of the user. The users of a room have consecutive numbers, and the speaker has the first.
fn person(client: usize) -> usize {
    let place = client.checked_sub(ROOMS).map_or(0, |listener| 1 + listener % LISTENERS);
    room_of(client) * SEATS + place
}
