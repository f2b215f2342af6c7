//! Ten rooms of ten users. One user in each room sends messages, and the server writes each to the disk before it delivers or acknowledges it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Scale, micros};
use crate::bench::build_env::BuildEnv;
use crate::bench::fixture::{CONCURRENT_CONNECTS, create_chat_room, writer_client};
use crate::bench::latency::Latencies;
use crate::bench::load_generator::{ClientHandshake, LoadGenerator, Script, Sends, client_text};
use crate::bench::metric::Metric;
use crate::bench::sequence_numbers::{DeliveryTracker, NumberedMessage, number_in, text};
use crate::bench::server_process::ServerProcess;
use crate::bench::servers::ServerKind;

const ROOMS: usize = 10;
/// The members of each room. The first member sends, and receives its messages like the others.
const MEMBERS: usize = 10;
/// How many messages are sent and not acknowledged, for all senders together: a busy server, and the most that Roomcast accepts from these clients.
const IN_FLIGHT: [usize; 2] = [256, 2_560];
const TEXT: usize = 100;
/// The time before the measurement: enough for Node to compile all code, and for the queues to fill.
const WARM_UP: Duration = Duration::from_secs(2);
/// A message is lost if it has not arrived when nothing has arrived for this time.
const SILENCE: Duration = Duration::from_secs(5);

pub fn run(kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Vec<Metric>> {
    let server = ServerProcess::start(kind, build_env, &[])?;
    run_on(&server, &IN_FLIGHT, scale.durable, metrics)
}

/// Measures a server with these numbers of messages in flight, one after the other, for this time each. `metrics` turns what was measured with a
/// number into the metrics of the scenario.
pub(super) fn run_on(
    server: &ServerProcess,
    in_flight: &[usize],
    time: Duration,
    metrics: impl Fn(Measured) -> Result<Vec<Metric>>,
) -> Result<Vec<Metric>> {
    let (mut load, mut run) = connect(server.port, |_| server.port)?;
    let mut all = Vec::new();
    for in_flight in in_flight {
        all.extend(metrics(measure(server, &mut load, &mut run, *in_flight, time)?)?);
    }
    run.in_flight = 0;
    finish(&mut load, &mut run)?;
    all.extend(run.totals());
    Ok(all)
}

/// Creates the rooms on a server, and connects each user to the server with the port of [`RoomRole`].
pub(super) fn connect(rooms_on: u16, port_of: impl Fn(RoomRole) -> u16) -> Result<(LoadGenerator, DurableRun)> {
    let mut load = LoadGenerator::new(rooms_on)?;
    let rooms = (0..ROOMS).map(|room| create_chat_room(rooms_on, users_of(room))).collect::<Result<Vec<String>>>()?;
    let role_of = |number: usize| if number.is_multiple_of(MEMBERS) { RoomRole::Sender } else { RoomRole::Receiver };
    let handshakes: Vec<ClientHandshake> = (0..ROOMS * MEMBERS).map(|number| writer_client(number, &rooms[number / MEMBERS])).collect();
    let mut handshakes = handshakes.into_iter().enumerate().peekable();
    while let Some((number, _)) = handshakes.peek() {
        let port = port_of(role_of(*number));
        load.use_port(port);
        let group: Vec<ClientHandshake> = std::iter::from_fn(|| handshakes.next_if(|(number, _)| port_of(role_of(*number)) == port))
            .map(|(_, handshake)| handshake)
            .collect();
        load.connect_clients(group.into_iter(), CONCURRENT_CONNECTS)?;
    }
    Ok((load, DurableRun::new(&rooms)))
}

/// What a member of a room does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RoomRole {
    /// The first member, who sends all messages of the room, and receives them.
    Sender,
    /// Another member, who receives them.
    Receiver,
}

/// The share of the deliveries that the receivers get.
pub(super) const RECEIVERS_SHARE: f64 = (MEMBERS - 1) as f64 / MEMBERS as f64;

/// What was measured with a number of messages in flight.
pub(super) struct Measured {
    pub in_flight: usize,
    before: Snapshot,
    after: Snapshot,
    pub latencies: Latencies,
}

/// Measures for this time, with this number of messages in flight.
fn measure(server: &ServerProcess, load: &mut LoadGenerator, run: &mut DurableRun, in_flight: usize, time: Duration) -> Result<Measured> {
    run.warm_up(load, in_flight)?;
    let before = Snapshot::take(server, run)?;
    run.latencies = Some(Latencies::default());
    load.run_for(time, run)?;
    let after = Snapshot::take(server, run)?;
    let latencies = run.latencies.take().unwrap_or_default();
    Ok(Measured { in_flight, before, after, latencies })
}

fn users_of(room: usize) -> std::ops::Range<usize> {
    room * MEMBERS..(room + 1) * MEMBERS
}

/// Waits for the messages in flight.
fn finish(load: &mut LoadGenerator, run: &mut DurableRun) -> Result<()> {
    let mut progress = (run.received(), Instant::now());
    while run.is_incomplete() && progress.1.elapsed() < SILENCE {
        load.poll_once(Duration::from_millis(50), run)?;
        if progress.0 != run.received() {
            progress = (run.received(), Instant::now());
        }
    }
    Ok(())
}

/// The clocks and counters at one moment.
struct Snapshot {
    at: Instant,
    server: Duration,
    database: Option<Duration>,
    acknowledged: usize,
    delivered: usize,
}

impl Snapshot {
    fn take(server: &ServerProcess, run: &DurableRun) -> Result<Self> {
        let (acknowledged, delivered) = run.counts();
        Ok(Self { at: Instant::now(), server: server.process.cpu()?, database: server.database_cpu()?, acknowledged, delivered })
    }
}

