//! The executable and the libraries of another process, as the kernel lists them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use memmap2::Mmap;
use mock_ucx::ledger::read::Module;
use object::{Object, ObjectKind, ObjectSegment};

/// What of a file tells where it is mapped.
#[derive(Clone, Default)]
struct Image {
    build_id: Vec<u8>,
    /// Address of its first segment, from which on it is mapped.
    first: u64,
    /// Its addresses are those in memory.
    fixed: bool,
}

/// Reads maps, and each file once.
#[derive(Default)]
pub(super) struct Maps {
    images: BTreeMap<String, Option<Image>>,
}

impl Maps {
    /// The modules of a process; none if it is gone.
    pub(super) fn read(&mut self, pid: u32) -> Vec<Module> {
        let text = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        let mut ranges: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for line in text.lines() {
            // `start-end rwxp offset device inode   path`
            let (Some(at), Some((start, end))) = (line.find('/'), range(line)) else {
                continue;
            };
            let range = ranges.entry(line[at..].to_owned()).or_insert((start, end));
            *range = (range.0.min(start), range.1.max(end));
        }
        ranges
            .into_iter()
            .filter_map(|(path, (start, end))| {
                let known = self.images.entry(path.clone());
                let image = known.or_insert_with(|| image(Path::new(&path))).clone()?;
                Some(Module {
                    bias: if image.fixed { 0 } else { start - image.first },
                    path,
                    start,
                    end,
                    build_id: image.build_id,
                })
            })
            .collect()
    }
}

fn range(line: &str) -> Option<(u64, u64)> {
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    let number = |digits| u64::from_str_radix(digits, 16).ok();
    Some((number(start)?, number(end)?))
}

/// `None`: it is no program and no library.
fn image(path: &Path) -> Option<Image> {
    let file = File::open(path).ok()?;
    // SAFETY: installed libraries are replaced by renaming, not written to.
    let bytes = unsafe { Mmap::map(&file) }.ok()?;
    let elf = object::File::parse(&*bytes).ok()?;
    Some(Image {
        build_id: elf.build_id().ok().flatten().unwrap_or_default().to_vec(),
        first: elf.segments().next().map_or(0, |segment| segment.address()) & !0xfff,
        fixed: elf.kind() == ObjectKind::Executable,
    })
}
