//! Which configuration keys a release knows, and what `ucp_config_modify` answers.
//!
//! Facts, from `core/ucp_context.c:ucp_config_modify`, `ucs/config/parser.c` and runs of the libraries of NIXL's wheels
//! and of `libucx-cu12`, 1.18 to 1.23:
//!
//! - The name has no `UCX_` prefix and is a shell pattern (`fnmatch`), case-sensitive: every key that matches is set.
//! - Looked up first among the context's keys, then among the global ones. There the value is parsed at once:
//!   `INVALID_PARAM` if it is none, and the old value stays.
//! - Until 1.20.0 any other name, a read-only global one included, is remembered and answered with `OK`; if no transport
//!   takes it, a warning is printed when a worker is made.
//! - From 1.20.1 a read-only global name is refused with `INVALID_PARAM`, and so is one that no transport's table has.
//!   The value of a transport's key is remembered unparsed. Names that were retired count as unknown. A table is there
//!   if its module could be loaded (`RC_GDA_NUM_CHANNELS` needs the CUDA driver's library): here all modules are.

use super::UcxVersion;
use super::config_value::Syntax;
use crate::abi::types::{Minor, UcsStatus};
use rustc_hash::FxHashMap;
use std::ffi::CStr;
use std::ops::Range;
use std::sync::LazyLock;

/// Where a key lives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Context,
    Global,
    ReadOnlyGlobal,
    Transport,
}

/// A key over a range of releases; a key whose syntax changed has several.
struct Key {
    name: &'static str,
    table: Table,
    first: Minor,
    last: Minor,
    syntax: Syntax,
}

/// All keys, sorted by name.
static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let lines = include_str!("config_keys.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .map(Key::of_line)
        .collect()
});

impl Key {
    fn of_line(line: &'static str) -> Key {
        let mut words = line.splitn(5, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (name, table, first, last, syntax) = (word(), word(), word(), word(), word());
        let number = |text: &str| {
            text.parse()
                .expect("releases in config_keys.txt are numbers")
        };
        let table = match table {
            "c" => Table::Context,
            "g" => Table::Global,
            "r" => Table::ReadOnlyGlobal,
            "t" => Table::Transport,
            other => panic!("config_keys.txt: {name} has no table `{other}`"),
        };
        Key {
            name,
            table,
            first: number(first),
            last: number(last),
            syntax: Syntax::of_text(syntax),
        }
    }

    /// Keys of releases outside those that were looked at are taken as those of the nearest one.
    fn is_in(&self, version: UcxVersion) -> bool {
        let minor = version
            .minor
            .clamp(UcxVersion::OLDEST.minor, UcxVersion::NEWEST.minor);
        (self.first..=self.last).contains(&minor)
    }
}

/// Whether a release has a key of this name (without the prefix `UCX_`), with all its modules loaded.
pub fn config_key_known(version: UcxVersion, name: &str) -> bool {
    named(name.as_bytes()).iter().any(|key| key.is_in(version))
}

/// Whether a release keeps the setting of this name for the whole process, and lets it be changed.
pub fn config_key_is_global(version: UcxVersion, name: &CStr) -> bool {
    let mut keys = named(name.to_bytes()).iter();
    keys.any(|key| key.table == Table::Global && key.is_in(version))
}

/// Where the keys of each name stand.
static NAMES: LazyLock<FxHashMap<&'static [u8], Range<usize>>> = LazyLock::new(|| {
    let mut names: FxHashMap<&[u8], Range<usize>> = FxHashMap::default();
    for (index, key) in KEYS.iter().enumerate() {
        let range = names.entry(key.name.as_bytes()).or_insert(index..index);
        range.end = index + 1;
    }
    names
});

/// The keys of exactly this name: one, or several where its syntax changed.
fn named(name: &[u8]) -> &'static [Key] {
    NAMES.get(name).map_or(&[], |range| &KEYS[range.clone()])
}

/// Whether a name given to `ucp_config_modify`, a shell pattern, means this key.
pub(crate) fn config_name_selects(name: &CStr, key: &CStr) -> bool {
    // SAFETY: both are terminated strings that live through the call.
    unsafe { libc::fnmatch(name.as_ptr(), key.as_ptr(), 0) == 0 }
}

/// The release's key that is spelt most like this name, if one is like it at all.
pub fn nearest_config_key(version: UcxVersion, name: &str) -> Option<&'static str> {
    /// A letter wrong, missing or doubled stays above this Jaro-Winkler similarity; below it a hint misleads.
    const LIKENESS_MIN: f64 = 0.85;
    let name = name.strip_prefix("UCX_").unwrap_or(name).to_uppercase();
    let likeness = |key: &&Key| strsim::jaro_winkler(key.name, &name);
    let known = KEYS.iter().filter(|key| key.is_in(version));
    let nearest = known.max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
    (likeness(&nearest) >= LIKENESS_MIN).then_some(nearest.name)
}

