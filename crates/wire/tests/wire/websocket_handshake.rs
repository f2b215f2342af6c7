use wire::websocket::{Window, accept_key, negotiate_deflate};

#[test]
fn key_of_the_rfc_gives_the_accept_value_of_the_rfc() {
    assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

const ACCEPTED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

fn check(offers: &str, expected: Option<&str>) {
    assert_eq!(negotiate_deflate(offers).map(|(response, _)| response).as_deref(), expected, "{offers:?}");
}

#[test]
fn an_offer_of_deflate_is_accepted_without_context_takeover() {
    check("permessage-deflate", Some(ACCEPTED));
    check("Permessage-Deflate", Some(ACCEPTED));
    // Chrome, Firefox, Safari and ws.
    check("permessage-deflate; client_max_window_bits", Some(ACCEPTED));
    check("permessage-deflate; client_max_window_bits=15", Some(ACCEPTED));
    check("permessage-deflate;client_max_window_bits=\"10\"", Some(ACCEPTED));
    check("permessage-deflate; server_no_context_takeover; client_no_context_takeover", Some(ACCEPTED));
    check("x-webkit-deflate-frame, permessage-deflate", Some(ACCEPTED));
    check("foo; bar=\"a, permessage-deflate\", permessage-deflate", Some(ACCEPTED));
}

#[test]
fn each_requested_window_is_accepted_and_never_exceeded() {
    for bits in 8..=15 {
        let (response, window) = negotiate_deflate(&format!("permessage-deflate; server_max_window_bits={bits}")).expect("an answer");
        assert_eq!(response, format!("{ACCEPTED}; server_max_window_bits={bits}"));
        let is_never_exceeded = match window {
            Window::Small => 8,
            Window::Medium => 12,
            Window::Full => 15,
        };
        assert!(is_never_exceeded <= bits, "{window:?} for {bits} bits");
    }
    check("permessage-deflate; server_max_window_bits=\"9\"", Some(&format!("{ACCEPTED}; server_max_window_bits=9")));
}

#[test]
fn the_first_acceptable_offer_counts() {
    check("permessage-deflate; server_max_window_bits=16, permessage-deflate", Some(ACCEPTED));
    check("permessage-deflate; x, permessage-deflate; y, permessage-deflate", Some(ACCEPTED));
}

#[test]
fn other_offers_are_declined() {
    check("", None);
    check("x-webkit-deflate-frame", None);
    check("foo; bar=\"permessage-deflate\"", None);
    check("foo; bar=\", permessage-deflate\"", None);
    // Offers that RFC 7692 section 7.1 requires to decline: with an unknown or repeated parameter, a value where none may be, or a bad or
    // missing value.
    check("permessage-deflate; unknown", None);
    check("permessage-deflate; client_max_window_bits; client_max_window_bits", None);
    check("permessage-deflate; server_no_context_takeover=1", None);
    check("permessage-deflate; client_no_context_takeover=\"\"", None);
    check("permessage-deflate; server_max_window_bits", None);
    for bits in ["7", "16", "010", "+9", "", "9.0"] {
        check(&format!("permessage-deflate; server_max_window_bits={bits}"), None);
    }
    check("permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", None);
    check("permessage-deflate; client_max_window_bits=7", None);
    check("permessage-deflate; client_max_window_bits=16", None);
    check("permessage-deflate; client_max_window_bits=08", None);
    check("permessage-deflate;", None);
}
