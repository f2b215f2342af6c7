//! A timer in the epoll loop. The timeout of epoll has a resolution of a millisecond, which is too coarse for 500 messages a second.

use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use anyhow::Result;
use mio::unix::SourceFd;
use mio::{Interest, Poll, Token};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

pub struct Ticker(TimerFd);

impl Ticker {
    pub fn start(interval: Duration, poll: &Poll, token: Token) -> Result<Self> {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
        poll.registry().register(&mut SourceFd(&timer.as_fd().as_raw_fd()), token, Interest::READABLE)?;
        timer.set(Expiration::Interval(TimeSpec::from_duration(interval)), TimerSetTimeFlags::empty())?;
        Ok(Self(timer))
    }

    /// How many times the timer has expired since the last call.
    pub fn take_expirations(&self) -> Result<u64> {
        let mut count = [0; 8];
        match nix::unistd::read(&self.0, &mut count) {
            Ok(_) => Ok(u64::from_ne_bytes(count)),
            Err(nix::errno::Errno::EAGAIN) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}
