//! What a track of played cases belongs to: it is of no use for another NIXL, or for a build that judges otherwise.

use std::fs::File;

use anyhow::Context;
use object::Object;

use crate::nixl::Installed;
use crate::nixl::cache::sha256_of;

/// Hex digits that are kept of each id: enough to tell builds apart.
const DIGITS: usize = 16;

/// The checksum of the plugin, which a folder that is built anew changes.
pub(in crate::cli) fn of_nixl(installed: &Installed) -> anyhow::Result<String> {
    let mut checksum = sha256_of(&installed.plugin)?;
    checksum.truncate(DIGITS);
    Ok(checksum)
}

/// The build id that the linker gave to this program.
pub(in crate::cli) fn of_this_build() -> anyhow::Result<String> {
    let cannot = "cannot read this program's own file";
    let path = std::env::current_exe().context(cannot)?;
    let file = File::open(path).context(cannot)?;
    // SAFETY: a program's file is not written to while it runs: the kernel refuses that.
    let bytes = unsafe { memmap2::Mmap::map(&file) }.context(cannot)?;
    let elf = object::File::parse(&*bytes).context(cannot)?;
    let id = elf.build_id().context(cannot)?.unwrap_or_default();
    let mut digits: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.truncate(DIGITS);
    Ok(digits)
}
