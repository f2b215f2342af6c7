//! The machine on which the servers are measured.

use std::fs;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

#[derive(Serialize, Deserialize)]
pub struct Machine {
    cpu: String,
    cores: usize,
    memory_gb: f64,
    kernel: String,
}

impl Machine {
    pub fn this() -> Self {
        Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown CPU".into()),
            cores: cores(),
            memory_gb: field("/proc/meminfo", "MemTotal")
                .and_then(|total| total.trim_end_matches("kB").trim().parse::<f64>().ok())
                .map_or(0.0, |kilobytes| (kilobytes / 104_857.6).round() / 10.0),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().into(),
        }
    }

    pub fn description(&self) -> String {
        format!("{}, {} cores, {} GB, Linux {}", self.cpu, self.cores, self.memory_gb, self.kernel)
    }
}

/// How many threads can run at the same time.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().into())
}

/// The date of today in UTC, such as `2025-12-31`.
pub fn date() -> String {
    OffsetDateTime::now_utc().date().to_string()
}

/// Raises the limit of open files as far as possible, for this process and the servers that it starts. Returns the limit.
pub fn raise_open_files() -> anyhow::Result<u64> {
    let (_, limit) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, limit, limit)?;
    Ok(limit)
}
