use wire::socketio::msgpack::{ack, connect, connect_error, decode, disconnect, event};
use wire::socketio::{DecodeError, Packet};

use crate::support::hex;

/// A decoded packet as one line, followed by its attachments.
fn formatted(bytes: &[u8]) -> String {
    let (mut json, mut attachments) = (String::from("left over"), vec![vec![1]]);
    let (line, count) = match decode(bytes, &mut json, &mut attachments) {
        Ok(Packet::Connect { nsp, auth }) => (format!("connect {nsp} {}", auth.unwrap_or("-")), 0),
        Ok(Packet::Disconnect { nsp }) => (format!("disconnect {nsp}"), 0),
        Ok(Packet::Event { nsp, id, event: Some(event), attachments }) => {
            (format!("event {nsp} {id:?} {} [{}]", event.name, event.args.raw()), attachments)
        }
        Ok(Packet::Event { nsp, id, event: None, attachments }) => (format!("nothing {nsp} {id:?}"), attachments),
        Ok(Packet::Ack { nsp, id, args, attachments }) => (format!("ack {nsp} {id:?} [{}]", args.raw()), attachments),
        Ok(Packet::ConnectError { nsp, data }) => (format!("connect_error {nsp} {data}"), 0),
        Err(error) => return format!("{error:?}"),
    };
    assert_eq!(attachments.len(), count);
    if count == 0 { line } else { format!("{line} {attachments:?}") }
}

fn check(bytes: &str, expected: &str) {
    assert_eq!(formatted(&hex(bytes)), expected, "{bytes}");
}

// Pieces of packets, so that the tables show only the differences.
const TYPE: &str = "a474797065";
const DATA: &str = "a464617461";
const NSP_ROOT: &str = "a36e7370 a12f";
const ID: &str = "a26964";

/// An event `m` with one argument.
fn event_with(arg: &str) -> String {
    format!("83 {TYPE}02 {DATA} 92a16d {arg} {NSP_ROOT}")
}

fn check_arg(arg: &str, expected: &str) {
    check(&event_with(arg), &format!("event / None m [{expected}]"));
}

fn check_arg_error(arg: &str, error: DecodeError) {
    check(&event_with(arg), &format!("{error:?}"));
}

