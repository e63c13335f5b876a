//! How an object of the C API is owned: ended once, by hand or by drop.

use std::ffi::{CString, c_void};

use super::status::{Answer, CallError};

/// Declares an owned object that one C function without further arguments destroys.
macro_rules! owned {
    ($(#[$doc:meta])* $name:ident($raw:ty), $destroy:ident) => {
        $(#[$doc])*
        pub struct $name {
            pub(super) api: &'static super::Api,
            pub(super) raw: *mut $raw,
        }

        // SAFETY: the object behind the pointer belongs to no thread.
        unsafe impl Send for $name {}

        impl $name {
            #[doc = concat!("Calls `nixl_capi_", stringify!($destroy), "`.")]
            pub fn destroy(mut self) -> super::Answer<()> {
                let raw = std::mem::replace(&mut self.raw, std::ptr::null_mut());
                // SAFETY: the object is alive and ours, and nobody has the pointer any more.
                unsafe { self.api.$destroy(raw) }.map(drop)
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                if !self.raw.is_null() {
                    // SAFETY: the object is alive and ours. A failure cannot be told to anyone.
                    let _ = unsafe { self.api.$destroy(self.raw) };
                }
            }
        }
    };
}
pub(super) use owned;

/// A name as C wants it.
pub(super) fn c_string(text: &str) -> Answer<CString> {
    CString::new(text).map_err(|_| CallError::Nul {
        text: text.to_owned(),
    })
}

/// Copies bytes that NIXL allocated with `malloc`, and frees them.
///
/// # Safety
/// `data` must be null, or a `malloc`ed block of at least `len` bytes that nobody else frees.
pub(super) unsafe fn take_malloced(data: *mut c_void, len: usize) -> Vec<u8> {
    if data.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller vouches for block and length.
    let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) }.to_vec();
    // SAFETY: the block is `malloc`ed and ours.
    unsafe { libc::free(data) };
    bytes
}
