//! What a server's process costs: CPU by its own clock, memory from /proc.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::{Pid, SysconfVar, sysconf};

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

    /// The same with its children, those that have ended too (to a hundredth of a second).
    pub fn cpu_with_children(&self) -> Result<Duration> {
        let ended = self.ended_children()?;
        // One that ends while it is asked for is missing this time.
        let living = children_of(self.pid)?.into_iter().filter_map(|child| Self::new(child).ok()?.cpu().ok());
        Ok(self.cpu()? + ended + living.sum())
    }

    /// What children have used that have ended and were waited for.
    fn ended_children(&self) -> Result<Duration> {
        let [user, system] = [16, 17].map(|field| stat_field(self.pid, field));
        let ticks = sysconf(SysconfVar::CLK_TCK)?.context("no clock ticks")?;
        Ok(Duration::from_secs_f64((user? + system?) as f64 / ticks as f64))
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

fn children_of(parent: Pid) -> Result<Vec<u32>> {
    let processes = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |process: &u32| {
        let parent_of_it = i32::try_from(*process).ok().and_then(|process| stat_field(Pid::from_raw(process), 4).ok());
        parent_of_it == u64::try_from(parent.as_raw()).ok()
    };
    Ok(processes.filter(is_child).collect())
}

/// A number of /proc/PID/stat, counted from 1 as in proc(5).
fn stat_field(pid: Pid, field: usize) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The second is a name in brackets, in which anything may stand.
    let (_, rest) = text.rsplit_once(')').with_context(|| format!("{path} has no name"))?;
    let number = rest.split_whitespace().nth(field - 3).with_context(|| format!("{path} has no field {field}"))?;
    Ok(number.parse()?)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_childs_time_counts_while_it_lives_and_when_it_has_ended() {
        // The shell's child works, prints `worked`, and waits for a line. The shell waits until its input ends.
        let script = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo worked; read line'; echo ended; cat";
        let mut shell = Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = shell.stdin.take().unwrap();
        let mut said = BufReader::new(shell.stdout.take().unwrap()).lines();
        let process = Process::new(shell.id()).unwrap();
        let counts = |when: &str| {
            let (own, all) = (process.cpu().unwrap(), process.cpu_with_children().unwrap());
            assert!(all > own * 2, "{when}: {own:?} {all:?}");
        };
        assert_eq!(said.next().unwrap().unwrap(), "worked");
        counts("living");
        told.write_all(b"\n").unwrap();
        assert_eq!(said.next().unwrap().unwrap(), "ended");
        counts("ended");
        drop(told);
        shell.wait().unwrap();
    }
}
