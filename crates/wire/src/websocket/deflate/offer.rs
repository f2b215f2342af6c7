//! Negotiating permessage-deflate (RFC 7692 section 7.1).

use super::Window;

/// Answers a `Sec-WebSocket-Extensions` request header (several are joined by commas). Returns the value of the response header and the
/// window for [`super::deflate()`], or `None` when there is no acceptable offer of permessage-deflate. The first acceptable offer is taken.
pub fn negotiate_deflate(offers: &str) -> Option<(String, Window)> {
    let accepted = split_outside_quotes(offers, ',').find_map(accept)?;
    let mut response = "permessage-deflate; server_no_context_takeover; client_no_context_takeover".to_owned();
    let Some(bits) = accepted.server_max_window_bits else { return Some((response, Window::Full)) };
    // A window that the client asks for has to be confirmed (section 7.1.2.1).
    response.push_str(&format!("; server_max_window_bits={bits}"));
    Some((response, Window::from_bits(bits)?))
}

/// The parameters of an offer.
#[derive(Default)]
struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    client_max_window_bits: bool,
    /// The largest window that the server may use, in bits.
    server_max_window_bits: Option<u8>,
}

/// Reads an offer. `None` for another extension, and for an offer with an unknown parameter, a repeated parameter, or a bad value: such an
/// offer must be declined (section 7.1).
fn accept(offer: &str) -> Option<Offer> {
    let mut parts = split_outside_quotes(offer, ';');
    if !parts.next()?.trim().eq_ignore_ascii_case("permessage-deflate") {
        return None;
    }
    let mut accepted = Offer::default();
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (part.trim(), None),
        };
        let (given, valid) = match name {
            "server_no_context_takeover" => (&mut accepted.server_no_context_takeover, value.is_none()),
            "client_no_context_takeover" => (&mut accepted.client_no_context_takeover, value.is_none()),
            // This parameter is a hint that the client could use a smaller window. The server inflates any window, so its response leaves
            // the parameter out.
            "client_max_window_bits" => (&mut accepted.client_max_window_bits, value.is_none_or(|value| window_bits(value).is_some())),
            "server_max_window_bits" => match accepted.server_max_window_bits.replace(window_bits(value?)?) {
                Some(_) => return None,
                None => continue,
            },
            _ => return None,
        };
        if !valid || std::mem::replace(given, true) {
            return None;
        }
    }
    Some(accepted)
}

/// Reads a number of bits from 8 to 15, without leading zeros (section 7.1.2.1).
fn window_bits(value: &str) -> Option<u8> {
    let bits = value.parse().ok().filter(|bits| (8..=15).contains(bits))?;
    let plain = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.starts_with('0');
    plain.then_some(bits)
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |char| {
        quoted ^= char == '"';
        char == separator && !quoted
    })
}