impl Measured {
    /// The acknowledged messages in each second.
    pub fn messages_per_second(&self) -> f64 {
        (self.after.acknowledged - self.before.acknowledged) as f64 / (self.after.at - self.before.at).as_secs_f64()
    }
}

fn metrics(measured: Measured) -> Result<Vec<Metric>> {
    let messages_per_second = measured.messages_per_second();
    let Measured { in_flight, before, after, mut latencies } = measured;
    let (messages, deliveries) = (after.acknowledged - before.acknowledged, after.delivered - before.delivered);
    ensure!(messages > 0, "no message was acknowledged");
    let server = after.server - before.server;
    let database = after.database.zip(before.database).map(|(after, before)| after - before);
    let cpu = server + database.unwrap_or_default();
    let name = |name: &str| format!("{in_flight} in flight: {name}");
    let mut metrics = vec![
        Metric::throughput(name("messages per CPU second, including the database"), messages as f64 / cpu.as_secs_f64()),
        Metric::throughput(name("messages per second"), messages_per_second),
        Metric::plain(name("server CPU per delivery, µs"), micros(server, deliveries)),
    ];
    metrics.extend(database.map(|database| Metric::plain(name("database CPU per delivery, µs"), micros(database, deliveries))));
    metrics.extend([
        Metric::plain(name("ack p50, µs"), latencies.percentile(0.5)),
        Metric::plain(name("ack p99, µs"), latencies.percentile(0.99)),
    ]);
    Ok(metrics)
}

/// The messages of a room.
struct RoomMessages {
    message: NumberedMessage,
    sent: Vec<Instant>,
    acks: DeliveryTracker,
    deliveries: DeliveryTracker,
}

/// The messages of all rooms. The client numbered `room * MEMBERS` sends in that room.
pub(super) struct DurableRun {
    rooms: Vec<RoomMessages>,
    /// The latencies of the acknowledgements, while they are measured.
    latencies: Option<Latencies>,
    /// How many messages may be in flight, for all senders together.
    in_flight: usize,
}

impl DurableRun {
    fn new(rooms: &[String]) -> Self {
        let room = |room: &String| {
            // All messages have the same acknowledgement id, because the acknowledgement contains the message with its number.
            let message = format!(r#"42/chat,1["message:send",{{"roomId":{room},"content":"{}","type":"TEXT"}}]"#, text(TEXT));
            let message = NumberedMessage::new(client_text(&message));
            RoomMessages { message, sent: Vec::new(), acks: DeliveryTracker::new(1), deliveries: DeliveryTracker::new(MEMBERS) }
        };
        Self { rooms: rooms.iter().map(room).collect(), latencies: None, in_flight: 0 }
    }

    /// Sends until this number of messages is in flight, and keeps them in flight for some time.
    pub(super) fn warm_up(&mut self, load: &mut LoadGenerator, in_flight: usize) -> Result<()> {
        self.in_flight = in_flight;
        let mut start = Sends::default();
        (0..ROOMS).for_each(|room| self.fill(room, &mut start));
        load.send_all(&mut start)?;
        load.run_for(WARM_UP, self)
    }

    /// Sends messages in a room until its share of the messages is in flight.
    fn fill(&mut self, number: usize, sends: &mut Sends) {
        let share = self.in_flight / ROOMS + usize::from(number < self.in_flight % ROOMS);
        let room = &mut self.rooms[number];
        while room.sent.len() < room.acks.delivered + share {
            sends.push(number * MEMBERS, room.message.with_number(room.sent.len()));
            room.sent.push(Instant::now());
        }
    }

    /// The number of acknowledged messages, and the number of deliveries.
    pub(super) fn counts(&self) -> (usize, usize) {
        self.rooms.iter().fold((0, 0), |(acks, deliveries), room| (acks + room.acks.delivered, deliveries + room.deliveries.delivered))
    }

    /// The faults of all messages.
    fn totals(&self) -> [Metric; 4] {
        let sum = |count: fn(&RoomMessages) -> usize| self.rooms.iter().map(count).sum::<usize>();
        let sent = sum(|room| room.sent.len());
        [
            Metric::count("not acknowledged", sum(|room| room.acks.lost(room.sent.len())), sent),
            Metric::count("lost", sum(|room| room.deliveries.lost(room.sent.len())), sent * MEMBERS),
            Metric::count("reordered", sum(|room| room.deliveries.reordered), sent * MEMBERS),
            Metric::count("repeated", sum(|room| room.deliveries.repeated), sent * MEMBERS),
        ]
    }

    fn received(&self) -> usize {
        let (acknowledged, delivered) = self.counts();
        acknowledged + delivered
    }

    fn is_incomplete(&self) -> bool {
        self.rooms.iter().any(|room| room.acks.lost(room.sent.len()) + room.deliveries.lost(room.sent.len()) > 0)
    }
}

impl Script for DurableRun {
    fn message(&mut self, to: usize, text: &[u8], at: Instant, sends: &mut Sends) {
        let (room_number, member) = (to / MEMBERS, to % MEMBERS);
        let room = &mut self.rooms[room_number];
        let Some(number) = number_in(text).filter(|number| *number < room.sent.len()) else { return };
        if text.starts_with(br#"42/chat,["message:new""#) {
            room.deliveries.record(member, number);
        } else if text.starts_with(br#"43/chat,1[{"ok":true"#) && room.acks.record(0, number) {
            if let Some(latencies) = &mut self.latencies {
                latencies.add(at.saturating_duration_since(room.sent[number]));
            }
            self.fill(room_number, sends);
        }
    }
}
