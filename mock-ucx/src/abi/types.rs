//! The C types of UCX 1.22 as Rust sees them: plain integers and raw pointers, laid out as the C compiler does.
//!
//! No Rust enum, `bool`, reference or non-null pointer appears here, because a client may pass any bits. The names
//! of members and constants are UCX's own. Members newer than the client's headers lie behind the end of the
//! client's struct, so a member is read, unaligned, only after its mask bit was seen. Every struct and constant says
//! since which UCX 1.x release it exists; `tests/abi_probe.rs` compares all of it with UCX's headers.

mod layout;

pub mod context;
pub mod device;
pub mod endpoint;
pub mod handles;
pub mod memory;
pub mod request;
pub mod status;
pub mod worker;

pub use context::*;
pub use device::*;
pub use endpoint::*;
pub use handles::*;
pub use layout::{Constant, Field, Minor, StructLayout};
pub use memory::*;
pub use request::*;
pub use status::*;
pub use worker::*;

/// Every group of constants, with UCX's name of the enum or, for `#define`s and anonymous enums, ours.
pub const CONSTANT_GROUPS: &[&[(&str, &[Constant])]] = &[
    context::GROUPS,
    worker::GROUPS,
    endpoint::GROUPS,
    memory::GROUPS,
    request::GROUPS,
    device::GROUPS,
    status::GROUPS,
];

/// Every struct's layout.
pub const STRUCTS: &[&[StructLayout]] = &[
    context::STRUCTS,
    worker::STRUCTS,
    endpoint::STRUCTS,
    memory::STRUCTS,
    request::STRUCTS,
    device::STRUCTS,
];
