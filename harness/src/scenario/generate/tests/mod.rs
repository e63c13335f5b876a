//! The generator keeps its promises: valid, within the contract, steady, and of every shape.

mod contract;
mod shapes;
mod steadiness;
mod strategy;

use super::*;

/// As many scenarios as asked for, each from bytes that are drawn anew.
fn drawn(count: u64, class: Class) -> impl Iterator<Item = Scenario> {
    (0..count).map(move |number| {
        Recipe::from_bytes(&Stream::new(0, number).recipe()).scenario("drawn", class)
    })
}
