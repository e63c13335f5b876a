//! Scenarios from bytes in which metadata changes on its way: one agent's is taken, bytes of it are turned, cut out, put in or replaced, and
//! another agent loads it, uses what it was told, and forgets it.
//!
//! Metadata comes from the network - from a listener thread, a store, or whatever else carries it (NIXL, docs/nixl.md, Metadata Exchange) -
//! and NIXL checks it: its tags, lengths and counts (src/utils/serdes/serdes.cpp; what does not fit is answered with MISMATCH). So it must
//! survive whatever comes, and give back whatever it made of it. What is in an address or a remote key UCX alone can read: see
//! `oracle/misuse.rs`.

use std::fmt;

use arbitrary::{Arbitrary, Unstructured};

use crate::scenario::*;

/// Bytes that say whose metadata it is, and what is done with it.
pub const PLAN_BYTES: usize = 8;
/// Bytes of one change.
pub const CHANGE_BYTES: usize = 8;
/// Changes of one scenario: a length that leads back to its own field needs three.
pub const CHANGES_MAX: usize = 8;

/// Places are below this; they are wrapped into the metadata, which has some hundred bytes.
const PLACES: u16 = 4096;

/// The kind of change that writes a number of eight bytes.
const NUMBER: u8 = 2;
/// The kind of change that writes bytes over others.
const WRITE: u8 = 3;

/// Kinds of numbers.
const SMALL: u8 = 1;
const LARGEST: u8 = 3;
const LARGEST_SIGNED: u8 = 5;
const BACK: u8 = 6;
/// No number leads back further.
pub const BACK_MAX: u16 = 1023;

/// A number of eight bytes that is hard to read as a length or a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// This one.
    Small(u16),
    /// 2⁶⁴ - 1.
    Largest,
    /// 2⁶³ - 1.
    LargestSigned,
    /// 2⁶⁴ less this, at most [`BACK_MAX`]: added to a place, it leads back.
    Back(u16),
}

const LOADER: AgentSlot = AgentSlot(0);
const OWNER: AgentSlot = AgentSlot(1);
const OTHER: AgentSlot = AgentSlot(2);
/// What is changed, what it is spliced with, and what stays as it was.
const CHANGED: BlobSlot = BlobSlot(0);
const SPARE: BlobSlot = BlobSlot(1);
const TRUE: BlobSlot = BlobSlot(2);

/// As it stands in the name of a scenario.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Small(number) => write!(f, "{number}"),
            Number::Largest => f.write_str("largest"),
            Number::LargestSigned => f.write_str("largest-signed"),
            Number::Back(back) => write!(f, "back-{back}"),
        }
    }
}

/// What a scenario is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Whose metadata, and what for.
    pub plan: [u8; PLAN_BYTES],
    /// What is changed of it.
    pub changes: Vec<[u8; CHANGE_BYTES]>,
    /// The adversary's decisions, in the order in which they are asked for.
    pub decisions: Vec<u8>,
}

impl<'a> Arbitrary<'a> for Damage {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Damage> {
        let mut plan = [0; PLAN_BYTES];
        input.fill_buffer(&mut plan)?;
        let count = usize::from(plan[0]) % (CHANGES_MAX + 1);
        let mut changes = Vec::new();
        while changes.len() < count && input.len() >= CHANGE_BYTES {
            let mut change = [0; CHANGE_BYTES];
            input.fill_buffer(&mut change)?;
            changes.push(change);
        }
        let rest = input.bytes(input.len())?;
        Ok(Damage {
            plan,
            changes,
            decisions: rest.iter().rev().copied().collect(),
        })
    }
}

impl Damage {
    /// The damage in an input.
    pub fn from_bytes(bytes: &[u8]) -> Damage {
        // Only reading beyond the end could fail, and nothing is read beyond it.
        Damage::arbitrary(&mut Unstructured::new(bytes)).unwrap_or(Damage {
            plan: [0; PLAN_BYTES],
            changes: Vec::new(),
            decisions: Vec::new(),
        })
    }

