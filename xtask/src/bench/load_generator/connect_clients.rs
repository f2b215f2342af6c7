//! Connects many clients, with a bounded number of handshakes at the same time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::{ClientHandshake, LoadGenerator, Script, Sends};

/// Without progress for this time, connecting fails.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What happened while the clients connected.
#[derive(Default)]
pub struct ConnectOutcome {
    /// How long the handshake of each client took.
    pub durations: Vec<Duration>,
    /// How many messages the clients received that were connected already.
    pub messages: usize,
    closed: usize,
}

impl Script for ConnectOutcome {
    fn message(&mut self, _to: usize, _text: &[u8], _at: Instant, _sends: &mut Sends) {
        self.messages += 1;
    }

    fn connected(&mut self, _client: usize, took: Duration) {
        self.durations.push(took);
    }

    fn closed(&mut self, _client: usize) {
        self.closed += 1;
    }
}

impl LoadGenerator {
    /// Connects all clients, with at most `at_once` handshakes at the same time.
    ///
    /// # Errors
    /// If the server closes a connection, or no handshake completes for 30 s.
    pub fn connect_clients(
        &mut self,
        mut handshakes: impl ExactSizeIterator<Item = ClientHandshake>,
        at_once: usize,
    ) -> Result<ConnectOutcome> {
        let wanted = handshakes.len();
        let mut outcome = ConnectOutcome::default();
        let mut opened = 0;
        let mut progress = (0, Instant::now());
        while outcome.durations.len() < wanted {
            while opened - outcome.durations.len() < at_once
                && let Some(handshake) = handshakes.next()
            {
                self.start_connecting(handshake)?;
                opened += 1;
            }
            self.poll_once(Duration::from_millis(100), &mut outcome)?;
            ensure!(
                outcome.closed == 0,
                "the server closed a connection during its handshake ({} of {wanted} clients were connected)",
                outcome.durations.len()
            );
            if progress.0 != outcome.durations.len() {
                progress = (outcome.durations.len(), Instant::now());
            } else if progress.1.elapsed() > TIMEOUT {
                bail!("only {} of {wanted} clients have connected, and none for {} s", outcome.durations.len(), TIMEOUT.as_secs());
            }
        }
        Ok(outcome)
    }
}
