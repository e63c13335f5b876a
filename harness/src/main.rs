//! The `mock-ucx` program.
use mock_ucx as _;
fn main() {}
