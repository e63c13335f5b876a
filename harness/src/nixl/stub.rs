//! Empty shared libraries that carry a given SONAME, written without a compiler.
//!
//! The loader matches a needed library by the SONAMEs of what is already loaded. With a stub of
//! the right name loaded it considers the need satisfied, and looks the symbols up elsewhere.

use object::Endianness;
use object::elf::{
    DT_HASH, DT_NULL, DT_SONAME, DT_STRSZ, DT_STRTAB, DT_SYMENT, DT_SYMTAB, EM_AARCH64, EM_X86_64,
    ET_DYN, PF_R, PF_W, PT_DYNAMIC, PT_GNU_STACK, PT_LOAD,
};
use object::write::elf::{FileHeader, ProgramHeader, Writer};

use super::error::Error;
use super::release::Machine;

/// Segments are aligned to the largest page size of the supported machines.
const PAGE_MAX: u64 = 0x10000;
const DYNAMIC_ENTRIES: usize = 7;

/// The bytes of a shared library for this machine that is called `soname` and has nothing in it.
pub fn library(soname: &str) -> Result<Vec<u8>, Error> {
    let e_machine = match Machine::here()? {
        Machine::X86_64 => EM_X86_64,
        Machine::Aarch64 => EM_AARCH64,
    };
    let mut bytes = Vec::new();
    let mut writer = Writer::new(Endianness::default(), true, &mut bytes);
    let name = writer.add_dynamic_string(soname.as_bytes());

    writer.reserve_file_header();
    writer.reserve_program_headers(3);
    writer.reserve_null_dynamic_symbol_index();
    let hash = writer.reserve_hash(1, 1) as u64;
    let symbols = writer.reserve_dynsym() as u64;
    let strings = writer.reserve_dynstr() as u64;
    let strings_len = writer.dynstr_len() as u64;
    let dynamic = writer.reserve_dynamic(DYNAMIC_ENTRIES) as u64;
    let len = writer.reserved_len() as u64;

    let header = FileHeader {
        os_abi: 0,
        abi_version: 0,
        e_type: ET_DYN,
        e_machine,
        e_entry: 0,
        e_flags: 0,
    };
    writer
        .write_file_header(&header)
        .expect("a header for which room was reserved");
    writer.write_align_program_headers();
    // Writable, because the loader relocates the dynamic section in place.
    writer.write_program_header(&segment(PT_LOAD, PF_R | PF_W, 0, len, PAGE_MAX));
    writer.write_program_header(&segment(PT_DYNAMIC, PF_R | PF_W, dynamic, len - dynamic, 8));
    // Without this header the loader would make the whole program's stack executable.
    writer.write_program_header(&segment(PT_GNU_STACK, PF_R | PF_W, 0, 0, 16));
    writer.write_hash(1, 1, |_| None);
    writer.write_null_dynamic_symbol();
    writer.write_dynstr();
    writer.write_align_dynamic();
    writer.write_dynamic_string(DT_SONAME, name);
    writer.write_dynamic(DT_HASH, hash);
    writer.write_dynamic(DT_SYMTAB, symbols);
    writer.write_dynamic(
        DT_SYMENT,
        size_of::<object::elf::Sym64<Endianness>>() as u64,
    );
    writer.write_dynamic(DT_STRTAB, strings);
    writer.write_dynamic(DT_STRSZ, strings_len);
    writer.write_dynamic(DT_NULL, 0);
    Ok(bytes)
}

fn segment(p_type: u32, p_flags: u32, offset: u64, len: u64, align: u64) -> ProgramHeader {
    ProgramHeader {
        p_type,
        p_flags,
        p_offset: offset,
        p_vaddr: offset,
        p_paddr: offset,
        p_filesz: len,
        p_memsz: len,
        p_align: align,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libloading::os::unix::{Library, RTLD_NOW};

    /// `RTLD_NOLOAD`: succeed only if it is loaded already.
    const RTLD_NOLOAD: i32 = 4;

    #[test]
    fn a_loaded_stub_satisfies_the_need_for_its_soname() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("stub.so");
        let soname = "libmock-ucx-test-0123abcd.so.0.0.0";
        std::fs::write(&path, library(soname).expect("a stub")).expect("a file");
        // SAFETY: the name belongs to no library with code.
        let before = unsafe { Library::open(Some(soname), RTLD_NOW | RTLD_NOLOAD) };
        assert!(before.is_err(), "{soname} is loaded before the stub is");
        // SAFETY: the stub has no code.
        let _stub = unsafe { Library::open(Some(&path), RTLD_NOW) }.expect("the loader takes it");
        // SAFETY: as above.
        unsafe { Library::open(Some(soname), RTLD_NOW | RTLD_NOLOAD) }
            .expect("the loader knows it by its SONAME");
    }
}
