//! What is read from shared libraries: machine, SONAME, needed libraries, imports, exports.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use object::elf::{DT_NEEDED, DT_SONAME, FileHeader64};
use object::read::elf::{Dyn, ElfFile64, FileHeader};
use object::{Architecture, Endianness, Object, ObjectSymbol};

use super::error::Error;
use super::release::Machine;

/// A library's file, mapped.
pub(super) struct Library {
    path: PathBuf,
    bytes: Mmap,
}

impl Library {
    pub(super) fn open(path: &Path) -> Result<Library, Error> {
        let file = File::open(path).map_err(|cause| Error::io(path, cause))?;
        // SAFETY: files of the cache are replaced by renames, never written in place. A user's own
        // folder that changes under our feet can only make the reader below fail or kill this program.
        let bytes = unsafe { Mmap::map(&file) }.map_err(|cause| Error::io(path, cause))?;
        Ok(Library {
            path: path.to_owned(),
            bytes,
        })
    }

    fn bad(&self, reason: impl ToString) -> Error {
        Error::BadLibrary {
            path: self.path.clone(),
            reason: reason.to_string(),
        }
    }

    /// The parsed file.
    pub(super) fn elf(&self) -> Result<ElfFile64<'_>, Error> {
        ElfFile64::parse(&*self.bytes).map_err(|error| self.bad(error))
    }

    /// Refuses a library for another machine.
    pub(super) fn check_machine(&self, machine: Machine) -> Result<(), Error> {
        let (found, expected) = match self.elf()?.architecture() {
            Architecture::X86_64 => ("x86_64".to_owned(), machine == Machine::X86_64),
            Architecture::Aarch64 => ("aarch64".to_owned(), machine == Machine::Aarch64),
            other => (format!("{other:?}"), false),
        };
        if expected {
            return Ok(());
        }
        Err(Error::WrongMachine {
            path: self.path.clone(),
            found,
            machine: machine.name(),
        })
    }

    /// The name that the loader knows the library by.
    pub(super) fn soname(&self) -> Result<Option<String>, Error> {
        Ok(self.dynamic_strings(DT_SONAME)?.into_iter().next())
    }

    /// The libraries that it needs, in its order.
    pub(super) fn needed(&self) -> Result<Vec<String>, Error> {
        self.dynamic_strings(DT_NEEDED)
    }

    fn dynamic_strings(&self, tag: u32) -> Result<Vec<String>, Error> {
        let elf = self.elf()?;
        let endian = elf.endian();
        let header: &FileHeader64<Endianness> = elf.elf_header();
        let sections = header
            .sections(endian, &*self.bytes)
            .map_err(|error| self.bad(error))?;
        let Some((entries, link)) = sections
            .dynamic(endian, &*self.bytes)
            .map_err(|error| self.bad(error))?
        else {
            return Err(self.bad("it has no dynamic section"));
        };
        let strings = sections
            .strings(endian, &*self.bytes, link)
            .map_err(|error| self.bad(error))?;
        let mut found = Vec::new();
        for entry in entries
            .iter()
            .filter(|entry| entry.tag32(endian) == Some(tag))
        {
            let text = entry
                .string(endian, strings)
                .map_err(|error| self.bad(error))?;
            found.push(String::from_utf8_lossy(text).into_owned());
        }
        Ok(found)
    }

    /// Functions that it imports and whose name begins with one of `prefixes`.
    pub(super) fn imports(&self, prefixes: &[&str]) -> Result<BTreeSet<String>, Error> {
        self.symbols(prefixes, true)
    }

    /// Functions that it defines and whose name begins with one of `prefixes`.
    pub(super) fn exports(&self, prefixes: &[&str]) -> Result<BTreeSet<String>, Error> {
        self.symbols(prefixes, false)
    }

    fn symbols(&self, prefixes: &[&str], undefined: bool) -> Result<BTreeSet<String>, Error> {
        let mut names = BTreeSet::new();
        for symbol in self.elf()?.dynamic_symbols() {
            let name = symbol.name().map_err(|error| self.bad(error))?;
            if symbol.is_undefined() == undefined
                && prefixes.iter().any(|prefix| name.starts_with(prefix))
            {
                names.insert(name.to_owned());
            }
        }
        Ok(names)
    }

    /// The one text like `1.23.0` among its constants: in `libucp`, UCX's version. `None` if there
    /// is not exactly one.
    pub(super) fn version_text(&self) -> Option<String> {
        let mut found = BTreeSet::new();
        for text in self.bytes.split(|byte| *byte == 0) {
            // Strings are preceded by arbitrary bytes: take the longest tail of digits and dots.
            let tail = text
                .iter()
                .rposition(|byte| !byte.is_ascii_digit() && *byte != b'.')
                .map_or(0, |at| at + 1);
            let tail = std::str::from_utf8(&text[tail..]).unwrap_or_default();
            let parts: Vec<&str> = tail.split('.').collect();
            if parts.len() == 3
                && parts[0] == "1"
                && parts[1..].iter().all(|part| matches!(part.len(), 1..=2))
            {
                found.insert(tail.to_owned());
            }
        }
        if found.len() == 1 {
            found.pop_first()
        } else {
            None
        }
    }
}
