//! Releases without a C API are driven by their Python module: a process of Python has the harness's library preloaded, which holds the
//! interpreter of scenarios and the mock, and puts NIXL's C API in front of the module (the files of Python here, one program). So all releases are driven by the
//! same code, and only what the functions of the C API do inside is Python's.

pub mod cuda;
mod interpreter;
mod wheels;

pub use interpreter::{Interpreter, version_of};
pub use wheels::{abis, sha256};

/// The program that a process of Python runs.
pub const DRIVER: &str = concat!(
    include_str!("base.py"),
    "\n\n",
    include_str!("values.py"),
    "\n\n",
    include_str!("agents.py"),
    "\n\n",
    include_str!("process.py"),
);
