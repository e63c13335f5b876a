//! Puts other functions in the place of those that a loaded library imports from UCX.

use std::path::Path;

use super::error::Error as NixlError;
use super::load::{LoadError, ucx_slots};

/// For each function of UCX that a loaded library imports, `replace` is given its name and where its calls lead, and says where they
/// are to lead instead. Nobody else's calls change.
///
/// # Errors
/// The library is not loaded or cannot be read, or its table cannot be made writable.
///
/// # Safety
/// No other thread runs code of the library; what is put in a function's place takes and answers what that one does.
pub unsafe fn imports(
    client: &Path,
    mut replace: impl FnMut(&str, usize) -> Option<usize>,
) -> Result<(), LoadError> {
    for (name, slot) in ucx_slots(client)? {
        // SAFETY: a relocated word of a library that is loaded for good.
        let real = unsafe { slot.read_unaligned() };
        if let Some(other) = replace(&name, real) {
            make_writable(client, slot)?;
            // SAFETY: as above, and it is writable now.
            unsafe { slot.write_unaligned(other) };
        }
    }
    Ok(())
}

/// After its relocations the loader takes the right to write to parts of the table.
fn make_writable(client: &Path, slot: *mut usize) -> Result<(), LoadError> {
    // SAFETY: only asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let begin = slot as usize / page * page;
    let length = slot as usize + size_of::<usize>() - begin;
    // SAFETY: the pages of a relocated word are data of the library: they hold no code, and stay readable.
    let done = unsafe {
        libc::mprotect(
            begin as *mut libc::c_void,
            length,
            libc::PROT_READ | libc::PROT_WRITE,
        )
    };
    match done {
        0 => Ok(()),
        _ => Err(LoadError::Nixl(NixlError::Io {
            path: client.to_owned(),
            cause: std::io::Error::last_os_error(),
        })),
    }
}
