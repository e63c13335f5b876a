//! The UCX release that the mock pretends to be, and what each release knows.
//!
//! What grew from release to release is written where the thing itself is: each member and constant of
//! [`crate::abi::types`] says since when it exists. Here stands what changed in another way.

mod config;
mod config_value;

pub(crate) use config::config_name_selects;
pub use config::{
    config_key_is_global, config_key_known, config_modify_status, nearest_config_key,
};
pub(crate) use config_value::memory_units;

use crate::abi::types::{Constant, Minor};
use std::fmt;
use std::str::FromStr;

/// A UCX release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UcxVersion {
    /// Always 1 so far.
    pub major: u16,
    /// The release that decides behaviour and layouts.
    pub minor: Minor,
    /// The bug-fix release: reported, and decides where a change was carried back.
    pub patch: u16,
}

/// A version that cannot be emulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Not of the form MAJOR.MINOR or MAJOR.MINOR.PATCH.
    #[error("UCX version `{0}` is not of the form 1.22 or 1.22.0")]
    Form(String),
    /// A release that the mock has no data for.
    #[error("UCX version {0} is not emulated: choose one from {oldest} to {newest}", oldest = UcxVersion::OLDEST, newest = UcxVersion::NEWEST)]
    NotEmulated(UcxVersion),
}

impl UcxVersion {
    /// The oldest release that can be emulated.
    pub const OLDEST: UcxVersion = UcxVersion::new(18, 0);
    /// The newest release that can be emulated: the one inside the wheel of NIXL 1.5.1.
    pub const NEWEST: UcxVersion = UcxVersion::new(23, 0);

    /// Release 1.`minor`.`patch`.
    pub const fn new(minor: Minor, patch: u16) -> Self {
        UcxVersion {
            major: 1,
            minor,
            patch,
        }
    }

    /// The bits of a mask that this release knows; others it ignores, in silence.
    pub fn known_bits(self, group: &[Constant]) -> u64 {
        let known = group.iter().filter(|constant| constant.since <= self.minor);
        known.fold(0, |bits, constant| bits | constant.value as u64)
    }

    /// `UCS_MEMORY_TYPE_LAST`, which is also `UCS_MEMORY_TYPE_UNKNOWN`: it moves with each new memory type.
    pub fn memory_type_last(self) -> u32 {
        let known = crate::abi::types::UCS_MEMORY_TYPE
            .iter()
            .filter(|kind| kind.since <= self.minor);
        known.count() as u32
    }

    /// Whether the library of this release exports a function.
    ///
    /// Only functions that came or went after 1.13 are listed; any other name that UCX ever exported is there.
    pub fn has_function(self, name: &str) -> bool {
        let range = CHANGED_FUNCTIONS.iter().find(|function| function.0 == name);
        range.is_none_or(|(_, first, last)| (*first..=*last).contains(&self.minor))
    }

    /// Whether `ucp_config_modify` refuses a name that it does not know (from 1.20.1), or takes it in silence (before).
    ///
    /// The wheels of NIXL 0.9.0 to 0.10.1 bring a library between 1.20.0 and 1.20.1 that calls itself 1.20.0 and
    /// refuses.
    pub fn rejects_unknown_config_key(self) -> bool {
        self >= UcxVersion::new(20, 1)
    }

    /// Whether the registration cache merges unmapped ranges in a tree (from 1.21), or queues each of them (before)
    /// (`ucs/memory/rcache.c:ucs_rcache_unmapped_callback`).
    pub(crate) fn merges_unmapped_ranges(self) -> bool {
        self.minor >= 21
    }
}

