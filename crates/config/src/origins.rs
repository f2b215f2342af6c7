//! The web pages that may use the server. Only browsers send an `Origin` that a client cannot forge, and only browsers need this rule.

use http::HeaderMap;
use http::header::{FORWARDED, HOST, HeaderName};

use super::Config;
use super::value::SettingValue;

/// A page's origin: scheme, host and port, in lower case, without the scheme's own port.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Origin(String);

impl Origin {
    /// Reads an `Origin` header, or the origin of a URL. `None` if the text is no origin, as `null` is none.
    pub fn read(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let named = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte);
        if scheme.is_empty() || !scheme.bytes().all(named) || authority.is_empty() || !authority.bytes().all(good) {
            return None;
        }
        Some(Self(format!("{scheme}://{}", without_default_port(authority, scheme))))
    }

    /// True if the page was loaded from this machine: localhost, *.localhost, 127.0.0.0/8 or ::1, on any port.
    fn is_localhost(&self) -> bool {
        let host = host_of(self.authority());
        host == "localhost"
            || host.ends_with(".localhost")
            || host == "[::1]"
            || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
    }

    /// True if this is the origin of the server's own pages. An attacker on the network can change a page that is loaded over http, so such a page
    /// does not belong to a server that is reached over https. The reverse is allowed: a proxy may terminate TLS in front of a server that does not
    /// know of it.
    fn is_of(&self, own: OwnPage<'_>, secure: bool) -> bool {
        let scheme = self.0.split(':').next().unwrap_or_default();
        let host = own.host.map(str::to_ascii_lowercase);
        let same_host = host.is_some_and(|host| without_default_port(&host, scheme) == self.authority());
        same_host && !(scheme == "http" && (secure || own.https))
    }

    fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, authority)| authority)
    }
}

/// An item of the settings: an origin, the URL of a page of it, or `*`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OriginSetting {
    /// Every page, without credentials.
    Every,
    /// Pages of one origin.
    One(Origin),
}

impl SettingValue for OriginSetting {
    const EXPECTED: &'static str = "origins such as https://app.example.com, separated by commas, or *";

    fn read(text: &str) -> Option<Self> {
        if text == "*" { Some(Self::Every) } else { Origin::read(text).map(Self::One) }
    }

    fn show(&self) -> String {
        match self {
            Self::Every => "*".into(),
            Self::One(origin) => origin.0.clone(),
        }
    }
}

/// The CORS headers of a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cors {
    /// `Access-Control-Allow-Origin: *`, without credentials.
    Every,
    /// The request's own origin, with `Access-Control-Allow-Credentials: true`.
    Reflect,
    /// No header: the browser hides the response from the page.
    Nothing,
}

/// The address that a request was sent to. A page from this address is the server's own.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct OwnPage<'a> {
    /// The `Host` header.
    pub host: Option<&'a str>,
    /// True if a proxy's headers say that the client uses https.
    pub https: bool,
}

impl<'a> OwnPage<'a> {
    /// Reads a request's headers: `Host`, and `X-Forwarded-Proto` or the `proto` of `Forwarded` (RFC 7239). These headers are accepted from any
    /// proxy, trusted or not: https only reduces trust, and no page can make a browser send them.
    pub fn of(headers: &'a HeaderMap) -> Self {
        const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
        // A host that is not text equals no origin.
        let host = headers.get(HOST).map(|value| value.to_str().unwrap_or("null"));
        let texts = |name: HeaderName| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        let is_https = |text: &str| text.trim().trim_matches('"').eq_ignore_ascii_case("https");
        let plain = texts(X_FORWARDED_PROTO).flat_map(|value| value.split(',')).any(is_https);
        let pairs = texts(FORWARDED).flat_map(|value| value.split([',', ';'])).filter_map(|pair| pair.split_once('='));
        let standard = pairs.into_iter().any(|(name, value)| name.trim().eq_ignore_ascii_case("proto") && is_https(value));
        Self { host, https: plain || standard }
    }
}

impl<'a> From<Option<&'a str>> for OwnPage<'a> {
    fn from(host: Option<&'a str>) -> Self {
        Self { host, https: false }
    }
}

/// The allowed origins, and what they may do.
#[derive(Clone, Debug)]
pub struct Origins {
    allowed: Vec<Origin>,
    every: bool,
    /// Whether pages on this machine are trusted while no origin is configured.
    trusts_localhost: bool,
    /// Whether the server itself speaks TLS.
    secure: bool,
}

impl Origins {
    /// The rule of the settings: the union of the three lists of origins. In production, only configured origins are trusted.
    pub fn new(config: &Config) -> Self {
        let origins = &config.cors;
        let settings = origins.frontend_urls.iter().chain(&origins.frontend_url).chain(&origins.socket_io_cors_origin);
        let trusts_localhost = !config.auth.is_production();
        let mut rule = Self { allowed: Vec::new(), every: false, trusts_localhost, secure: config.server.tls_cert.is_some() };
        for setting in settings {
            match setting {
                OriginSetting::Every => rule.every = true,
                OriginSetting::One(origin) if rule.allowed.contains(origin) => {}
                OriginSetting::One(origin) => rule.allowed.push(origin.clone()),
            }
        }
        rule
    }

    /// The CORS headers of a response. Every answer needs `Vary: Origin`, too: even an open server reflects some origins.
    ///
    /// The inputs are the request's `Origin` header, and the address that it was sent to.
    pub fn cors<'a>(&self, origin: Option<&str>, own: impl Into<OwnPage<'a>>) -> Cors {
        match origin {
            Some(origin) if self.trusts(origin, own.into()) => Cors::Reflect,
            _ if self.is_open() => Cors::Every,
            _ => Cors::Nothing,
        }
    }

    /// True if a socket may be opened. A request without an Origin may: React Native and backends send none, and pages cannot omit it.
    pub fn allows_socket<'a>(&self, origin: Option<&str>, own: impl Into<OwnPage<'a>>) -> bool {
        origin.is_none_or(|origin| self.is_open() || self.trusts(origin, own.into()))
    }

    /// True if a token in a cookie is accepted: the browser sends cookies for any page, so the page must have a trusted origin.
    ///
    /// The inputs are the `Origin` header, the address that the request was sent to, and the `Sec-Fetch-Site` header; a page's own GETs have no Origin, but
    /// modern browsers say `same-origin` there.
    pub fn allows_cookie<'a>(&self, origin: Option<&str>, own: impl Into<OwnPage<'a>>, fetch_site: Option<&str>) -> bool {
        match origin {
            Some(origin) => self.trusts(origin, own.into()),
            None => fetch_site == Some("same-origin"),
        }
    }

    /// True if every origin is allowed, because `*` or no origin is configured.
    fn is_open(&self) -> bool {
        self.every || self.allowed.is_empty()
    }

    /// True for an origin that may send credentials: one from the settings, the server's own, or, outside production and without a configured origin,
    /// one on this machine.
    fn trusts(&self, origin: &str, own: OwnPage<'_>) -> bool {
        let Some(origin) = Origin::read(origin) else { return false };
        let trusts_localhost = self.trusts_localhost && self.allowed.is_empty() && !self.every;
        self.allowed.contains(&origin) || origin.is_of(own, self.secure) || (trusts_localhost && origin.is_localhost())
    }
}

fn without_default_port<'a>(authority: &'a str, scheme: &str) -> &'a str {
    let port = match scheme {
        "http" | "ws" => ":80",
        "https" | "wss" => ":443",
        _ => return authority,
    };
    authority.strip_suffix(port).unwrap_or(authority)
}

fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}
