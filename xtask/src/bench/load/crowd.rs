//! Letting many clients in, a bounded number at a time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::{Entrance, Load, Script, Sends};

const PATIENCE: Duration = Duration::from_secs(30);

/// What happened while a crowd came in.
#[derive(Default)]
pub struct Admission {
    /// How long each took.
    pub took: Vec<Duration>,
    /// Messages for those who were in already.
    pub heard: usize,
    closed: usize,
}

impl Script for Admission {
    fn message(&mut self, _to: usize, _text: &[u8], _at: Instant, _sends: &mut Sends) {
        self.heard += 1;
    }

    fn entered(&mut self, _who: usize, took: Duration) {
        self.took.push(took);
    }

    fn closed(&mut self, _who: usize) {
        self.closed += 1;
    }
}

impl Load {
    /// Connects them all, at most `at_once` in progress.
    pub fn admit(&mut self, mut entrances: impl ExactSizeIterator<Item = Entrance>, at_once: usize) -> Result<Admission> {
        let wanted = entrances.len();
        let mut admission = Admission::default();
        let mut opened = 0;
        let mut progress = (0, Instant::now());
        while admission.took.len() < wanted {
            while opened - admission.took.len() < at_once
                && let Some(entrance) = entrances.next()
            {
                self.open(entrance)?;
                opened += 1;
            }
            self.turn(Duration::from_millis(100), &mut admission)?;
            ensure!(admission.closed == 0, "the server closed a client that was coming in ({} of {wanted} were in)", admission.took.len());
            if progress.0 != admission.took.len() {
                progress = (admission.took.len(), Instant::now());
            } else if progress.1.elapsed() > PATIENCE {
                bail!("only {} of {wanted} clients came in, and no more for {} s", admission.took.len(), PATIENCE.as_secs());
            }
        }
        Ok(admission)
    }
}
