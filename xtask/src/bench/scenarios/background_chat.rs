//! Two users of the studio contract send each other messages at a steady rate, independently of the other load on the server.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::bench::fixture::{create_chat_room, writer_client};
use crate::bench::load_generator::{LoadGenerator, Script, Sends, client_text};
use crate::bench::sequence_numbers::{NumberedMessage, number_in, text};
use crate::bench::server_process::ServerProcess;

/// The time between two messages: a hundred messages a second.
const INTERVAL: Duration = Duration::from_millis(10);
const TEXT: usize = 100;
/// A message is lost if it has not arrived when nothing has arrived for this time.
const SILENCE: Duration = Duration::from_secs(5);

pub struct BackgroundChat {
    load: LoadGenerator,
    message: NumberedMessage,
    /// The number of the next message.
    next: usize,
}

/// A message: when it was due, and how long after that the other user received it.
#[derive(Clone, Copy)]
pub struct ChatMessage {
    pub due: Instant,
    pub took: Option<Duration>,
}

impl BackgroundChat {
    /// Connects the users with the numbers `first` and `first + 1`.
    pub fn connect(server: &ServerProcess, first: usize) -> Result<Self> {
        let room = create_chat_room(server.port, first..first + 2)?;
        let mut load = LoadGenerator::new(server.port)?;
        load.connect_clients([writer_client(first, &room), writer_client(first + 1, &room)].into_iter(), 1)?;
        let message = format!(r#"42/chat,["message:send",{{"roomId":{room},"content":"{}"}}]"#, text(TEXT));
        Ok(Self { load, message: NumberedMessage::new(client_text(&message)), next: 0 })
    }

    /// Sends messages while `is_running` returns true, and then waits for the messages that have not arrived.
    pub fn run_while(&mut self, is_running: impl Fn() -> bool) -> Result<Vec<ChatMessage>> {
        let Self { load, message, next } = self;
        load.tick_every(INTERVAL)?;
        let mut run = ChatRun { message, first: *next, start: Instant::now(), ending: false, messages: Vec::new(), missing: 0 };
        while is_running() {
            load.poll_once(INTERVAL, &mut run)?;
        }
        run.ending = true;
        let mut progress = (run.missing, Instant::now());
        while run.missing > 0 && progress.1.elapsed() < SILENCE {
            load.poll_once(INTERVAL, &mut run)?;
            if progress.0 != run.missing {
                progress = (run.missing, Instant::now());
            }
        }
        *next += run.messages.len();
        Ok(run.messages)
    }
}

struct ChatRun<'a> {
    message: &'a mut NumberedMessage,
    /// The number of the first message; those below belong to an earlier run.
    first: usize,
    start: Instant,
    ending: bool,
    messages: Vec<ChatMessage>,
    missing: usize,
}

impl Script for ChatRun<'_> {
    fn ticked(&mut self, times: u64, sends: &mut Sends) {
        if self.ending {
            return;
        }
        for _ in 0..times {
            let number = self.first + self.messages.len();
            let due = self.start + INTERVAL * (self.messages.len() as u32 + 1);
            sends.push(number % 2, self.message.with_number(number));
            self.messages.push(ChatMessage { due, took: None });
            self.missing += 1;
        }
    }

    fn message(&mut self, to: usize, text: &[u8], at: Instant, _sends: &mut Sends) {
        let number = number_in(text).filter(|number| number % 2 != to);
        let place = number.and_then(|number| number.checked_sub(self.first));
        if let Some(message) = place.and_then(|place| self.messages.get_mut(place))
            && message.took.is_none()
        {
            message.took = Some(at.saturating_duration_since(message.due));
            self.missing -= 1;
        }
    }
}
