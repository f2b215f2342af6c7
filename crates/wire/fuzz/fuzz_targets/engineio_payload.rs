#![no_main]

#[allow(dead_code)]
#[path = "../../tests/wire/fuzz_bodies.rs"]
mod fuzz_bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_bodies::engineio_payload(data));