    /// Metadata is loaded, used and forgotten after these changes.
    pub fn of_changes(changes: Vec<[u8; CHANGE_BYTES]>) -> Damage {
        Damage {
            plan: [changes.len() as u8, 0, 0, 0, 0, 0, 1 << OWNER.0, 0],
            changes,
            decisions: Vec::new(),
        }
    }

    /// A change that makes one byte another.
    pub fn byte(place: u16, byte: u8) -> [u8; CHANGE_BYTES] {
        let [low, high] = place.to_le_bytes();
        [WRITE, low, high, byte, 0, 0, 0, 0]
    }

    /// A change that makes a number of eight bytes another.
    pub fn number(place: u16, number: Number) -> [u8; CHANGE_BYTES] {
        let [low, high] = place.to_le_bytes();
        let (kind, operand) = match number {
            Number::Small(number) => (SMALL, number),
            Number::Largest => (LARGEST, 0),
            Number::LargestSigned => (LARGEST_SIGNED, 0),
            Number::Back(back) => (BACK, back),
        };
        let [b, c] = operand.to_le_bytes();
        [NUMBER, low, high, kind, b, c, 0, 0]
    }

    /// An input that holds it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let decisions = self.decisions.iter().rev().copied();
        let changes = self.changes.iter().flatten().copied();
        self.plan
            .into_iter()
            .chain(changes)
            .chain(decisions)
            .collect()
    }

    /// The scenario.
    pub fn scenario(&self, name: &str) -> Scenario {
        let mut ops = Vec::new();
        self.set_up(&mut ops);
        ops.extend(self.changes.iter().map(change));
        self.load_and_use(&mut ops);
        Scenario {
            name: name.to_owned(),
            about: "Metadata that changed on its way".to_owned(),
            leave: false,
            growth: false,
            telemetry: false,
            misuse: false,
            steps: ops.into_iter().map(Step::from).collect(),
        }
    }

    fn set_up(&self, ops: &mut Vec<Op>) {
        let [_, memory, workers, taken, ..] = self.plan;
        for (slot, name) in [(LOADER, "ann"), (OWNER, "bob"), (OTHER, "cid")] {
            ops.push(Op::Agent {
                agent: slot,
                name: Some(name.to_owned()),
                config: Some(AgentConfig::default()),
            });
            let two = workers >> slot.0 & 1 == 1;
            let param = |value: &str| Param {
                key: "num_workers".to_owned(),
                value: value.to_owned(),
            };
            ops.push(Op::Backend {
                backend: BackendSlot(slot.0),
                agent: slot,
                plugin: "UCX".to_owned(),
                params: two.then(|| param("2")).into_iter().collect(),
            });
        }
        // The loader has one region, the owner up to three, which follow each other or not; the other agent has the last.
        let owned = 1 + u16::from(memory % 3);
        for number in 0..owned + 2 {
            ops.push(Op::Region {
                region: RegionSlot(number),
                size: 4096,
                seed: number as u8 + 1,
                place: (memory >> 4 & 1 == 1).then(|| Place {
                    arena: ArenaSlot(0),
                    offset: u32::from(number) * 4096,
                }),
            });
        }
        let register = |agent, regions: std::ops::Range<u16>| Op::Register {
            agent,
            descs: regions.map(RegionSlot).map(whole).collect(),
            backend: None,
        };
        ops.push(register(LOADER, 0..1));
        ops.push(register(OWNER, 1..owned + 1));
        ops.push(register(OTHER, owned + 1..owned + 2));
        ops.push(match taken % 8 {
            6 => partial(CHANGED, vec![whole(RegionSlot(1))]),
            7 => partial(CHANGED, Vec::new()),
            _ => Op::GetMd {
                blob: CHANGED,
                agent: OWNER,
            },
        });
        ops.push(Op::GetMd {
            blob: TRUE,
            agent: OWNER,
        });
        ops.push(Op::GetMd {
            blob: SPARE,
            agent: if taken >> 4 & 1 == 1 { OWNER } else { OTHER },
        });
    }

    fn load_and_use(&self, ops: &mut Vec<Op>) {
        let [.., before, used, after, _] = self.plan;
        let load = |blob| Op::LoadMd {
            agent: LOADER,
            blob,
        };
        match before % 8 {
            5 => ops.push(load(TRUE)),
            6 => ops.push(load(SPARE)),
            7 => ops.extend([load(TRUE), load(SPARE)]),
            _ => {}
        }
        ops.push(load(CHANGED));
        ops.extend(self.uses().into_iter().enumerate().filter_map(|(bit, op)| {
            // Most scenarios do most.
            (used >> bit & 1 == 0).then_some(op)
        }));
        ops.extend([3_u8, 5, 6].iter().filter_map(|bit| {
            let again = [load(TRUE), load(CHANGED), load(SPARE)];
            (after >> bit & 1 == 1).then(|| again[usize::from(bit % 3)].clone())
        }));
        ops.extend([OWNER, OTHER].into_iter().filter_map(|remote| {
            (after >> remote.0 & 1 == 1).then_some(Op::Invalidate {
                agent: LOADER,
                remote,
            })
        }));
    }

    /// What an agent does with what it was told.
    fn uses(&self) -> [Op; 8] {
        let transfer = TransferSlot(0);
        let read = self.plan[6] & 1 == 1;
        [
            Op::Create {
                transfer,
                agent: LOADER,
                direction: if read {
                    Direction::Read
                } else {
                    Direction::Write
                },
                local: vec![whole(RegionSlot(0))],
                remote_agent: OWNER,
                remote: vec![whole(RegionSlot(1))],
                options: TransferOptions::default(),
            },
            Op::Post {
                transfer,
                notif: Some(Message(b"written".to_vec())),
            },
            Op::Wait { transfer },
            Op::CheckMd {
                agent: LOADER,
                remote: OWNER,
                descs: vec![whole(RegionSlot(1))],
            },
            Op::Notify {
                agent: LOADER,
                to: OWNER,
                message: Message(b"hello".to_vec()),
                backend: None,
            },
            Op::Prep {
                list: ListSlot(0),
                agent: LOADER,
                side: Side::Remote(OWNER),
                descs: vec![whole(RegionSlot(1))],
                backend: None,
            },
            Op::Connect {
                agent: LOADER,
                remote: OTHER,
                backend: None,
            },
            Op::Notifs {
                agent: OWNER,
                times: 2,
            },
        ]
    }
}

