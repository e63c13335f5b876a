//! What was found, as text for people and data for programs.

pub mod frames;
pub mod symbols;
