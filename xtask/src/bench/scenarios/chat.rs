//! Two users of the studio contract send each other messages at a steady rate, independently of the other load on the server.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::bench::load::{Load, Script, Sends, client_text};
use crate::bench::sequence::{Numbered, number_in, text};
use crate::bench::server::Server;
use crate::bench::stage::{chatter, open_chat_room};

/// A hundred messages a second.
const INTERVAL: Duration = Duration::from_millis(10);
const TEXT: usize = 100;
/// What has not come when nothing has come for so long is lost.
const SILENCE: Duration = Duration::from_secs(5);

pub struct Chat {
    load: Load,
    message: Numbered,
    /// The number of the next message.
    next: usize,
}

/// One message: when it was due, and how long after that the other one had it.
#[derive(Clone, Copy)]
pub struct Exchange {
    pub due: Instant,
    pub took: Option<Duration>,
}

impl Chat {
    /// The two have the numbers `first` and `first + 1`.
    pub fn begin(server: &Server, first: usize) -> Result<Self> {
        let room = open_chat_room(server.port, first..first + 2)?;
        let mut load = Load::new(server.port)?;
        load.admit([chatter(first, &room), chatter(first + 1, &room)].into_iter(), 1)?;
        let message = format!(r#"42/chat,["message:send",{{"roomId":{room},"content":"{}"}}]"#, text(TEXT));
        Ok(Self { load, message: Numbered::new(client_text(&message)), next: 0 })
    }

    /// They talk for as long as this is so, and then wait for what has not come yet.
    pub fn go_on_while(&mut self, goes_on: impl Fn() -> bool) -> Result<Vec<Exchange>> {
        let Self { load, message, next } = self;
        load.tick_every(INTERVAL)?;
        let mut talk = Talk { message, first: *next, start: Instant::now(), ending: false, exchanges: Vec::new(), missing: 0 };
        while goes_on() {
            load.turn(INTERVAL, &mut talk)?;
        }
        talk.ending = true;
        let mut heard = (talk.missing, Instant::now());
        while talk.missing > 0 && heard.1.elapsed() < SILENCE {
            load.turn(INTERVAL, &mut talk)?;
            if heard.0 != talk.missing {
                heard = (talk.missing, Instant::now());
            }
        }
        *next += talk.exchanges.len();
        Ok(talk.exchanges)
    }
}

struct Talk<'a> {
    message: &'a mut Numbered,
    /// The number of the first message; those below belong to an earlier talk.
    first: usize,
    start: Instant,
    ending: bool,
    exchanges: Vec<Exchange>,
    missing: usize,
}

impl Script for Talk<'_> {
    fn ticked(&mut self, times: u64, sends: &mut Sends) {
        if self.ending {
            return;
        }
        for _ in 0..times {
            let number = self.first + self.exchanges.len();
            let due = self.start + INTERVAL * (self.exchanges.len() as u32 + 1);
            sends.push(number % 2, self.message.with(number));
            self.exchanges.push(Exchange { due, took: None });
            self.missing += 1;
        }
    }

    fn message(&mut self, to: usize, text: &[u8], at: Instant, _sends: &mut Sends) {
        let number = number_in(text).filter(|number| number % 2 != to);
        let place = number.and_then(|number| number.checked_sub(self.first));
        if let Some(exchange) = place.and_then(|place| self.exchanges.get_mut(place))
            && exchange.took.is_none()
        {
            exchange.took = Some(at.saturating_duration_since(exchange.due));
            self.missing -= 1;
        }
    }
}
