#![no_main]

#[allow(dead_code)]
#[path = "../../tests/wire/fuzz_targets.rs"]
mod fuzz_targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::socketio_json(data));
