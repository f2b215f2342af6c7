//! Which web pages may talk to the server. Only browsers send an `Origin` that can be believed, and only they need this rule.

use super::sections::OriginsConfig;
use super::value::Value;

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

    /// True if the request's `Host` header names where the page was loaded from. The schemes may differ: a proxy ends TLS.
    fn is_host(&self, host: &str) -> bool {
        let scheme = self.0.split(':').next().unwrap_or_default();
        without_default_port(&host.to_ascii_lowercase(), scheme) == self.authority()
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

impl Value for OriginSetting {
    const WANTED: &'static str = "origins such as https://app.example.com, parted by commas, or *";

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

/// What the CORS headers of an answer are to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cors {
    /// `Access-Control-Allow-Origin: *`, without credentials.
    Every,
    /// The request's own origin, with `Access-Control-Allow-Credentials: true`.
    Reflect,
    /// No allowing header: the browser keeps the answer from the page.
    Nothing,
}

/// The rule: who is allowed what.
#[derive(Clone, Debug)]
pub struct Origins {
    allowed: Vec<Origin>,
    every: bool,
}

impl Origins {
    /// The rule that the settings make: the union of the three.
    pub fn new(config: &OriginsConfig) -> Self {
        let settings = config.frontend_urls.iter().chain(&config.frontend_url).chain(&config.socket_io_cors_origin);
        let mut rule = Self { allowed: Vec::new(), every: false };
        for setting in settings {
            match setting {
                OriginSetting::Every => rule.every = true,
                OriginSetting::One(origin) if rule.allowed.contains(origin) => {}
                OriginSetting::One(origin) => rule.allowed.push(origin.clone()),
            }
        }
        rule
    }

    /// What an answer's CORS headers say. Every answer needs `Vary: Origin`, too: even an open server reflects some.
    ///
    /// Inputs: the request's `Origin` and `Host` headers.
    pub fn cors(&self, origin: Option<&str>, host: Option<&str>) -> Cors {
        match origin {
            Some(origin) if self.trusts(origin, host) => Cors::Reflect,
            _ if self.is_open() => Cors::Every,
            _ => Cors::Nothing,
        }
    }

    /// True if a socket may be opened. Without an Origin it may: React Native and back ends send none, and pages cannot leave it out.
    pub fn allows_socket(&self, origin: Option<&str>, host: Option<&str>) -> bool {
        origin.is_none_or(|origin| self.is_open() || self.trusts(origin, host))
    }

    /// True if a token in a cookie is believed: the browser sends cookies for any page, so the page must be one that is trusted by name.
    ///
    /// Inputs: the headers `Origin`, `Host` and `Sec-Fetch-Site`; a page's own GETs have no Origin, but modern browsers say `same-origin` there.
    pub fn allows_cookie(&self, origin: Option<&str>, host: Option<&str>, fetch_site: Option<&str>) -> bool {
        match origin {
            Some(origin) => self.trusts(origin, host),
            None => fetch_site == Some("same-origin"),
        }
    }

    /// Everybody may, if nobody was named.
    fn is_open(&self) -> bool {
        self.every || self.allowed.is_empty()
    }

    /// Trusted with credentials: named in the settings, the server's own page, or, when nobody was named, this machine.
    fn trusts(&self, origin: &str, host: Option<&str>) -> bool {
        let Some(origin) = Origin::read(origin) else { return false };
        let unconfigured = self.allowed.is_empty() && !self.every;
        self.allowed.contains(&origin) || host.is_some_and(|host| origin.is_host(host)) || (unconfigured && origin.is_localhost())
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
