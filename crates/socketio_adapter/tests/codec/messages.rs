//! Single messages: what the parts become, and what emitters of other languages send.

use std::time::Duration;

use socketio_adapter::codec::request::Request;
use socketio_adapter::codec::{broadcast, request};
use socketio_adapter::{Broadcast, Event, Flags, Selection};

/// Msgpack of a JSON text.
pub fn msgpack(json: &str) -> Vec<u8> {
    wire::socketio::msgpack::value_from_json(json, &[]).unwrap()
}

fn decoded(json: &str) -> Broadcast {
    broadcast::decode(&msgpack(json)).unwrap_or_else(|error| panic!("{json}: {error}")).broadcast
}

#[test]
fn options_of_emitters_in_all_languages_are_understood() {
    let packet = r#"{"type":2,"data":["e",1],"nsp":"/"}"#;
    let to = |rooms: &[&str], except: &[&str]| Selection {
        rooms: rooms.iter().map(|room| (*room).to_owned()).collect(),
        except: except.iter().map(|room| (*room).to_owned()).collect(),
    };
    for (emitter, options, expected) in [
        ("Node", r#",{"rooms":["a"],"flags":{},"except":["b"]}"#, to(&["a"], &["b"])),
        ("Rust: no except", r#",{"rooms":["a"],"flags":{}}"#, to(&["a"], &[])),
        ("Python: empty texts", r#",{"rooms":"","flags":""}"#, to(&[], &[])),
        ("Go: nil", r#",{"rooms":null,"except":null,"flags":null}"#, to(&[], &[])),
        ("PHP: an empty array for an empty object", r#",{"rooms":["a","b"],"except":[],"flags":[]}"#, to(&["a", "b"], &[])),
        ("numbers as rooms", r#",{"rooms":[42],"except":[7.5]}"#, to(&["42"], &["7.5"])),
        ("an empty text for the options", r#","""#, to(&[], &[])),
        ("no options", "", to(&[], &[])),
        ("a further part", r#",{"rooms":[]},{"more":1}"#, to(&[], &[])),
    ] {
        let broadcast = decoded(&format!(r#"["emitter",{packet}{options}]"#));
        assert_eq!(broadcast, Broadcast::new(Event::new("e", "1"), expected), "{emitter}");
    }
}

#[test]
fn packets_of_old_emitters_are_understood() {
    for (packet, namespace) in [
        (r#"{"type":2,"data":["e"]}"#, "/"),
        (r#"{"data":["e"],"nsp":"/chat"}"#, "/chat"),
        (r#"{"type":5,"data":["e"],"nsp":"/chat","id":7,"more":true}"#, "/chat"),
    ] {
        let message = broadcast::decode(&msgpack(&format!(r#"["emitter",{packet},{{"rooms":[]}}]"#))).unwrap();
        assert_eq!((message.namespace.as_str(), message.broadcast.event), (namespace, Event::new("e", "")), "{packet}");
    }
}

#[test]
fn flags_have_the_truth_of_javascript() {
    let flags = |json: &str| decoded(&format!(r#"["u",{{"type":2,"data":["e"]}},{{"flags":{json}}}]"#)).flags;
    let none = Flags::default();
    for (json, expected) in [
        ("{}", none),
        (r#"{"volatile":true,"compress":false,"local":true}"#, Flags { volatile: true, compress: Some(false), local: true, ..none }),
        (r#"{"volatile":1,"compress":"","broadcast":true}"#, Flags { volatile: true, compress: Some(false), ..none }),
        (r#"{"volatile":null,"compress":null,"timeout":null}"#, none),
        (r#"{"timeout":1500}"#, Flags { timeout: Some(Duration::from_millis(1500)), ..none }),
        (r#"{"timeout":-1,"volatile":0}"#, none),
        (r#"{"timeout":1e300}"#, Flags { timeout: Some(Duration::from_secs(86_400)), ..none }),
        (r#"{"timeout":"soon"}"#, none),
    ] {
        assert_eq!(flags(json), expected, "{json}");
    }
}

#[test]
fn binary_data_become_attachments_and_dates_become_texts() {
    let message = super::recorded::messages().into_iter().find(|message| message.bytes.windows(6).any(|part| part == b"binary")).unwrap();
    let event = broadcast::decode(&message.bytes).unwrap().broadcast.event;
    assert_eq!(event.args, r#"{"_placeholder":true,"num":0},{"inner":{"_placeholder":true,"num":1}}"#);
    assert_eq!(event.attachments, [vec![1, 2, 3], vec![255]]);
    let message = super::recorded::messages().into_iter().find(|message| message.bytes.windows(5).any(|part| part == b"\xa4date")).unwrap();
    let event = broadcast::decode(&message.bytes).unwrap().broadcast.event;
    assert_eq!(event.args, r#""1970-01-02T00:00:00.000Z","1970-01-01T00:00:00.001Z","1969-12-31T23:59:59.999Z""#);
}

#[test]
fn requests_for_one_socket_of_old_servers_are_understood() {
    for (json, expected) in [
        (r#"{"type":2,"requestId":"r","sid":"s","room":"a"}"#, Request::Join(Selection::room("s"), vec!["a".into()])),
        (r#"{"type":3,"requestId":"r","sid":"s","room":"a"}"#, Request::Leave(Selection::room("s"), vec!["a".into()])),
        (r#"{"type":4,"requestId":"r","sid":"s","close":true}"#, Request::Disconnect(Selection::room("s"), true)),
    ] {
        let message = request::decode(json.as_bytes()).unwrap();
        assert_eq!((message.id.as_deref(), message.request), (Some("r"), expected), "{json}");
    }
}

#[test]
fn events_that_clients_would_reject_are_not_encoded() {
    for (name, args, attachments, expected) in [
        ("connect", "", 0, "reserved"),
        ("e", "1,", 0, "arguments"),
        ("e", "1],[2", 0, "arguments"),
        ("e", "", 11, "attachments"),
        ("e", r#"{"_placeholder":true,"num":1}"#, 1, "placeholder"),
    ] {
        let event = Event { attachments: vec![vec![0]; attachments], ..Event::new(name, args) };
        let error = broadcast::encode("u", "/", &Broadcast::new(event, Selection::all())).unwrap_err().to_string();
        assert!(error.contains(expected), "{name} {args}: {error}");
    }
}

#[test]
fn answers_that_are_not_json_are_not_encoded() {
    use socketio_adapter::codec::response;
    use socketio_adapter::{Payload, SocketDetails};
    let socket =
        |handshake: &str, data: &str| SocketDetails { id: "s".into(), handshake: handshake.into(), rooms: vec![], data: data.into() };
    for bad in ["", "{", "1,\"more\":2", "1}", "1 2", "undefined"] {
        assert!(response::encode_answer("r", bad).is_err(), "{bad}");
        assert!(response::encode_ack("r", &Payload::json(bad)).is_err(), "{bad}");
        assert!(response::encode_sockets("r", &[socket("{}", bad)]).is_err(), "{bad}");
        assert!(response::encode_sockets("r", &[socket(bad, "1")]).is_err(), "{bad}");
    }
}
