//! `message:send` into a studio room of any size, some of whose members are online: the cost should be the deliveries.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use super::client;
use crate::bench::figure::Figure;
use crate::bench::load::{Load, Script, Sends, client_text};
use crate::bench::scenarios::micros;
use crate::bench::sequence::{Account, Numbered, number_in, text};
use crate::bench::server::Server;
use crate::bench::stage::{AT_ONCE, chatter, open_chat_room};
use crate::bench::token::{sign, subject};

/// How many members are online, if the room has as many.
const ONLINE: [usize; 2] = [1_000, 5_000];
/// Deliveries that are measured, at least.
const DELIVERIES: usize = 100_000;
const TEXT: usize = 100;
/// A message that has not come when nothing has come for so long is lost.
const SILENCE: Duration = Duration::from_secs(5);

pub fn measure(server: &Server, members: usize) -> Result<Vec<Figure>> {
    let room = open_chat_room(server.port, 0..1)?;
    let path = format!("/shared/chat/rooms/{room}/members");
    client::for_each(server.port, members - 1, |client, number| {
        client.ask("POST", &path, &sign(0, None), Some(&json!({"userId": subject(number + 1)}))).map(drop)
    })?;
    let mut figures = Vec::new();
    let mut measured = 0;
    for online in ONLINE.map(|online| online.min(members)) {
        if online > measured {
            measured = online;
            figures.extend(send(server, &room, members, online)?);
        }
    }
    Ok(figures)
}

/// One message after the other: the next when all members who are online have received the last one.
fn send(server: &Server, room: &str, members: usize, online: usize) -> Result<Vec<Figure>> {
    let mut load = Load::new(server.port)?;
    load.admit((0..online).map(|number| chatter(number, room)), AT_ONCE)?;
    let message = format!(r#"42/chat,["message:send",{{"roomId":{room},"content":"{}"}}]"#, text(TEXT));
    let mut talk = Talk { message: Numbered::new(client_text(&message)), online, sent: 0, limit: 10, told: Account::new(online) };
    talk.run(&mut load)?;

    let (before, told) = (server.process.cpu()?, talk.told.delivered);
    talk.limit += DELIVERIES.div_ceil(online);
    talk.run(&mut load)?;
    let deliveries = talk.told.delivered - told;
    ensure!(deliveries > 0, "no message was delivered");
    let name = |what: &str| format!("message, {members} members, {online} online, {what}");
    Ok(vec![
        Figure::plain(name("CPU µs a delivery"), micros(server.process.cpu()? - before, deliveries)),
        Figure::count(name("lost"), talk.told.lost(talk.sent), talk.sent * online),
    ])
}

/// The first client sends; all receive.
struct Talk {
    message: Numbered,
    online: usize,
    sent: usize,
    /// How many messages are sent in all.
    limit: usize,
    told: Account,
}

impl Talk {
    fn run(&mut self, load: &mut Load) -> Result<()> {
        let mut sends = Sends::default();
        self.next(&mut sends);
        load.send_all(&mut sends)?;
        let mut last = (self.told.delivered, Instant::now());
        while self.told.delivered < self.limit * self.online && last.1.elapsed() < SILENCE {
            load.turn(Duration::from_millis(50), self)?;
            if last.0 != self.told.delivered {
                last = (self.told.delivered, Instant::now());
            }
        }
        Ok(())
    }

    fn next(&mut self, sends: &mut Sends) {
        sends.push(0, self.message.with(self.sent));
        self.sent += 1;
    }
}

impl Script for Talk {
    fn message(&mut self, to: usize, text: &[u8], _at: Instant, sends: &mut Sends) {
        let Some(number) = number_in(text).filter(|number| *number < self.sent) else { return };
        if text.starts_with(br#"42/chat,["message:new""#)
            && self.told.enter(to, number)
            && self.told.delivered == self.sent * self.online
            && self.sent < self.limit
        {
            self.next(sends);
        }
    }
}