fn whole(region: RegionSlot) -> Desc {
    Desc { region, span: None }
}

fn partial(blob: BlobSlot, descs: Vec<Desc>) -> Op {
    Op::GetPartialMd {
        blob,
        agent: OWNER,
        descs,
        backend: None,
    }
}

/// One change: its kind, its place in two bytes, and what it needs.
fn change([kind, low, high, a, b, c, d, e]: &[u8; CHANGE_BYTES]) -> Op {
    let blob = CHANGED;
    let at = u32::from(u16::from_le_bytes([*low, *high]) % PLACES);
    let write = |bytes: &[u8]| Op::WriteMd {
        blob,
        at,
        bytes: Message(bytes.to_vec()),
    };
    let splice = |cut: u8, from, count: u8| Op::SpliceMd {
        blob,
        at,
        cut: cut.into(),
        from,
        start: u32::from(u16::from_le_bytes([*d, *e]) % PLACES),
        count: count.into(),
    };
    match kind % 8 {
        0 | 1 => Op::ChangeMd {
            blob,
            at,
            mask: (*a).max(1),
        },
        NUMBER => write(&number(*a, u16::from_le_bytes([*b, *c])).to_le_bytes()),
        WRITE => write(&[*a, *b, *c, *d][..1 + usize::from(e % 4)]),
        4 => splice(*a, CHANGED, 0),
        5 => splice(0, CHANGED, *a),
        6 => splice(*a, if c % 2 == 0 { SPARE } else { TRUE }, *b),
        _ => Op::CutMd { blob, len: at },
    }
}

