//! The CPU time and the memory of a server's process: CPU time by the process's own clock, memory from /proc.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// The resource usage of a process.
#[derive(Clone, Copy)]
pub struct ProcessUsage {
    pid: Pid,
    clock: ClockId,
}

impl ProcessUsage {
    pub fn new(pid: u32) -> Result<Self> {
        let pid = Pid::from_raw(i32::try_from(pid)?);
        let clock = clock_getcpuclockid(pid).with_context(|| format!("process {pid} has no CPU clock"))?;
        Ok(Self { pid, clock })
    }

    /// User and system time of all its threads, including those that have ended, in nanoseconds. It equals the sum of /proc/PID/task/*/schedstat, which
    /// would miss threads that have ended.
    pub fn cpu(&self) -> Result<Duration> {
        let time = self.clock.now().with_context(|| format!("process {} has ended", self.pid))?;
        Ok(Duration::from(time))
    }

    /// The CPU time of the process and its children. The time of children that have ended is exact to a hundredth of a second.
    pub fn cpu_with_children(&self) -> Result<Duration> {
        let ended = self.ended_children()?;
        // A child that ends between the two lines is not counted this time.
        let living = children_of(self.pid)?.into_iter().filter_map(|child| Self::new(child).ok()?.cpu().ok());
        Ok(self.cpu()? + ended + living.sum::<Duration>())
    }

    /// The CPU time of the children that have ended and that the process has waited for.
    fn ended_children(&self) -> Result<Duration> {
        let [user, system] = [16, 17].map(|field| stat_field(self.pid, field));
        let ticks = sysconf(SysconfVar::CLK_TCK)?.context("no clock ticks")?;
        Ok(Duration::from_secs_f64((user? + system?) as f64 / ticks as f64))
    }

    /// The anonymous memory of the process in bytes. The kernel counts it page by page, which is slow for a large process.
    pub fn memory(&self) -> Result<u64> {
        self.kilobytes("smaps_rollup", "Anonymous:")
    }

    /// The anonymous memory in bytes, from a counter of the kernel: fast, and exact to a few pages for each thread.
    pub fn approximate_memory(&self) -> Result<u64> {
        self.kilobytes("status", "RssAnon:")
    }

    /// Waits until the memory has not changed for a second, at most ten seconds. `wait` lets time pass.
    pub fn memory_when_settled(&self, mut wait: impl FnMut(Duration) -> Result<()>) -> Result<u64> {
        let start = Instant::now();
        let mut last = self.memory()?;
        loop {
            wait(Duration::from_secs(1))?;
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
        let its_parent = i32::try_from(*process).ok().and_then(|process| stat_field(Pid::from_raw(process), 4).ok());
        its_parent == u64::try_from(parent.as_raw()).ok()
    };
    Ok(processes.filter(is_child).collect())
}

/// A number of /proc/PID/stat, counted from 1 as in proc(5).
fn stat_field(pid: Pid, field: usize) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The second field is the name in brackets, which may contain any character.
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
    fn time_of_a_child_counts_before_and_after_its_end() {
        // The shell's child works, prints `worked`, and waits for a line. The shell waits until its input ends.
        let script = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo worked; read line'; echo ended; cat";
        let mut shell = Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = shell.stdin.take().unwrap();
        let mut output = BufReader::new(shell.stdout.take().unwrap()).lines();
        let process = ProcessUsage::new(shell.id()).unwrap();
        let assert_counted = |when: &str| {
            let (own, all) = (process.cpu().unwrap(), process.cpu_with_children().unwrap());
            assert!(all > own * 2, "{when}: {own:?} {all:?}");
        };
        assert_eq!(output.next().unwrap().unwrap(), "worked");
        assert_counted("running");
        input.write_all(b"\n").unwrap();
        assert_eq!(output.next().unwrap().unwrap(), "ended");
        assert_counted("ended");
        drop(input);
        shell.wait().unwrap();
    }
}
