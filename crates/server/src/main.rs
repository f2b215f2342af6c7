//! The binary `roomcast`. All of it is in the library, where tests can reach it.

use std::process::ExitCode;

/// Many small, short-lived allocations on several threads: what it was made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::run()
}