/// Lengths and counts that are hard to read: small ones, the largest, and such as lead backwards when they are added to a place.
fn number(kind: u8, operand: u16) -> u64 {
    match kind % 8 {
        0 => u64::from(operand % 256),
        SMALL => u64::from(operand),
        2 => u64::from(operand) << 32,
        LARGEST => u64::MAX,
        4 => u64::from(u32::MAX),
        LARGEST_SIGNED => i64::MAX as u64,
        _ => u64::from(operand % (BACK_MAX + 1)).wrapping_neg(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::generate::Stream;

    fn drawn(number: u64) -> Damage {
        let bytes = PLAN_BYTES + CHANGES_MAX * CHANGE_BYTES + 16;
        Damage::from_bytes(&Stream::new(5, number).bytes(bytes))
    }

    #[test]
    fn every_kind_of_change_comes_and_every_scenario_reads_back() {
        let mut verbs = std::collections::BTreeMap::new();
        for number in 0..500 {
            let scenario = drawn(number).scenario("damage");
            assert_eq!(Scenario::parse(&scenario.to_string()), Ok(scenario.clone()));
            for line in scenario.lines() {
                *verbs.entry(line.op.verb()).or_insert(0) += 1;
            }
        }
        for verb in ["change_md", "write_md", "splice_md", "cut_md", "load_md"] {
            assert!(verbs[verb] > 100, "{verb}: {verbs:?}");
        }
    }

    #[test]
    fn an_empty_input_changes_nothing_and_uses_everything() {
        let damage = Damage::from_bytes(&[]);
        assert!(damage.changes.is_empty() && damage.decisions.is_empty());
        let text = damage.scenario("damage").to_string();
        assert!(
            text.contains("\nload_md a0 m0\ncreate x0 a0 write"),
            "{text}"
        );
        assert!(!text.contains("invalidate"), "{text}");
    }

    #[test]
    fn one_byte_that_is_another_is_loaded_used_and_forgotten() {
        let damage = Damage::of_changes(vec![Damage::byte(300, 5)]);
        let text = damage.scenario("damage").to_string();
        let change = "write_md m0 at=300 \"\\x05\"\nload_md a0 m0\ncreate x0 a0 write";
        assert!(text.contains(change), "{text}");
        assert!(text.ends_with("invalidate a0 a1\n"), "{text}");
    }

    #[test]
    fn numbers_are_written_as_they_are_meant() {
        let text = |number| {
            let damage = Damage::of_changes(vec![Damage::number(41, number)]);
            assert_eq!(Damage::from_bytes(&damage.to_bytes()), damage);
            damage.scenario("damage").to_string()
        };
        let written =
            |number, bytes| text(number).contains(&format!("write_md m0 at=41 \"{bytes}\""));
        assert!(written(
            Number::Small(0x105),
            r"\x05\x01\x00\x00\x00\x00\x00\x00"
        ));
        assert!(written(
            Number::Largest,
            r"\xff\xff\xff\xff\xff\xff\xff\xff"
        ));
        assert!(written(
            Number::LargestSigned,
            r"\xff\xff\xff\xff\xff\xff\xff\x7f"
        ));
        assert!(written(
            Number::Back(23),
            r"\xe9\xff\xff\xff\xff\xff\xff\xff"
        ));
        assert!(written(
            Number::Back(BACK_MAX),
            r"\x01\xfc\xff\xff\xff\xff\xff\xff"
        ));
    }

    #[test]
    fn what_is_decided_does_not_move_with_what_is_changed() {
        let mut input = vec![1; PLAN_BYTES];
        input.extend([2, 10, 0, 3, 0, 0, 0, 0]);
        input.extend([7, 8, 9]);
        let damage = Damage::from_bytes(&input);
        assert_eq!(damage.changes.len(), 1);
        assert_eq!(damage.decisions, [9, 8, 7]);
        assert_eq!(damage.to_bytes(), input);
        assert!(
            damage
                .scenario("damage")
                .to_string()
                .contains(r#"write_md m0 at=10 "\xff\xff\xff\xff\xff\xff\xff\xff""#)
        );
    }
}
