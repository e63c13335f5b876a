//! What an executable's file says about preloading: dynamic, for this machine, against glibc, with no UCX of its own.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;
use object::elf::{DT_NEEDED, PT_INTERP};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Architecture, Endianness, Object, ObjectSymbol};

/// What every program that has UCX linked in defines, whatever it uses.
const DEFINED_BY_UCX: [&str; 2] = ["ucp_init_version", "ucp_worker_progress"];

/// The machine of this program, and so of its library.
const MACHINE: Architecture = if cfg!(target_arch = "aarch64") {
    Architecture::Aarch64
} else {
    Architecture::X86_64
};

/// Why nothing can be preloaded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// The file is no program.
    NoProgram(String),
    /// It is one that takes no preloaded library.
    NoPreload(String),
}

/// The shared libraries that the program in a file names.
///
/// # Errors
/// It is no program, or none that the mock can be preloaded into.
pub(super) fn needed_libraries(path: &Path) -> Result<Vec<String>, Unfit> {
    let open = || -> io::Result<Mmap> {
        let file = File::open(path)?;
        // SAFETY: the file of a program that is about to be executed; the system keeps it from being written to while it runs.
        unsafe { Mmap::map(&file) }
    };
    let bytes = open().map_err(|error| Unfit::NoProgram(format!("it cannot be read ({error})")))?;
    examine(&bytes)
}

fn examine(bytes: &[u8]) -> Result<Vec<String>, Unfit> {
    let no_program = |what: String| Unfit::NoProgram(what);
    let damaged = |error: object::Error| Unfit::NoProgram(format!("it is damaged ({error})"));
    let header = object::elf::FileHeader64::<Endianness>::parse(bytes).map_err(|_| {
        no_program("it is neither a 64-bit ELF program nor a script with a #! line".to_owned())
    })?;
    let elf = object::File::parse(bytes).map_err(damaged)?;
    if elf.architecture() != MACHINE {
        let reason = format!(
            "it is for {:?}, the mock for {MACHINE:?}",
            elf.architecture()
        );
        return Err(Unfit::NoPreload(reason));
    }
    let endian = header.endian().map_err(damaged)?;
    let segments = header.program_headers(endian, bytes).map_err(damaged)?;
    let loader = segments
        .iter()
        .find(|segment| segment.p_type(endian) == PT_INTERP)
        .and_then(|segment| segment.data(endian, bytes).ok());
    let refuse = |reason: &str| Err(Unfit::NoPreload(reason.to_owned()));
    match loader {
        None => return refuse("it is statically linked; link it dynamically"),
        Some(loader) if loader.windows(4).any(|part| part == b"musl") => {
            return refuse("it runs on musl and the mock on glibc; use a glibc build of it");
        }
        Some(_) => {}
    }
    // What a program defines itself comes before what is preloaded.
    let own_ucx = elf
        .symbols()
        .chain(elf.dynamic_symbols())
        .filter(ObjectSymbol::is_definition)
        .find_map(|symbol| {
            symbol
                .name()
                .ok()
                .filter(|name| DEFINED_BY_UCX.contains(name))
        });
    if let Some(name) = own_ucx {
        return refuse(&format!(
            "UCX is linked into it (it defines {name}); link it against the shared libucp"
        ));
    }
    needed(header, endian, bytes).map_err(damaged)
}

fn needed(
    header: &object::elf::FileHeader64<Endianness>,
    endian: Endianness,
    bytes: &[u8],
) -> object::Result<Vec<String>> {
    let sections = header.sections(endian, bytes)?;
    let Some((entries, strings)) = sections.dynamic(endian, bytes)? else {
        return Ok(Vec::new());
    };
    let strings = sections.strings(endian, bytes, strings)?;
    entries
        .iter()
        .filter(|entry| entry.tag32(endian) == Some(DT_NEEDED))
        .map(|entry| {
            let name = entry.string(endian, strings)?;
            Ok(String::from_utf8_lossy(name).into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_a_library_and_a_program_with_a_ucx_linked_in_does_not() {
        let needed = needed_libraries(Path::new("/bin/sh")).unwrap();
        assert!(needed.iter().any(|name| name == "libc.so.6"), "{needed:?}");
        // The mock is linked into this test.
        match needed_libraries(&std::env::current_exe().unwrap()) {
            Err(Unfit::NoPreload(reason)) => assert!(reason.contains("UCX is linked"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_is_no_program() {
        assert!(matches!(examine(b"hello"), Err(Unfit::NoProgram(_))));
    }

    #[test]
    fn a_program_without_a_loader_takes_nothing() {
        let mut bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let header = object::elf::FileHeader64::<Endianness>::parse(&*bytes).unwrap();
        let (at, size) = (header.e_phoff(Endianness::Little) as usize, 56);
        for index in 0..usize::from(header.e_phnum(Endianness::Little)) {
            let kind = &mut bytes[at + index * size..][..4];
            if kind == PT_INTERP.to_le_bytes() {
                kind.fill(0);
            }
        }
        match examine(&bytes) {
            Err(Unfit::NoPreload(reason)) => assert!(reason.contains("statically"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}
