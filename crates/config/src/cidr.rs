//! The values of `TRUSTED_PROXIES`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::value::SettingValue;

/// A range of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CidrRange(IpNet);

impl CidrRange {
    /// Whether the range contains an address. An IPv4 address in the IPv6 form counts as that IPv4 address.
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl SettingValue for CidrRange {
    const EXPECTED: &'static str = "addresses or ranges of them, such as 10.0.0.0/8, 127.0.0.1 or fd00::/8";

    fn read(text: &str) -> Option<Self> {
        let range = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
        Some(Self(range))
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}
