//! The values of `HOST`.

use std::net::IpAddr;

use super::value::SettingValue;

/// The address to listen on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Host {
    /// All interfaces, of IPv4 and IPv6.
    Every,
    /// This machine only, on 127.0.0.1 and, if it exists, on ::1: browsers resolve `localhost` to either.
    Localhost,
    /// One address.
    Ip(IpAddr),
    /// A host name that the server resolves at the start.
    Name(String),
}

impl Host {
    /// True if only this machine can connect.
    pub fn is_loopback(&self) -> bool {
        match self {
            Host::Localhost => true,
            Host::Ip(ip) => ip.to_canonical().is_loopback(),
            Host::Every | Host::Name(_) => false,
        }
    }
}

impl SettingValue for Host {
    const EXPECTED: &'static str = "an address such as 0.0.0.0, ::1 or localhost, without scheme and port";

    fn read(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("localhost") {
            return Some(Self::Localhost);
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse() {
            return Some(Self::Ip(ip));
        }
        let name = text.split('.').all(|label| {
            !label.is_empty() && label.len() <= 63 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        });
        // A text of digits and dots is a mistyped address and not a name.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        (name && !digits && text.len() <= 253).then(|| Self::Name(text.into()))
    }

    fn show(&self) -> String {
        match self {
            Host::Every => String::new(),
            Host::Localhost => "localhost".into(),
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name.clone(),
        }
    }
}
