//! The text that `roomcast serve` prints on standard output after its start: its addresses, and commands to try.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;

use auth::Keys;
use auth::sign::{NewTokenClaims, sign};
use config::Config;
use listener::Listener;

use crate::clock;

/// The lifetime of the dev mode token, in seconds.
const DAY: i64 = 24 * 3600;

/// Prints the banner. `sign_in` is the path that signs in to the console once. Errors are ignored: a closed standard output is no reason to stop.
pub fn print(config: &Config, keys: &Keys, listener: &Listener, sign_in: Option<&str>) {
    let text = banner(config, keys, &listener.addresses(), listener.is_secure(), sign_in);
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

fn banner(config: &Config, keys: &Keys, addresses: &[SocketAddr], secure: bool, sign_in: Option<&str>) -> String {
    let scheme = if secure { "https" } else { "http" };
    let mut urls: Vec<_> = addresses.iter().map(|address| url(scheme, address)).collect();
    urls.dedup();
    let main = urls.first().cloned().unwrap_or_default();
    let mut text = format!("Roomcast {} listens on {}\n", env!("CARGO_PKG_VERSION"), urls.join(", "));
    let token = if keys.is_dev() { dev_token(config, keys) } else { None };
    // Writing to a String cannot fail.
    let _ = match &token {
        Some(token) => {
            writeln!(
                text,
                "Dev mode: JWT_SECRET is not set, so only this machine can connect. A token for the user \"dev\", valid for one day:\n\n  {token}\n"
            )
        }
        None => writeln!(text, "To sign a token for a first try, if JWT_SECRET is set: roomcast token --sub alice\n"),
    };
    let token = token.as_deref().unwrap_or("$TOKEN");
    let _ = writeln!(text, "Try:\n  curl -H \"Authorization: Bearer {token}\" {main}/households");
    let _ = writeln!(text, "  open {main}/docs in a browser: all REST paths, to read and to try");
    let _ = match sign_in {
        Some(path) => writeln!(text, "  open {main}{path} in a browser: the console; this link signs in once"),
        None if config.ops.console => {
            writeln!(text, "  open {main}/console in a browser: the console, for the API key or an admin's token")
        }
        None => Ok(()),
    };
    if config.server.websocket_enabled {
        let _ = writeln!(
            text,
            "  npm install socket.io-client && node -e \"\n    const socket = require('socket.io-client').io('{main}', {{ auth: {{ token: '{token}' }} }});\n    socket.on('connect', () => console.log('connected', socket.id)).onAny(console.log)\""
        );
    }
    text
}

fn dev_token(config: &Config, keys: &Keys) -> Option<String> {
    let now = clock::seconds();
    let token = NewTokenClaims { sub: "dev".into(), name: Some("Dev".into()), iat: now, exp: Some(now + DAY), ..NewTokenClaims::default() };
    sign(keys, &token, &config.auth).ok()
}

/// An address to open: `localhost` for this machine and for every interface, which no browser can open.
fn url(scheme: &str, address: &SocketAddr) -> String {
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        format!("{scheme}://localhost:{}", address.port())
    } else {
        format!("{scheme}://{address}")
    }
}
