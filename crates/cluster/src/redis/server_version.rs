//! The version of the server.

/// The oldest version of Redis with all commands that a node uses.
const OLDEST: [u32; 2] = [6, 2];

/// Checks the response to `INFO server`. Valkey names the version of Redis with which it is compatible, too.
///
/// # Errors
/// The server is too old, or is no Redis.
pub fn check(info: &str) -> Result<(), String> {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let [major, minor] = OLDEST;
    let Some(version) = field("redis_version") else {
        return Err(format!("the server does not say its version; use Redis {major}.{minor} or newer, or Valkey"));
    };
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    let parsed = numbers.next().flatten().zip(numbers.next().flatten());
    match parsed {
        Some((found_major, found_minor)) if [found_major, found_minor] >= OLDEST => Ok(()),
        _ => Err(format!("version {version} is too old; use Redis {major}.{minor} or newer, or Valkey")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for (info, is_new_enough) in [
            ("# Server\r\nredis_version:7.0.15\r\nos:Linux\r\n", true),
            ("redis_version:6.2.0", true),
            ("redis_version:10.0.1", true),
            ("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0", true),
            ("redis_version:6.0.16", false),
            ("redis_version:5.0", false),
            ("redis_version:unknown", false),
            ("# Server", false),
        ] {
            assert_eq!(check(info).is_ok(), is_new_enough, "{info}");
        }
    }
}
