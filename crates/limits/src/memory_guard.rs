//! The memory in use, its effect on new connections, and the bound on the bytes in hand.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use config::{Config, MemoryLimit};

use crate::admission::Admission;
use crate::bytes_in_memory::{BytesInHand, Shares};

/// The interval of the checks. A check reads a file of the kernel, which takes some microseconds.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// The interval while memory is short.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// New connections are admitted again when the use is below this percentage of the limit, so that admission does not alternate.
const RESUME_PERCENT: u64 = 95;

/// The percentage of the available memory that the server may use by default.
const DEFAULT_PERCENT: u64 = 80;

/// Rejects new connections, for as long as the task runs, while the process uses more than `limit` bytes; and ends the holders of the most
/// bytes in hand.
pub async fn watch(limit: u64, admission: Arc<Admission>, in_hand: Arc<BytesInHand>) {
    let mut short = false;
    loop {
        match used() {
            Ok(used) => {
                if used > limit {
                    // The bytes of the largest holders are freed first.
                    in_hand.halve();
                }
                if short {
                    release_to_system();
                }
                let now = if short { used > limit / 100 * RESUME_PERCENT } else { used > limit };
                if now != short {
                    short = now;
                    admission.short_of_memory(short);
                    tracing::warn!(
                        used,
                        limit,
                        "{}",
                        if short {
                            "low memory: new connections are rejected"
                        } else {
                            "enough memory: new connections are accepted again"
                        }
                    );
                }
            }
            Err(error) => tracing::debug!(%error, "failed to read the used memory"),
        }
        tokio::time::sleep(if short { RECHECK_INTERVAL } else { CHECK_INTERVAL }).await;
    }
}

/// Has the allocator return free memory to the system. The allocator keeps the memory of a burst, so the limit would stay exceeded. While
/// memory is short, and after a burst, the call is worth the short time for which the arenas are locked.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
pub fn release_to_system() {
    // SAFETY: malloc_trim(3) may be called at any time, from any thread; it touches nothing that is in use.
    unsafe { libc::malloc_trim(0) };
}

/// Other C libraries have no such call.
#[cfg(not(target_env = "gnu"))]
pub fn release_to_system() {}

/// The bytes of memory that the process has allocated and written. Mapped pages of files are not counted, because the kernel can reclaim
/// them.
///
/// # Errors
/// If the kernel does not provide the number.
pub fn used() -> io::Result<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    // proc(5): size, resident, shared, …
    let mut numbers = pages.split(' ').skip(1).map_while(|number| number.parse::<u64>().ok());
    let (resident, shared) = numbers.next().zip(numbers.next()).ok_or(io::ErrorKind::InvalidData)?;
    Ok(resident.saturating_sub(shared) * rustix::param::page_size() as u64)
}

/// How many bytes of memory the server may use by this setting; `None` if that is not limited or not known.
pub fn limit(setting: MemoryLimit) -> Option<u64> {
    match setting {
        MemoryLimit::Bytes(bytes) => Some(bytes),
        MemoryLimit::Auto => default_limit(),
        MemoryLimit::Off => None,
    }
}

/// The limit if none is set: a share of the machine's memory, or of what its control group may use. None if neither is known.
pub fn default_limit() -> Option<u64> {
    [machine_memory(), cgroup_memory()].into_iter().flatten().min().map(|bytes| bytes / 100 * DEFAULT_PERCENT)
}

/// The default of `BYTES_IN_HAND` is the memory limit divided by this.
const IN_HAND_DIVISOR: u64 = 4;

/// The default shares of one address and of one user are `BYTES_IN_HAND` divided by these.
const ADDRESS_DIVISOR: usize = 4;
const USER_DIVISOR: usize = 8;

/// The default of `BYTES_IN_HAND` without a known memory limit, in bytes.
const DEFAULT_IN_HAND: u64 = 256 << 20;

/// A default share has room for at least this many times the largest message: a request takes its text once, and its parsed values about
/// twice that.
const LARGEST_DIVISOR: usize = 4;

/// How many bytes may be in hand. The inputs are the settings, and the memory limit in bytes, if there is one.
pub fn shares(config: &Config, memory: Option<u64>) -> Shares {
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let limits = &config.limits;
    let of = |limit: MemoryLimit, auto: usize| match limit {
        MemoryLimit::Off => usize::MAX,
        MemoryLimit::Bytes(given) => bytes(given),
        MemoryLimit::Auto => auto.max(LARGEST_DIVISOR * config.realtime.max_payload.0),
    };
    let usual = bytes(memory.or_else(default_limit).map_or(DEFAULT_IN_HAND, |memory| memory / IN_HAND_DIVISOR));
    let all = of(limits.bytes_in_hand, usual);
    // Without a bound on the total, the default shares are parts of the usual total.
    let whole = if all == usize::MAX { usual } else { all };
    Shares {
        all,
        of_an_address: of(limits.bytes_in_hand_per_address, whole / ADDRESS_DIVISOR),
        of_a_user: of(limits.bytes_in_hand_per_user, whole / USER_DIVISOR),
    }
}

fn machine_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// The least limit of the process's control group (cgroups(7)) and those around it.
fn cgroup_memory() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().filter_map(limits_of).flatten().min()
}

/// The limits that one line of `/proc/self/cgroup` leads to. In a container the group's path may not be there, and its files lie at the
/// root.
fn limits_of(line: &str) -> Option<impl Iterator<Item = u64>> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (root, file) = match parts.next()? {
        "" => ("/sys/fs/cgroup", "memory.max"),
        controllers if controllers.split(',').any(|name| name == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return None,
    };
    let group = PathBuf::from(parts.next()?.trim_start_matches('/').to_owned());
    let around: Vec<PathBuf> = group.ancestors().map(|group| Path::new(root).join(group).join(file)).collect();
    // "max" means that there is no limit, and does not parse as a number.
    Some(around.into_iter().filter_map(|file| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_memory_counts_as_used() {
        let before = used().unwrap();
        let written = vec![1_u8; 64 << 20];
        assert!(used().unwrap() >= before + (60 << 20), "{} bytes are written", written.len());
        assert!(used().unwrap() < machine_memory().unwrap());
    }

    #[test]
    fn the_default_limit_is_a_part_of_the_memory() {
        let limit = default_limit().unwrap();
        assert!(limit > 0 && limit <= machine_memory().unwrap() / 100 * DEFAULT_PERCENT);
    }
}