/// What `ucp_config_modify(name, value)` answers.
pub fn config_modify_status(version: UcxVersion, name: &CStr, value: &CStr) -> UcsStatus {
    let matching: Vec<&Key> = matching(name).filter(|key| key.is_in(version)).collect();
    let of = |table| {
        matching
            .iter()
            .filter(move |key| key.table == table)
            .peekable()
    };

    let set = |table| {
        let mut keys = of(table);
        keys.peek()?;
        Some(if keys.all(|key| key.syntax.accepts(value)) {
            UcsStatus::OK
        } else {
            UcsStatus::INVALID_PARAM
        })
    };
    if let Some(status) = set(Table::Context) {
        return status;
    }
    if !version.rejects_unknown_config_key() {
        return set(Table::Global).unwrap_or(UcsStatus::OK);
    }
    if of(Table::ReadOnlyGlobal).peek().is_some() {
        return UcsStatus::INVALID_PARAM;
    }
    let transports = if of(Table::Transport).peek().is_some() {
        UcsStatus::OK
    } else {
        UcsStatus::INVALID_PARAM
    };
    set(Table::Global).unwrap_or(transports)
}

/// The keys that a name given to `ucp_config_modify`, a shell pattern, matches.
fn matching(pattern: &CStr) -> impl Iterator<Item = &'static Key> {
    let bytes = pattern.to_bytes();
    let is_plain = !bytes.iter().any(|byte| b"*?[\\".contains(byte));
    // A client sets a dozen keys for each context, all of them by their plain names: these must not cost a look at every key.
    let candidates = if is_plain {
        named(bytes)
    } else {
        KEYS.as_slice()
    };
    candidates
        .iter()
        .filter(move |key| is_plain || matches(pattern, key.name))
}

/// Whether a shell pattern matches a key's name.
fn matches(pattern: &CStr, name: &str) -> bool {
    // Every key is shorter; the buffer gives it its terminator without an allocation.
    let mut terminated = [0; 64];
    terminated[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: both are terminated strings that live through the call.
    unsafe { libc::fnmatch(pattern.as_ptr(), terminated.as_ptr().cast(), 0) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    fn keys_are_sorted_short_and_do_not_overlap() {
        for pair in KEYS.windows(2) {
            assert!(
                pair[0].name <= pair[1].name,
                "{} comes after {}",
                pair[0].name,
                pair[1].name
            );
            let same = pair[0].name == pair[1].name && pair[0].table == pair[1].table;
            assert!(
                !same || pair[0].last < pair[1].first,
                "{} overlaps itself",
                pair[0].name
            );
        }
        assert!(
            KEYS.iter()
                .all(|key| key.name.len() < 64 && key.first <= key.last)
        );
        assert!(KEYS.len() > 1000);
    }

    #[test]
    fn modify_answers_as_the_real_libraries_did() {
        let mut compared = 0;
        let mut lines = include_str!("config_modify_seen.txt")
            .lines()
            .filter(|line| !line.starts_with('#'));
        let header: Vec<UcxVersion> = lines
            .next()
            .unwrap()
            .split('\t')
            .map(|text| text.parse().unwrap())
            .collect();
        for line in lines {
            let [name, value, seen] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("not three fields: {line}")
            };
            let (name, value) = (CString::new(name).unwrap(), CString::new(value).unwrap());
            assert_eq!(seen.len(), header.len(), "{line}");
            for (version, letter) in header.iter().zip(seen.chars()) {
                let expected = if letter == 'O' {
                    UcsStatus::OK
                } else {
                    UcsStatus::INVALID_PARAM
                };
                assert_eq!(
                    config_modify_status(*version, &name, &value),
                    expected,
                    "{version}: {name:?} = {value:?}"
                );
                compared += 1;
            }
        }
        assert!(compared > 5000, "{compared}");
    }

    #[test]
    fn a_key_is_known_in_its_releases_only() {
        let known = |minor, name| config_key_known(UcxVersion::new(minor, 0), name);
        assert!(
            known(22, "RNDV_THRESH") && known(21, "RC_GDA_NUM_CHANNELS") && known(22, "LOG_LEVEL")
        );
        assert!(
            !known(20, "RC_GDA_NUM_CHANNELS") && !known(22, "RNDV_THRES") && !known(22, "UCX_TLS")
        );
        assert!(!known(22, "") && !known(22, "*"));
    }

    #[test]
    fn a_misspelt_key_is_answered_with_the_nearest_and_nonsense_with_none() {
        let nearest = |name| nearest_config_key(UcxVersion::new(22, 0), name);
        assert_eq!(nearest("RNDV_TRESH"), Some("RNDV_THRESH"));
        assert_eq!(nearest("UCX_TLS"), Some("TLS"));
        assert_eq!(nearest("QQQQ"), None);
    }
}
