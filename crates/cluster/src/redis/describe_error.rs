//! Errors of Redis as one line that names the remedy. They never contain the user or the password.

use redis::{ErrorKind, RedisError};

/// Describes an error of a server, which is named by host and port.
pub fn describe(error: &RedisError, server: &str, is_tls: bool) -> String {
    let text = error.to_string();
    let remedy = match (error.code().unwrap_or_default(), error.kind()) {
        ("NOAUTH", _) => "it needs a password: add it to REDIS_URL as redis://:password@host".to_owned(),
        ("WRONGPASS" | "ERR", ErrorKind::AuthenticationFailed) | (_, ErrorKind::AuthenticationFailed) => {
            "it rejects the user or password: correct REDIS_URL".to_owned()
        }
        ("NOPERM", _) => format!("the user lacks a right ({}): allow the prefix of the cluster, its channel, and EVAL", detail(error)),
        ("READONLY", _) => "it is a replica: name the primary in REDIS_URL, or the sentinels with redis+sentinel://".to_owned(),
        ("MOVED" | "ASK", _) => format!("it is a Redis Cluster: name the node that has the slot of the prefix ({})", detail(error)),
        ("LOADING", _) => "it is loading its data: wait until it has started".to_owned(),
        ("OOM", _) => "it has no memory: raise its maxmemory".to_owned(),
        ("MISCONF", _) => {
            "it rejects writes because it cannot save its data: free its disk, or set stop-writes-on-bgsave-error to no".to_owned()
        }
        (_, ErrorKind::MasterNameNotFoundBySentinel) => "the sentinels do not know this service: correct its name in REDIS_URL".to_owned(),
        // A server without TLS waits for the rest of a command.
        _ if error.is_timeout() && is_tls => "it does not respond with TLS: use redis:// for a server without TLS".to_owned(),
        _ if error.is_timeout() => "it does not respond: check the address and the firewall, or start it".to_owned(),
        _ if error.is_connection_refusal() => "it does not accept connections: start it, or correct REDIS_URL".to_owned(),
        _ if is_certificate_fault(&text) => {
            format!("its certificate is not trusted ({}): name its authority with REDIS_CA", one_line(&text))
        }
        _ if is_tls_fault(&text) => format!("TLS fails ({}): use redis:// for a server without TLS", one_line(&text)),
        _ if error.is_connection_dropped() => {
            "it has closed the connection: use rediss:// for a server with TLS, or see its log".to_owned()
        }
        _ => one_line(&text),
    };
    format!("Redis at {server}: {remedy}")
}

fn is_certificate_fault(text: &str) -> bool {
    text.contains("certificate") || text.contains("UnknownIssuer")
}

fn is_tls_fault(text: &str) -> bool {
    text.contains("InvalidContentType") || text.contains("corrupt message") || text.contains("tls")
}

fn detail(error: &RedisError) -> String {
    one_line(error.detail().unwrap_or_default())
}

/// The first line of a text, without its end.
fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}
