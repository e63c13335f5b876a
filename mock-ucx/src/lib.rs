//! A drop-in mock of the UCX shared library.
pub mod abi;
pub mod stack;
pub mod version;
