//! Negotiating permessage-deflate (RFC 7692 section 7.1).

/// Answers a `Sec-WebSocket-Extensions` request header (several are joined by commas): the value of the response header, or None when
/// there is no offer of permessage-deflate that can be accepted. The first that can is taken, the rest are ignored.
pub fn negotiate_deflate(offers: &str) -> Option<String> {
    let accepted = split_outside_quotes(offers, ',').find_map(accept)?;
    let window = if accepted.answer_server_window { "; server_max_window_bits=15" } else { "" };
    Some(format!("permessage-deflate; server_no_context_takeover; client_no_context_takeover{window}"))
}

/// The parameters of an offer.
#[derive(Default)]
struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    client_max_window_bits: bool,
    /// The client asked for a window, and RFC 7692 wants that said again.
    answer_server_window: bool,
}

/// None for another extension, and for an offer with an unknown parameter, one twice, or a bad value: such an offer must be declined
/// (section 7.1).
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
            // A hint: the client could use a smaller window. Ours inflates any, so nothing is answered.
            "client_max_window_bits" => (&mut accepted.client_max_window_bits, value.is_none_or(is_window)),
            // Our compressor has the full window only, so a smaller one must be declined.
            "server_max_window_bits" => (&mut accepted.answer_server_window, value == Some("15")),
            _ => return None,
        };
        if !valid || std::mem::replace(given, true) {
            return None;
        }
    }
    Some(accepted)
}

/// 8 to 15, without leading zeros (section 7.1.2.1).
fn is_window(value: &str) -> bool {
    matches!(value, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |char| {
        quoted ^= char == '"';
        char == separator && !quoted
    })
}