/// Functions of `ucp.h`, `ucp_compat.h` and `ucp_host.h` that not every release since 1.13 exports: first and last one.
const CHANGED_FUNCTIONS: &[(&str, Minor, Minor)] = &[
    ("ucp_device_counter_init", 20, Minor::MAX),
    ("ucp_device_counter_read", 20, Minor::MAX),
    ("ucp_device_get_mem_list_length", 21, Minor::MAX),
    ("ucp_device_local_mem_list_create", 21, Minor::MAX),
    ("ucp_device_mem_list_create", 20, 20),
    ("ucp_device_mem_list_release", 20, Minor::MAX),
    ("ucp_device_remote_mem_list_create", 21, Minor::MAX),
    ("ucp_dt_query", 14, Minor::MAX),
    ("ucp_memh_buffer_release", 14, Minor::MAX),
    ("ucp_memh_pack", 14, Minor::MAX),
    ("ucp_rkey_compare", 16, Minor::MAX),
];

impl fmt::Display for UcxVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for UcxVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let malformed = || VersionError::Form(text.to_owned());
        let numbers: Result<Vec<u16>, _> = text.split('.').map(str::parse).collect();
        let version = match numbers.map_err(|_| malformed())?[..] {
            [major, minor] => UcxVersion {
                major,
                minor,
                patch: 0,
            },
            [major, minor, patch] => UcxVersion {
                major,
                minor,
                patch,
            },
            _ => return Err(malformed()),
        };
        let emulated = UcxVersion::OLDEST.minor..=UcxVersion::NEWEST.minor;
        if version.major != 1 || !emulated.contains(&version.minor) {
            return Err(VersionError::NotEmulated(version));
        }
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::types::{
        UCP_FEATURE, UCP_FEATURE_DEVICE, UCP_OP_ATTR, UCP_OP_ATTR_FIELD_REMOTE,
    };

    #[test]
    fn a_version_is_read_as_it_is_printed() {
        let version: UcxVersion = "1.22.0".parse().unwrap();
        assert_eq!(version, UcxVersion::new(22, 0));
        assert_eq!(version.to_string(), "1.22.0");
        assert_eq!("1.20".parse(), Ok(UcxVersion::new(20, 0)));
        assert!(UcxVersion::new(9, 9) < UcxVersion::new(18, 0));
    }

    #[test]
    fn a_version_that_is_none_or_too_old_is_refused_with_the_choice() {
        for text in ["", "1", "1.22.", "1.22.0.1", "v1.22", "1.-2", "1.99999"] {
            assert_eq!(
                text.parse::<UcxVersion>(),
                Err(VersionError::Form(text.to_owned()))
            );
        }
        let error = "1.12.0".parse::<UcxVersion>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "UCX version 1.12.0 is not emulated: choose one from 1.18.0 to 1.23.0"
        );
        assert!("2.22".parse::<UcxVersion>().is_err());
    }

    #[test]
    fn a_bit_is_known_from_the_release_that_brought_it() {
        assert_eq!(UcxVersion::new(18, 0).known_bits(UCP_FEATURE), 0xff);
        assert_eq!(
            UcxVersion::new(20, 0).known_bits(UCP_FEATURE),
            0xff | UCP_FEATURE_DEVICE
        );
        let remote = u64::from(UCP_OP_ATTR_FIELD_REMOTE);
        assert_eq!(UcxVersion::new(21, 0).known_bits(UCP_OP_ATTR) & remote, 0);
        assert_ne!(UcxVersion::new(22, 0).known_bits(UCP_OP_ATTR) & remote, 0);
    }

    #[test]
    fn the_unknown_memory_type_moves_with_the_releases() {
        let last = |minor| UcxVersion::new(minor, 0).memory_type_last();
        assert_eq!([13, 16, 17, 20, 21, 23].map(last), [5, 6, 9, 9, 10, 10]);
    }

    #[test]
    fn the_device_functions_came_in_two_steps() {
        let has = |minor, name| UcxVersion::new(minor, 0).has_function(name);
        assert_eq!(
            [19, 20, 21].map(|minor| has(minor, "ucp_device_mem_list_create")),
            [false, true, false]
        );
        assert_eq!(
            [19, 20, 21].map(|minor| has(minor, "ucp_device_local_mem_list_create")),
            [false, false, true]
        );
        assert!(has(18, "ucp_put_nbx"));
    }
}