/// The bytes are what notepack.io 2.2 and 3.0 write in Node.
#[test]
fn packets_of_node_are_read() {
    check("83a47479706500a46461746181a3736964a178a36e7370a12f", r#"connect / {"sid":"x"}"#);
    check("82a47479706500a36e7370a12f", "connect / -");
    check("82a47479706501a36e7370a62f61646d696e", "disconnect /admin");
    // Clients add options.
    check(
        "84a47479706502a46461746194a16d01a13281a13391c3a76f7074696f6e7381a8636f6d7072657373c3a36e7370a12f",
        r#"event / None m [1,"2",{"3":[true]}]"#,
    );
    check(
        "84a47479706502a46461746192a16dc403010203a2696407a36e7370a12f",
        r#"event / Some(7) m [{"_placeholder":true,"num":0}] [[1, 2, 3]]"#,
    );
    check("84a47479706503a46461746191c0a26964cd012ca36e7370a12f", "ack / Some(300) [null]");
    check(
        "83a47479706504a46461746181a76d657373616765b1496e76616c6964206e616d657370616365a36e7370a72f72616e646f6d",
        r#"connect_error /random {"message":"Invalid namespace"}"#,
    );
}

#[test]
fn the_order_of_keys_does_not_matter() {
    check(&format!("84 {ID}07 {NSP_ROOT} {DATA}92a16d01 {TYPE}02"), "event / Some(7) m [1]");
    check(&format!("83 {DATA}91a178 {NSP_ROOT} {TYPE}02"), "event / None x []");
}

#[test]
fn unknown_keys_are_skipped_and_the_last_of_two_counts() {
    check(&format!("85 01c0 {TYPE}01 c403010203 92c0 81a16190 {NSP_ROOT} {TYPE}01"), "disconnect /");
    check(&format!("83 {TYPE}00 {TYPE}01 {NSP_ROOT}"), "disconnect /");
    check(&format!("83 {TYPE}01 {NSP_ROOT} 90c0"), "disconnect /");
}

#[test]
fn no_data_may_be_nil_or_the_undefined_of_notepack_2() {
    check("83a47479706500a464617461d40000a36e7370a12f", "connect / -");
    for nothing in ["c0", "d40000"] {
        check(&format!("83 {TYPE}00 {DATA}{nothing} {NSP_ROOT}"), "connect / -");
        check(&format!("83 {TYPE}01 {DATA}{nothing} {NSP_ROOT}"), "disconnect /");
        check(&format!("84 {TYPE}03 {DATA}90 {ID}{nothing} {NSP_ROOT}"), "ack / None []");
        check(&format!("83 {TYPE}02 {DATA}{nothing} {NSP_ROOT}"), "Payload");
        check(&format!("83 {TYPE}03 {DATA}{nothing} {NSP_ROOT}"), "Payload");
    }
}

#[test]
fn bytes_without_packet_are_an_error() {
    check("", "Empty");
    for bytes in ["c0", "90", "01", "a161", "83", "8102", "81a4747970", "82a47479706500a36e7370a12f00", "c1", "df7fffffff"] {
        check(bytes, "Msgpack");
    }
    check("80", "UnknownType");
    for kind in ["05", "06", "ff", "c0", "a130", "cb0000000000000000", "90", "cf0000000100000000"] {
        check(&format!("82 {TYPE}{kind} {NSP_ROOT}"), "UnknownType");
    }
    check(&format!("81 {TYPE}01"), "Namespace");
    check(&format!("82 {TYPE}01 a36e7370 01"), "Namespace");
    check(&format!("82 {TYPE}01 a36e7370 c0"), "Namespace");
    for id in ["ff", "a137", "cb3ff8000000000000", "cbbff0000000000000", "cb7ff8000000000000", "cb7ff0000000000000", "c3", "90"] {
        check(&format!("84 {TYPE}03 {DATA}90 {ID}{id} {NSP_ROOT}"), "AckId");
    }
    check(&format!("84 {TYPE}03 {DATA}90 {ID}cb4014000000000000 {NSP_ROOT}"), "ack / Some(5) []");
    check(&format!("84 {TYPE}03 {DATA}90 {ID}cfffffffffffffffff {NSP_ROOT}"), "ack / Some(18446744073709551615) []");
}

#[test]
fn data_must_fit_the_type() {
    for (kind, data) in [
        ("00", "90"),
        ("00", "a178"),
        ("00", "c2"),
        ("01", "80"),
        ("01", "c2"),
        ("02", "80"),
        ("02", "90"),
        ("02", "91c0"),
        ("02", "9190"),
        ("02", "91c400"),
        ("03", "80"),
        ("04", "90"),
        ("04", "c0"),
        ("04", "01"),
        // Binary data belong to events and acks.
        ("00", "81a161c400"),
        ("04", "81a161c400"),
    ] {
        check(&format!("83 {TYPE}{kind} {DATA}{data} {NSP_ROOT}"), "Payload");
    }
    check(&format!("82 {TYPE}02 {NSP_ROOT}"), "Payload");
    check(&format!("82 {TYPE}03 {NSP_ROOT}"), "Payload");
    check(&format!("83 {TYPE}02 {DATA}91aa646973636f6e6e656374 {NSP_ROOT}"), "ReservedEvent");
    check(&format!("83 {TYPE}02 {DATA}9105 {NSP_ROOT}"), "event / None 5 []");
    check(&format!("83 {TYPE}04 {DATA}a26e6f {NSP_ROOT}"), "connect_error / \"no\"");
}

#[test]
fn every_form_is_read() {
    for (arg, expected) in [
        ("c0", "null"),
        ("c2", "false"),
        ("c3", "true"),
        ("00", "0"),
        ("7f", "127"),
        ("cc80", "128"),
        ("cd0100", "256"),
        ("ce00010000", "65536"),
        ("cf001fffffffffffff", "9007199254740991"),
        ("cfffffffffffffffff", "18446744073709551615"),
        ("ff", "-1"),
        ("e0", "-32"),
        ("d0df", "-33"),
        ("d07f", "127"),
        ("d1ff7f", "-129"),
        ("d2ffff7fff", "-32769"),
        ("d3ffe0000000000001", "-9007199254740991"),
        ("d38000000000000000", "-9223372036854775808"),
        ("d30000000000000001", "1"),
        ("cb3ff8000000000000", "1.5"),
        ("cb3ff0000000000000", "1.0"),
        ("cb8000000000000000", "-0.0"),
        ("cb7e37e43c8800759c", "1e+300"),
        ("ca3fc00000", "1.5"),
        ("a0", "\"\""),
        ("a3e282ac", "\"€\""),
        ("a5220a5c0141", r#""\"\n\\\u0001A""#),
        ("d90161", "\"a\""),
        ("da000161", "\"a\""),
        ("db0000000161", "\"a\""),
        ("90", "[]"),
        ("920190", "[1,[]]"),
        ("dc000101", "[1]"),
        ("dd0000000101", "[1]"),
        ("80", "{}"),
        ("82a16101a16280", r#"{"a":1,"b":{}}"#),
        ("de0001a16101", r#"{"a":1}"#),
        ("df00000001a16101", r#"{"a":1}"#),
    ] {
        check_arg(arg, expected);
    }
}

#[test]
fn value_that_json_cannot_express_becomes_null() {
    for arg in ["cb7ff8000000000000", "cb7ff0000000000000", "cbfff0000000000000", "ca7fc00000", "d40000"] {
        check_arg(arg, "null");
    }
    // But an undefined member is left out, as JSON.stringify does.
    check_arg("82a161d40000a16201", r#"{"b":1}"#);
    check_arg("82a16201a161d40000", r#"{"b":1}"#);
    check_arg("81a161d40000", "{}");
}

#[test]
fn keys_become_texts() {
    check_arg("85 0101 e002 c303 c004 cb3ff800000000000005", r#"{"1":1,"-32":2,"true":3,"null":4,"1.5":5}"#);
    for key in ["90", "80", "c400", "d6ff00000000"] {
        check_arg_error(&format!("81{key}01"), DecodeError::Msgpack);
    }
}

/// The bytes are those of `new Date(…)` in notepack.io 2.2 (extension 0) and 3.0 (extension -1), the texts those of JSON.stringify.
#[test]
fn dates_are_texts_with_milliseconds() {
    for (arg, date) in [
        ("d6ff00000000", "1970-01-01T00:00:00.000Z"),
        ("d6ff3b9aca00", "2001-09-09T01:46:40.000Z"),
        ("d7ff1d53530065e071c0", "2024-02-29T12:00:00.123Z"),
        ("c70cff3b8b87c0ffffffffffffffff", "1969-12-31T23:59:59.999Z"),
        ("c70cff00000000fffffff184aa5080", "-000001-01-01T00:00:00.000Z"),
        ("c70cff00000000000007dba8218000", "+275760-09-13T00:00:00.000Z"),
        ("c70cff00000000000000 3afff44180", "+010000-01-01T00:00:00.000Z"),
        ("d7000000000000000000", "1970-01-01T00:00:00.000Z"),
        ("d7000000018df4bc567b", "2024-02-29T12:00:00.123Z"),
        ("d700ffffffffffffffff", "1969-12-31T23:59:59.999Z"),
        ("d700ffe14df73d240000", "-271821-04-20T00:00:00.000Z"),
        ("d7000000e677d21fdc00", "+010000-01-01T00:00:00.000Z"),
        ("d700ffffc77590fba000", "0000-01-01T00:00:00.000Z"),
        // The other lengths of one form.
        ("c704ff00000000", "1970-01-01T00:00:00.000Z"),
        ("c80008ff1d53530065e071c0", "2024-02-29T12:00:00.123Z"),
    ] {
        check_arg(arg, &format!("\"{date}\""));
    }
    // A time after the last Date is an Invalid Date.
    for arg in
        ["c70cff00000000000007dba8218001", "c70cff000000007fffffffffffffff", "d7007fffffffffffffff", "c70cff000000008000000000000000"]
    {
        check_arg(arg, "null");
    }
}

#[test]
fn binary_data_become_attachments() {
    let placeholder = |num| format!("{{\"_placeholder\":true,\"num\":{num}}}");
    check_arg("c400", &format!("{}] [[]", placeholder(0)));
    for arg in ["c403010203", "c50003010203", "c600000003010203", "c70300010203", "c8000300010203", "c90000000300010203"] {
        check_arg(arg, &format!("{}] [[1, 2, 3]", placeholder(0)));
    }
    check_arg("92c4010181a161c40102", &format!("[{},{{\"a\":{}}}]] [[1], [2]", placeholder(0), placeholder(1)));
    check(&format!("84 {TYPE}03 {DATA}91c40109 {ID}01 {NSP_ROOT}"), &format!("ack / Some(1) [{}] [[9]]", placeholder(0)));
    assert!(formatted(&hex(&event_with(&format!("9a{}", "c40101".repeat(10))))).starts_with("event / None m [[{"));
    check_arg_error(&format!("9b{}", "c40101".repeat(11)), DecodeError::TooManyAttachments);
}

#[test]
fn a_false_placeholder_is_data_or_an_error() {
    // {_placeholder: true, num: 5}
    let lie = "82 ac5f706c616365686f6c646572c3 a36e756d05";
    check_arg(lie, r#"{"_placeholder":true,"num":5}"#);
    check_arg_error(&format!("92c400{lie}"), DecodeError::IllegalPlaceholder);
}

#[test]
fn invalid_msgpack_is_an_error() {
    for arg in [
        // Each form, cut off.
        "",
        "cc",
        "cd00",
        "ce000000",
        "cf00000000000000",
        "d0",
        "d100",
        "d2000000",
        "d300000000000000",
        "ca000000",
        "cb00000000000000",
        "a261",
        "d9",
        "d90261",
        "da00",
        "da000261",
        "db000000",
        "db0000000261",
        "c4",
        "c40201",
        "c5",
        "c50002",
        "c6",
        "c600000002",
        "9201",
        "dc00",
        "dc000201",
        "dd",
        "81a161",
        "de00",
        "de0001",
        "df",
        "c7",
        "c70c",
        "c70cff",
        "d6",
        "d6ff",
        "d6ff0000",
        "d4",
        "d400",
        // Lengths for which no memory would be enough.
        "dbffffffff61",
        "c6ffffffff00",
        "ddffffffff00",
        "dfffffffff00",
        "c9ffffffff0000",
        // A byte without meaning, and extensions that no known encoder writes.
        "c1",
        "d40100",
        "d5000000",
        "d60000000000",
        "d8ff00000000000000000000000000000000",
        "c70105ff",
        "c705ff0000000000",
        "d4ff00",
        // Text that is not UTF-8.
        "a1ff",
        "a2c080",
        "a3eda080",
        "d902e282",
    ] {
        check(format!("83 {TYPE}02 {NSP_ROOT} {DATA} 92a16d {arg}").as_str(), "Msgpack");
    }
}

#[test]
fn a_nested_bomb_is_an_error() {
    for (open, json_open, json_close) in [("91", "[", "]"), ("81a161", "{\"a\":", "}")] {
        let nested = |depth| open.repeat(depth) + "c0";
        check_arg(&nested(126), &format!("{}null{}", json_open.repeat(126), json_close.repeat(126)));
        check_arg_error(&nested(127), DecodeError::TooDeep);
        check_arg_error(&nested(200_000), DecodeError::TooDeep);
        // Skipped values take no stack, at any depth.
        check(&format!("83 a178{} {TYPE}01 {NSP_ROOT}", nested(200_000)), "disconnect /");
    }
}

fn check_written(bytes: &[u8], expected: &str) {
    assert_eq!(bytes, hex(expected));
}

/// The bytes are what notepack.io writes in Node.
#[test]
fn packets_are_written_as_node_writes_them() {
    check_written(&connect("/", r#"{"sid":"x"}"#), "83a47479706500a46461746181a3736964a178a36e7370a12f");
    check_written(&connect("/", ""), "82a47479706500a36e7370a12f");
    check_written(&disconnect("/admin"), "82a47479706501a36e7370a62f61646d696e");
    check_written(
        &connect_error("/random", r#"{"message":"Invalid namespace"}"#),
        "83a47479706504a46461746181a76d657373616765b1496e76616c6964206e616d657370616365a36e7370a72f72616e646f6d",
    );
    check_written(&event("/", None, "m", r#"1,"2",{"3":[true]}"#, &[]), "83a47479706502a46461746194a16d01a13281a13391c3a36e7370a12f");
    check_written(
        &event("/", Some(7), "m", r#"{"_placeholder":true,"num":0}"#, &[&[1, 2, 3]]),
        "84a47479706502a46461746192a16dc403010203a2696407a36e7370a12f",
    );
    check_written(&ack("/", 300, "null", &[]), "84a47479706503a46461746191c0a26964cd012ca36e7370a12f");
    check_written(&ack("/", 0, "", &[]), "84a47479706503a46461746190a2696400a36e7370a12f");
}

fn check_written_arg(arg: &str, attachments: &[&[u8]], expected: &str) {
    let expected = format!("84 {TYPE}03 {DATA}91 {expected} {ID}00 {NSP_ROOT}");
    assert_eq!(ack("/", 0, arg, attachments), hex(&expected), "{arg}");
}

#[test]
fn values_take_their_shortest_form() {
    for (json, expected) in [
        ("0", "00"),
        ("127", "7f"),
        ("128", "cc80"),
        ("255", "ccff"),
        ("256", "cd0100"),
        ("65535", "cdffff"),
        ("65536", "ce00010000"),
        ("4294967295", "ceffffffff"),
        ("4294967296", "cf0000000100000000"),
        ("18446744073709551615", "cfffffffffffffffff"),
        ("-1", "ff"),
        ("-32", "e0"),
        ("-33", "d0df"),
        ("-128", "d080"),
        ("-129", "d1ff7f"),
        ("-32768", "d18000"),
        ("-32769", "d2ffff7fff"),
        ("-2147483648", "d280000000"),
        ("-2147483649", "d3ffffffff7fffffff"),
        ("1.5", "cb3ff8000000000000"),
        ("0.1", "cb3fb999999999999a"),
        ("1.0", "cb3ff0000000000000"),
        ("18446744073709551616", "cb43f0000000000000"),
        ("true", "c3"),
        ("false", "c2"),
        ("null", "c0"),
        ("[1,[2]]", "92019102"),
        ("{}", "80"),
        (r#" { "a" : "\u20ac" , "b" : [ ] } "#, "82a161a3e282aca16290"),
    ] {
        check_written_arg(json, &[], expected);
    }
    check_written_arg(&format!("\"{}\"", "x".repeat(31)), &[], &format!("bf{}", "78".repeat(31)));
    check_written_arg(&format!("\"{}\"", "x".repeat(32)), &[], &format!("d920{}", "78".repeat(32)));
    check_written_arg(&format!("\"{}\"", "x".repeat(256)), &[], &format!("da0100{}", "78".repeat(256)));
    check_written_arg(&format!("\"{}\"", "x".repeat(65_536)), &[], &format!("db00010000{}", "78".repeat(65_536)));
    check_written_arg(&format!("[{}1]", "1,".repeat(14)), &[], &format!("9f{}", "01".repeat(15)));
    check_written_arg(&format!("[{}1]", "1,".repeat(15)), &[], &format!("dc0010{}", "01".repeat(16)));
    check_written_arg(&format!("[{}1]", "1,".repeat(65_535)), &[], &format!("dd00010000{}", "01".repeat(65_536)));
    let members = |count: usize| (0..count).map(|at| format!("\"{}\":1", char::from(b'a' + at as u8))).collect::<Vec<_>>().join(",");
    let written = |count: u8| (0..count).map(|at| format!("a1{:02x}01", b'a' + at)).collect::<String>();
    check_written_arg(&format!("{{{}}}", members(15)), &[], &format!("8f{}", written(15)));
    check_written_arg(&format!("{{{}}}", members(16)), &[], &format!("de0010{}", written(16)));
}

#[test]
fn attachments_replace_their_placeholders() {
    let attachments: &[&[u8]] = &[&[1], &[2; 256]];
    check_written_arg(r#"{"_placeholder":true,"num":1}"#, attachments, &format!("c50100{}", "02".repeat(256)));
    check_written_arg(r#"[{"num":0,"_placeholder":true},{"a":{"_placeholder":true,"num":0}}]"#, attachments, "92c4010181a161c40101");
    // An object that is no placeholder, or one of an attachment that does not exist, stays as it is.
    check_written_arg(r#"{"_placeholder":true,"num":2}"#, attachments, "82ac5f706c616365686f6c646572c3a36e756d02");
    check_written_arg(r#"{"_placeholder":true,"num":0}"#, &[], "82ac5f706c616365686f6c646572c3a36e756d00");
    check_written_arg(r#"{"_placeholder":false,"num":0}"#, attachments, "82ac5f706c616365686f6c646572c2a36e756d00");
    check_written_arg(r#"{"_placeholder":true,"num":"0"}"#, attachments, "82ac5f706c616365686f6c646572c3a36e756da130");
}

#[test]
fn value_that_cannot_be_written_becomes_nil() {
    // Half a surrogate pair, and a number that no float can express: valid JSON that msgpack cannot express.
    check_written_arg(r#""\ud800""#, &[], "c0");
    check_written_arg("1e999", &[], "c0");
    // A caller's mistake: there are no arguments.
    check_written(&ack("/", 0, "1,", &[]), &format!("84 {TYPE}03 {DATA}90 {ID}00 {NSP_ROOT}"));
    check_written(&connect("/", "{oops"), &format!("83 {TYPE}00 {DATA}c0 {NSP_ROOT}"));
}
