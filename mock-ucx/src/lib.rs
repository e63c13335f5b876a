//! A drop-in mock of the UCX shared library.

pub mod stack;
