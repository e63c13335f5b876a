//! What settings say about the registration cache, by the environment or by `ucp_config_modify`.

use std::ffi::CStr;
use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;

use crate::version::{config_name_selects, memory_units};

/// How UCX hears of unmaps (`UCX_MEM_MMAP_HOOK_MODE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookMode {
    /// Not at all: then there is no cache either.
    None,
    /// By the tables of imported functions of the modules, so not of calls inside the C library.
    Reloc,
    /// By the functions' own first instructions.
    Bistro,
}

/// Whether a context is to have a cache (`UCX_RCACHE_ENABLE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    /// No.
    No,
    /// If it can be had.
    Try,
    /// Yes, or there is no context.
    Yes,
}

/// The settings that matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// `UCX_RCACHE_ENABLE`.
    pub(crate) enable: Switch,
    /// `UCX_RCACHE_MAX_UNRELEASED`, in bytes.
    pub(crate) unreleased_max: u64,
    /// `UCX_MEM_EVENTS`.
    pub(crate) events: bool,
    /// `UCX_MEM_MMAP_HOOK_MODE`.
    pub(crate) hook_mode: HookMode,
}

impl Default for Configuration {
    fn default() -> Configuration {
        Configuration {
            enable: Switch::Try,
            unreleased_max: u64::MAX,
            events: true,
            hook_mode: HookMode::Bistro,
        }
    }
}

/// Keys of a context, which `ucp_config_modify` changes too.
const ENABLE: &CStr = c"RCACHE_ENABLE";
const UNRELEASED_MAX: &CStr = c"RCACHE_MAX_UNRELEASED";
/// Keys of the process, which UCX reads when it is loaded; `ucp_config_modify` does not reach them.
const EVENTS: &str = "MEM_EVENTS";
const HOOK_MODE: &str = "MEM_MMAP_HOOK_MODE";

impl Configuration {
    /// What the environment of this process says.
    pub(crate) fn of_environment() -> Configuration {
        Configuration::read(|key| {
            let value = std::env::var_os(format!("UCX_{key}"))?;
            CString::new(value.into_vec()).ok()
        })
    }

    fn read(variable: impl Fn(&str) -> Option<CString>) -> Configuration {
        let mut read = Configuration::default();
        for key in [ENABLE, UNRELEASED_MAX] {
            let value = key.to_str().ok().and_then(&variable);
            if let Some(value) = value {
                read.modify(key, &value);
            }
        }
        // What UCX does not understand it ignores, with a warning.
        if let Some(events) = variable(EVENTS).and_then(|value| switch(&value)) {
            read.events = events == Switch::Yes;
        }
        if let Some(mode) = variable(HOOK_MODE).and_then(|value| hook_mode(&value)) {
            read.hook_mode = mode;
        }
        read
    }

    /// `ucp_config_modify`, with a name and a value that it took.
    pub(crate) fn modify(&mut self, name: &CStr, value: &CStr) {
        if config_name_selects(name, ENABLE)
            && let Some(enable) = switch(value)
        {
            self.enable = enable;
        }
        if config_name_selects(name, UNRELEASED_MAX)
            && let Some(bytes) = memory_units(value)
        {
            self.unreleased_max = bytes;
        }
    }

    /// Whether a cache can be had: UCX makes none if it cannot hear of unmaps (`ucp_mem_rcache_init`).
    pub(crate) fn can_hear(&self) -> bool {
        self.events && self.hook_mode != HookMode::None
    }
}

/// `parser.c:ucs_config_sscanf_ternary`.
fn switch(value: &CStr) -> Option<Switch> {
    let lower = value.to_bytes().to_ascii_lowercase();
    match lower.as_slice() {
        b"y" | b"yes" | b"on" | b"1" => Some(Switch::Yes),
        b"n" | b"no" | b"off" | b"0" => Some(Switch::No),
        b"try" | b"maybe" => Some(Switch::Try),
        _ => None,
    }
}

/// `ucm/mmap/install.c:ucm_mmap_hook_modes`.
fn hook_mode(value: &CStr) -> Option<HookMode> {
    let lower = value.to_bytes().to_ascii_lowercase();
    match lower.as_slice() {
        b"none" => Some(HookMode::None),
        b"reloc" => Some(HookMode::Reloc),
        b"bistro" => Some(HookMode::Bistro),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Configuration {
        Configuration::read(|key| {
            let found = variables.iter().find(|(name, _)| *name == key)?;
            CString::new(found.1).ok()
        })
    }

    #[test]
    fn the_environment_is_read_and_what_it_does_not_say_is_as_in_ucx() {
        let read_all = read(&[
            ("RCACHE_ENABLE", "n"),
            ("RCACHE_MAX_UNRELEASED", "1k"),
            ("MEM_EVENTS", "no"),
            ("MEM_MMAP_HOOK_MODE", "reloc"),
        ]);
        let all = Configuration {
            enable: Switch::No,
            unreleased_max: 1024,
            events: false,
            hook_mode: HookMode::Reloc,
        };
        assert_eq!(read_all, all);
        assert_eq!(read(&[]), Configuration::default());
        assert!(read(&[]).can_hear());
    }

    #[test]
    fn what_ucx_would_not_understand_changes_nothing() {
        let nonsense = read(&[
            ("RCACHE_ENABLE", "perhaps"),
            ("RCACHE_MAX_UNRELEASED", "much"),
            ("MEM_EVENTS", ""),
            ("MEM_MMAP_HOOK_MODE", "full"),
        ]);
        assert_eq!(nonsense, Configuration::default());
    }

    #[test]
    fn without_hooks_or_without_events_nothing_is_heard() {
        assert!(!read(&[("MEM_MMAP_HOOK_MODE", "none")]).can_hear());
        assert!(!read(&[("MEM_EVENTS", "n")]).can_hear());
        assert!(read(&[("MEM_EVENTS", "y"), ("MEM_MMAP_HOOK_MODE", "reloc")]).can_hear());
    }

    #[test]
    fn the_client_sets_the_limit_by_name_or_by_pattern_and_nothing_else() {
        let mut configuration = Configuration::default();
        configuration.modify(c"RCACHE_MAX_REGIONS", c"5");
        configuration.modify(c"rcache_max_unreleased", c"6");
        assert_eq!(configuration, Configuration::default());
        configuration.modify(c"RCACHE_MAX_UNRELEASED", c"1024");
        assert_eq!(configuration.unreleased_max, 1024);
        configuration.modify(c"*MAX_UNREL*", c"inf");
        assert_eq!(configuration.unreleased_max, u64::MAX);
    }
}
