//! The `mock-ucx` program. It links the mock and exports it, so that a NIXL that it loads finds the mock in UCX's place.

#[cfg(target_arch = "x86_64")]
mod environment;

use std::process::ExitCode;

// The mock is bound to by name only, by the libraries that this program loads: say that it is needed.
use mock_ucx as _;

// Its malloc is this program's, so that what a NIXL allocates that it loads can be counted.
use allocation_hooks as _;

fn main() -> ExitCode {
    harness::cli::run()
}
