//! The ways in which a handle can be bad, and the few of them that UCX permits.

use mock_ucx::ledger::{Kind, Trouble};

use crate::world::{Handles, World};

/// What is wrong with a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A null pointer.
    Null,
    /// An object of the right kind that was given back.
    Stale,
    /// A live object of this other kind.
    OtherKind(Kind),
    /// What another process holds for a handle of this kind.
    OtherProcess,
    /// Eight bytes behind the start of a live object.
    Misaligned,
    /// Any number, drawn from this seed.
    Random(u64),
    /// 1
    One,
    /// -1, which is also an error pointer.
    MinusOne,
}

/// All flaws of a handle of this kind; `seed` makes the random one another in each place.
pub(crate) fn flaws(kind: Kind, seed: u64) -> Vec<Flaw> {
    let others = Kind::ALL
        .into_iter()
        .filter(|other| *other != kind)
        .map(Flaw::OtherKind);
    let mut flaws = vec![
        Flaw::Null,
        Flaw::Stale,
        Flaw::OtherProcess,
        Flaw::Misaligned,
        Flaw::Random(seed),
        Flaw::One,
        Flaw::MinusOne,
    ];
    flaws.extend(others);
    flaws
}

impl Flaw {
    pub(crate) fn name(self) -> String {
        format!("{self:?}")
    }

    /// The bad value.
    pub(crate) fn value(self, world: &World, strangers: &Handles, kind: Kind) -> u64 {
        match self {
            Flaw::Null => 0,
            Flaw::Stale => world.stale[&kind],
            Flaw::OtherKind(other) => world.live[&other],
            Flaw::OtherProcess => strangers[&kind],
            Flaw::Misaligned => world.live[&kind] + 8,
            Flaw::Random(seed) => random(seed),
            Flaw::One => 1,
            Flaw::MinusOne => u64::MAX,
        }
    }

    /// What the ledger is to say about it.
    pub(crate) fn trouble(self, world: &World, kind: Kind) -> Trouble {
        match self {
            Flaw::Null => Trouble::Null,
            Flaw::Stale => Trouble::Stale,
            Flaw::OtherKind(_) => Trouble::OtherKind,
            // A pointer into another process's heap says nothing about where it came from.
            Flaw::OtherProcess if world.is_pointer(kind) => Trouble::Unknown,
            Flaw::OtherProcess => Trouble::OtherProcess,
            Flaw::Misaligned => Trouble::Misaligned,
            Flaw::Random(_) | Flaw::One => Trouble::Unknown,
            Flaw::MinusOne => Trouble::ErrorPointer,
        }
    }
}

/// The finaliser of splitmix64. Its top bit is set, so it is never an address of a process.
fn random(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) >> 1 | 1 << 63
}

/// A cell that UCX permits.
pub(crate) struct Legal {
    pub(crate) place: &'static str,
    pub(crate) flaw: Flaw,
    pub(crate) reason: &'static str,
}

/// All of them.
pub(crate) const LEGAL: &[Legal] = &[Legal {
    place: "ucp_init_version argument 3 (config)",
    flaw: Flaw::Null,
    reason: "a null configuration means \"read it from the environment\" (ucp.h:ucp_init)",
}];
