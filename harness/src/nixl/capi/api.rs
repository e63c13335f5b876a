//! A loaded `libnixl_capi.so`.

use std::ffi::{c_int, c_void};
use std::ops::Deref;
use std::path::Path;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::table::Functions;

/// The C API of one release, loaded into this process for good: NIXL keeps threads,
/// thread-local maps and a plugin manager, none of which survives an unload.
pub struct Api {
    functions: Functions,
}

impl Api {
    /// Opens the library at `path` and looks all functions up.
    ///
    /// # Safety
    /// Runs the library's constructors and those of everything it needs; `path` must be a
    /// `libnixl_capi.so` of NIXL 0.10.1 or newer.
    pub unsafe fn open(path: &Path) -> Result<&'static Api, libloading::Error> {
        // SAFETY: passed on to the caller.
        unsafe { Api::open_with(path, RTLD_NOW | RTLD_LOCAL) }
    }

    /// As [`Api::open`], with flags for `dlopen`.
    ///
    /// # Safety
    /// As for [`Api::open`].
    pub unsafe fn open_with(path: &Path, flags: c_int) -> Result<&'static Api, libloading::Error> {
        // SAFETY: passed on to the caller.
        let library = unsafe { Library::open(Some(path), flags) }?;
        // SAFETY: the symbols come from NIXL's own library, where they have these signatures.
        let api = unsafe {
            Api::resolve(|name| {
                let symbol = library.get_singlethreaded::<*mut c_void>(name).ok()?;
                Some(symbol.as_raw_ptr())
            })
        };
        std::mem::forget(library);
        Ok(api)
    }

    /// The C API whose functions `lookup` finds by their NUL-terminated names.
    ///
    /// # Safety
    /// A pointer that `lookup` returns must be that function, for as long as this process lives.
    pub unsafe fn resolve(lookup: impl Fn(&[u8]) -> Option<*mut c_void>) -> &'static Api {
        // SAFETY: passed on to the caller.
        let functions = unsafe { Functions::resolve(lookup) };
        Box::leak(Box::new(Api { functions }))
    }
}

impl Deref for Api {
    type Target = Functions;

    fn deref(&self) -> &Functions {
        &self.functions
    }
}
