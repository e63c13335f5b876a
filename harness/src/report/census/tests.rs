//! The census of a small client.

use super::*;
use crate::oracle::testing::{Client, ledger_of};
use crate::oracle::{Observation, judge};

fn census(cleanup: bool) -> Census {
    let snapshot = ledger_of("", move || {
        let mut client = Client::new();
        let handle = client.register();
        client.register();
        client.unmap(handle);
        if cleanup {
            client.cleanup();
        }
    });
    Census::new(
        &snapshot,
        &judge(&Observation::of(&snapshot)),
        &mut Symbolizer::new(),
    )
}

#[test]
fn what_is_lost_is_told_from_what_is_open() {
    let (open, lost) = (census(false), census(true));
    let count = |census: &Census| census.kinds[&Kind::MemoryHandle];
    assert_eq!(
        count(&open),
        Count {
            created: 2,
            ended: 1,
            open: 1,
            lost: 0
        }
    );
    assert_eq!(
        count(&lost),
        Count {
            created: 2,
            ended: 1,
            open: 0,
            lost: 1
        }
    );
    assert_eq!((open.lost(), lost.lost()), (0, 1));
    assert_eq!(
        lost.kinds[&Kind::Context],
        Count {
            created: 1,
            ended: 1,
            open: 0,
            lost: 0
        }
    );
    assert!(!lost.kinds.contains_key(&Kind::Worker));
}

#[test]
fn what_is_left_is_counted_by_who_created_it() {
    let census = census(true);
    let origins: Vec<_> = census.origins.iter().collect();
    assert_eq!(origins.len(), 1);
    let ((kind, origin), left) = origins[0];
    assert_eq!(
        (*kind, *left),
        (Kind::MemoryHandle, Left { open: 0, lost: 1 })
    );
    // The mock is linked into this program, whose frames it leaves out: what is left is libc.
    assert!(origin.starts_with("libc."), "{origin}");
    let text = census.to_string();
    assert!(
        text.contains("memory_handle          2         1         0         1\n"),
        "{text}"
    );
    assert!(
        text.contains("        0         1  memory_handle from "),
        "{text}"
    );
}
