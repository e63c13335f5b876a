//! Tests of the text form.

mod builtins;
mod errors;
mod round_trip;
mod strategy;
