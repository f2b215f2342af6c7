//! Ten rooms of ten users. One user in each sends messages, which are on the disk before the server delivers or acknowledges them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Scale, micros};
use crate::bench::figure::Figure;
use crate::bench::latency::Latencies;
use crate::bench::load::{Entrance, Load, Script, Sends, client_text};
use crate::bench::peers::{Peer, Workshop};
use crate::bench::sequence::{Account, Numbered, number_in, text};
use crate::bench::server::Server;
use crate::bench::stage::{AT_ONCE, chatter, open_chat_room};

const ROOMS: usize = 10;
/// Of each room; the first of them sends, and hears what it sends like the others.
const MEMBERS: usize = 10;
/// Sent and not acknowledged, by all senders together: a busy server, and one that has as much to do as each client may ask of Roomcast.
const IN_FLIGHT: [usize; 2] = [256, 2_560];
const TEXT: usize = 100;
/// Enough for Node to have compiled everything, and for the queues to have filled.
const WARM_UP: Duration = Duration::from_secs(2);
/// What has not come when nothing has come for so long is lost.
const SILENCE: Duration = Duration::from_secs(5);

pub fn run(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Vec<Figure>> {
    let server = Server::start(peer, workshop, &[])?;
    let mut load = Load::new(server.port)?;
    let rooms = (0..ROOMS).map(|room| open_chat_room(server.port, people_of(room))).collect::<Result<Vec<String>>>()?;
    let entrances: Vec<Entrance> = (0..ROOMS * MEMBERS).map(|number| chatter(number, &rooms[number / MEMBERS])).collect();
    load.admit(entrances.into_iter(), AT_ONCE)?;

    let mut talk = Talk::new(&rooms);
    let mut figures = Vec::new();
    for in_flight in IN_FLIGHT {
        figures.extend(measure(&server, &mut load, &mut talk, in_flight, scale.durable)?);
    }
    talk.in_flight = 0;
    finish(&mut load, &mut talk)?;
    figures.extend(talk.totals());
    Ok(figures)
}

/// Lets them talk for a while with so many messages in flight.
fn measure(server: &Server, load: &mut Load, talk: &mut Talk, in_flight: usize, time: Duration) -> Result<Vec<Figure>> {
    talk.in_flight = in_flight;
    let mut start = Sends::default();
    (0..ROOMS).for_each(|room| talk.fill(room, &mut start));
    load.send_all(&mut start)?;
    load.rest(WARM_UP, talk)?;

    let before = Reading::take(server, talk)?;
    talk.latencies = Some(Latencies::default());
    load.rest(time, talk)?;
    let after = Reading::take(server, talk)?;
    let latencies = talk.latencies.take().unwrap_or_default();
    figures(&before, &after, latencies, in_flight)
}

fn people_of(room: usize) -> std::ops::Range<usize> {
    room * MEMBERS..(room + 1) * MEMBERS
}

/// Waits for what is still under way.
fn finish(load: &mut Load, talk: &mut Talk) -> Result<()> {
    let mut heard = (talk.heard(), Instant::now());
    while talk.is_missing_something() && heard.1.elapsed() < SILENCE {
        load.turn(Duration::from_millis(50), talk)?;
        if heard.0 != talk.heard() {
            heard = (talk.heard(), Instant::now());
        }
    }
    Ok(())
}

/// What stands on the clocks and counters at one moment.
struct Reading {
    at: Instant,
    server: Duration,
    database: Option<Duration>,
    acknowledged: usize,
    delivered: usize,
}

impl Reading {
    fn take(server: &Server, talk: &Talk) -> Result<Self> {
        let (acknowledged, delivered) = talk.counts();
        Ok(Self { at: Instant::now(), server: server.process.cpu()?, database: server.database_cpu()?, acknowledged, delivered })
    }
}

fn figures(before: &Reading, after: &Reading, mut latencies: Latencies, in_flight: usize) -> Result<Vec<Figure>> {
    let (messages, deliveries) = (after.acknowledged - before.acknowledged, after.delivered - before.delivered);
    ensure!(messages > 0, "no message was acknowledged");
    let server = after.server - before.server;
    let database = after.database.zip(before.database).map(|(after, before)| after - before);
    let cpu = server + database.unwrap_or_default();
    let name = |name: &str| format!("{in_flight} in flight: {name}");
    let mut figures = vec![
        Figure::yielded(name("messages a CPU second, the database's too"), messages as f64 / cpu.as_secs_f64()),
        Figure::yielded(name("messages a second"), messages as f64 / (after.at - before.at).as_secs_f64()),
        Figure::plain(name("server's CPU a delivery, µs"), micros(server, deliveries)),
    ];
    figures.extend(database.map(|database| Figure::plain(name("database's CPU a delivery, µs"), micros(database, deliveries))));
    figures.extend([
        Figure::plain(name("ack p50, µs"), latencies.percentile(0.5)),
        Figure::plain(name("ack p99, µs"), latencies.percentile(0.99)),
    ]);
    Ok(figures)
}

/// A room as its sender and its members see it.
struct Hall {
    message: Numbered,
    sent: Vec<Instant>,
    acks: Account,
    told: Account,
}

/// What is going on in all rooms. The client numbered `room * MEMBERS` sends in that room.
struct Talk {
    halls: Vec<Hall>,
    /// Of the acknowledgements, while they are measured.
    latencies: Option<Latencies>,
    /// How many messages may be, by all senders together.
    in_flight: usize,
}

impl Talk {
    fn new(rooms: &[String]) -> Self {
        let hall = |room: &String| {
            // All bear the same id: the acknowledgement has the message in it, with its number.
            let message = format!(r#"42/chat,1["message:send",{{"roomId":{room},"content":"{}","type":"TEXT"}}]"#, text(TEXT));
            let message = Numbered::new(client_text(&message));
            Hall { message, sent: Vec::new(), acks: Account::new(1), told: Account::new(MEMBERS) }
        };
        Self { halls: rooms.iter().map(hall).collect(), latencies: None, in_flight: 0 }
    }

    fn fill(&mut self, room: usize, sends: &mut Sends) {
        let share = self.in_flight / ROOMS + usize::from(room < self.in_flight % ROOMS);
        let hall = &mut self.halls[room];
        while hall.sent.len() < hall.acks.delivered + share {
            sends.push(room * MEMBERS, hall.message.with(hall.sent.len()));
            hall.sent.push(Instant::now());
        }
    }

    /// How many messages were acknowledged, and how many deliveries there were.
    fn counts(&self) -> (usize, usize) {
        self.halls.iter().fold((0, 0), |(acks, told), hall| (acks + hall.acks.delivered, told + hall.told.delivered))
    }

    /// What became of all that was sent.
    fn totals(&self) -> [Figure; 4] {
        let sum = |count: fn(&Hall) -> usize| self.halls.iter().map(count).sum::<usize>();
        let sent = sum(|hall| hall.sent.len());
        [
            Figure::count("not acknowledged", sum(|hall| hall.acks.lost(hall.sent.len())), sent),
            Figure::count("lost", sum(|hall| hall.told.lost(hall.sent.len())), sent * MEMBERS),
            Figure::count("reordered", sum(|hall| hall.told.reordered), sent * MEMBERS),
            Figure::count("repeated", sum(|hall| hall.told.repeated), sent * MEMBERS),
        ]
    }

    fn heard(&self) -> usize {
        let (acknowledged, delivered) = self.counts();
        acknowledged + delivered
    }

    fn is_missing_something(&self) -> bool {
        self.halls.iter().any(|hall| hall.acks.lost(hall.sent.len()) + hall.told.lost(hall.sent.len()) > 0)
    }
}

impl Script for Talk {
    fn message(&mut self, to: usize, text: &[u8], at: Instant, sends: &mut Sends) {
        let (room, member) = (to / MEMBERS, to % MEMBERS);
        let hall = &mut self.halls[room];
        let Some(number) = number_in(text).filter(|number| *number < hall.sent.len()) else { return };
        if text.starts_with(br#"42/chat,["message:new""#) {
            hall.told.enter(member, number);
        } else if text.starts_with(br#"43/chat,1[{"ok":true"#) && hall.acks.enter(0, number) {
            if let Some(latencies) = &mut self.latencies {
                latencies.add(at.saturating_duration_since(hall.sent[number]));
            }
            self.fill(room, sends);
        }
    }
}
