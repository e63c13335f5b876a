//! Which build of the mock this is. The program reads it from the library's file before it preloads the library.

use std::ffi::c_char;

/// Id of this build, made from the sources.
pub const BUILD_ID: &str = env!("BUILD_ID_OF_MOCK_UCX");

/// Name of the exported bytes that hold the id.
pub const BUILD_ID_SYMBOL: &str = "mock_ucx_build_id_text";

/// Bytes of an id.
pub const BUILD_ID_LENGTH: usize = BUILD_ID.len();

/// The id where a reader of the file finds it, terminated.
#[unsafe(no_mangle)]
#[used]
static mock_ucx_build_id_text: [u8; BUILD_ID_LENGTH + 1] = terminated();

const fn terminated() -> [u8; BUILD_ID_LENGTH + 1] {
    let mut text = [0; BUILD_ID_LENGTH + 1];
    let mut index = 0;
    while index < BUILD_ID_LENGTH {
        text[index] = BUILD_ID.as_bytes()[index];
        index += 1;
    }
    text
}

/// The id, terminated.
pub(crate) fn id_pointer() -> *const c_char {
    mock_ucx_build_id_text.as_ptr().cast()
}
