//! What a server's process costs: CPU by its own clock, memory from /proc.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

/// A process that is being measured.
#[derive(Clone, Copy)]
pub struct Process {
    pid: Pid,
    clock: ClockId,
}

impl Process {
    pub fn new(pid: u32) -> Result<Self> {
        let pid = Pid::from_raw(i32::try_from(pid)?);
        let clock = clock_getcpuclockid(pid).with_context(|| format!("process {pid} has no CPU clock"))?;
        Ok(Self { pid, clock })
    }

    /// User and system time of all its threads, those that have ended too, to the nanosecond. It is the sum of what
    /// /proc/PID/task/*/schedstat says, without losing a thread that ends.
    pub fn cpu(&self) -> Result<Duration> {
        let time = self.clock.now().with_context(|| format!("process {} has gone", self.pid))?;
        Ok(Duration::from(time))
    }

    /// User-space memory that is its own, in bytes, counted page by page: slow for a big process.
    pub fn memory(&self) -> Result<u64> {
        self.kilobytes("smaps_rollup", "Anonymous:")
    }

    /// The same from the kernel's running counter: quick, and exact to a few pages a thread.
    pub fn memory_at_a_glance(&self) -> Result<u64> {
        self.kilobytes("status", "RssAnon:")
    }

    /// Waits until its memory has stood still for a second, at most ten seconds.
    pub fn settled_memory(&self, mut meanwhile: impl FnMut(Duration) -> Result<()>) -> Result<u64> {
        let start = Instant::now();
        let mut last = self.memory()?;
        loop {
            meanwhile(Duration::from_secs(1))?;
            let now = self.memory()?;
            if now.abs_diff(last) < 32 * 1024 || start.elapsed() > Duration::from_secs(10) {
                return Ok(now);
            }
            last = now;
        }
    }

    fn kilobytes(&self, file: &str, field: &str) -> Result<u64> {
        let path = format!("/proc/{}/{file}", self.pid);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let value = text.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("{path} has no {field}"))?;
        Ok(value.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }
}
