//! Messages that are wrong, and the error for each: one line that names the part, without a piece of the message.

use socketio_adapter::codec::{MAX_MESSAGE_BYTES, MessageText, broadcast, request, response};

use super::messages::msgpack;

#[test]
fn wrong_broadcasts_have_an_error_that_names_the_part() {
    for (bytes, expected) in [
        (vec![], "not msgpack"),
        (vec![0xc1], "not msgpack"),
        (vec![0x93, 1], "not msgpack"),
        (vec![0xdf, 255, 255, 255, 255], "not msgpack"),
        ([msgpack("[1]"), vec![0]].concat(), "not msgpack"),
        (vec![0x91; 200], "nested too deeply"),
        (b"{\"type\":2}".to_vec(), "must be an array of the uid"),
        (b"{\xff}".to_vec(), "not UTF-8"),
        (msgpack("7"), "must be an array of the uid"),
        (msgpack("[]"), "must be an array of the uid"),
        (msgpack(r#"["u"]"#), "must be an array of the uid"),
        (msgpack(r#"[1,{"type":2,"data":["e"]}]"#), "the uid must be a text"),
        (msgpack(r#"["u",7]"#), "the packet must be an object"),
        (msgpack(r#"["u",{"type":"2","data":["e"]}]"#), "the packet must be an object"),
        (msgpack(r#"["u",{"type":1}]"#), "unknown type of the packet"),
        (msgpack(r#"["u",{"type":2}]"#), "packet.data must be"),
        (msgpack(r#"["u",{"type":2,"data":{}}]"#), "data must be an array"),
        (msgpack(r#"["u",{"type":2,"data":[]}]"#), "data must be an array"),
        (msgpack(r#"["u",{"type":2,"data":[null]}]"#), "data must be an array"),
        (msgpack(r#"["u",{"type":2,"data":["disconnect"]}]"#), "a name that is reserved"),
        (msgpack(r#"["u",{"type":2,"data":["e"]},[]]"#), "opts must be an object"),
        (msgpack(r#"["u",{"type":2,"data":["e"]},{"rooms":"abc"}]"#), "opts.rooms must be an array"),
        (msgpack(r#"["u",{"type":2,"data":["e"]},{"rooms":[["a"]]}]"#), "opts.rooms must be an array"),
        (msgpack(r#"["u",{"type":2,"data":["e"]},{"except":{}}]"#), "opts.except must be an array"),
        (vec![0xc0; MAX_MESSAGE_BYTES + 1], "longer than"),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        let error = broadcast::decode(&bytes).expect_err(&shown).to_string();
        assert!(error.contains(expected), "{shown}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn too_many_attachments_are_an_error() {
    let binary: Vec<u8> = [0xc4, 1, 0].repeat(11);
    let bytes = [&[0x92, 0xa1, b'u', 0x81, 0xa4, b'd', b'a', b't', b'a', 0x9c, 0xa1, b'e'], binary.as_slice()].concat();
    assert!(broadcast::decode(&bytes).unwrap_err().to_string().contains("too many attachments"));
}

#[test]
fn wrong_requests_have_an_error_that_names_the_part() {
    for (json, expected) in [
        ("{", "not JSON (column 1)"),
        ("{}}", "not JSON"),
        ("[1]", "not msgpack"),
        ("{}", "unknown type of the request"),
        (r#"{"type":8}"#, "unknown type of the request"),
        (r#"{"type":-1}"#, "must be an object with a type"),
        (r#"{"type":0,"rooms":"secret"}"#, "rooms must be an array"),
        (r#"{"type":2,"rooms":["a"]}"#, "opts must be an object"),
        (r#"{"type":2,"opts":"secret","rooms":["a"]}"#, "opts must be an object"),
        (r#"{"type":2,"opts":{},"rooms":{"secret":1}}"#, "rooms must be an array"),
        (r#"{"type":4}"#, "opts must be an object"),
        (r#"{"type":6}"#, "data must be"),
        (r#"{"type":6,"data":"secret"}"#, "data must be"),
        (r#"{"type":7,"opts":{}}"#, "packet must be"),
        (r#"{"type":7,"opts":{},"packet":{"type":3,"data":["e"]}}"#, "unknown type of the packet"),
        (r#"{"type":5,"uid":7}"#, "must be an object with a type"),
    ] {
        let error = request::decode(json.as_bytes()).expect_err(json).to_string();
        assert!(error.contains(expected), "{json}: {error}");
        assert!(!error.contains("secret") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn wrong_responses_have_an_error_that_names_the_part() {
    for (json, expected) in [
        (r#"{"requestId":"r"}"#, "sockets must be"),
        (r#"{"requestId":"r","sockets":7}"#, "sockets must be"),
        (r#"{"requestId":"r","sockets":[{"rooms":[]}]}"#, "sockets must be"),
        (r#"{"requestId":"r","sockets":[{"id":"a","rooms":7}]}"#, "sockets.rooms must be"),
    ] {
        let text = MessageText::read(json.as_bytes()).unwrap();
        let error = response::decode(&text).unwrap().sockets().expect_err(json).to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
    for (json, expected) in [
        (r#"{"requestId":"r","type":7}"#, "unknown type of the response"),
        (r#"{"requestId":"r","type":8}"#, "clientCount must be a number"),
    ] {
        let text = MessageText::read(json.as_bytes()).unwrap();
        let error = response::decode(&text).unwrap().ack().expect_err(json).to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
    for bytes in [msgpack("[]"), msgpack("7"), b"{\"requestId\":7}".to_vec(), b"{".to_vec()] {
        assert!(response::decode(&MessageText::read(&bytes).unwrap()).is_err());
    }
}
