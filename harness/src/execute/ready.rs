//! A NIXL in this process, on the mock that this program exports, ready for cases.

use mock_ucx::version::UcxVersion;

use super::patterns;
use crate::nixl::{self, Loaded, Ucx, capi::Api};

/// A NIXL, and which UCX the mock is for it.
#[derive(Clone, Copy)]
pub struct Ready {
    /// Its C API.
    pub api: &'static Api,
    /// The UCX that it was built with, as far as the mock knows that one.
    pub version: UcxVersion,
}

impl Ready {
    /// Loads a NIXL that has a C API for good, and fetches it if need be.
    ///
    /// # Errors
    /// It cannot be had, or not be loaded on the mock.
    ///
    /// # Safety
    /// No other thread runs: see [`nixl::load()`].
    pub unsafe fn load(spec: &str) -> anyhow::Result<Ready> {
        let installed = nixl::fetch(spec)?;
        // SAFETY: handed on to the caller.
        Ok(Ready::of(&unsafe { nixl::load(&installed, Ucx::Mock) }?))
    }

    /// For a NIXL that is loaded on the mock.
    pub fn of(loaded: &Loaded) -> Ready {
        let ucx = loaded.installed.ucx_version.as_deref();
        // What the first call stack of a process costs (module list, unwind tables, the stack's bounds) is paid here, once for all children.
        mock_ucx::stack::capture(&mut [0; mock_ucx::stack::MAX_FRAMES]);
        patterns::begin();
        Ready {
            api: loaded.api,
            version: ucx
                .and_then(|text| text.parse().ok())
                .unwrap_or(UcxVersion::NEWEST),
        }
    }
}
