//! The executable and shared libraries mapped into this process, as the loader lists them.
//!
//! Building the list costs 50-115 µs for 140 modules, asking the loader whether it is still
//! current 11-20 ns. So a list is built once, shared, and replaced only when the loader's
//! counters of opened and closed libraries have moved.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use framehop::{MayAllocateDuringUnwind, Unwinder, UnwinderNative};
use parking_lot::Mutex;

use super::image::{Image, Mapped};

/// One mapped executable or shared library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The file it was mapped from, absolute; a bare name for the kernel's vdso.
    pub path: PathBuf,
    /// What to subtract from an address to get the one in the file's symbol table.
    pub bias: u64,
    /// The addresses from its first mapped byte to its last.
    pub range: Range<u64>,
    /// The addresses of its executable segments.
    pub text: Range<u64>,
    /// The linker's build id; empty if the file has none.
    pub build_id: Vec<u8>,
}

/// How many libraries the loader has opened and closed: equal numbers mean an equal list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counters {
    opened: u64,
    closed: u64,
}

pub(super) type ModuleUnwinder = UnwinderNative<Mapped, MayAllocateDuringUnwind>;

/// All modules at one moment, with what is needed to unwind through them.
pub struct Modules {
    list: Vec<Module>,
    counters: Counters,
    unwinder: ModuleUnwinder,
    own: Range<u64>,
}

/// The newest list that any thread has built. Only ever tried, never waited for: a child forked
/// while another thread held it must not hang, and building one's own list is always possible.
static NEWEST: Mutex<Option<Arc<Modules>>> = Mutex::new(None);

/// Counts the lists built, so that a reader can tell by one load whether it has seen the newest.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// A number that grows whenever a capture met a changed module list: who keeps a copy of the list
/// for others (the ledger's file) compares this and fetches [`current`] when it moved.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// The modules that are mapped now.
pub fn current() -> Arc<Modules> {
    let counters = counters();
    if let Some(newest) = NEWEST.try_lock()
        && let Some(modules) = newest.as_ref()
        && modules.counters == counters
    {
        return modules.clone();
    }
    let built = Arc::new(Modules::build());
    publish(built.clone());
    // Also if the list could not be published: who watches the generation asks for a list then.
    GENERATION.fetch_add(1, Ordering::AcqRel);
    built
}

/// Offers a list to the other threads, unless they have a newer one.
fn publish(built: Arc<Modules>) {
    let Some(mut newest) = NEWEST.try_lock() else {
        return;
    };
    let is_newer = newest
        .as_ref()
        .is_none_or(|kept| kept.counters < built.counters);
    let replaced = is_newer.then(|| newest.replace(built));
    // A list of hundreds of modules is freed after the others can go on.
    drop(newest);
    drop(replaced);
}

/// The loader's counters now.
pub(super) fn counters() -> Counters {
    let mut counters = Counters::default();
    each_image(|info| {
        counters = Counters::of(info);
        true
    });
    counters
}

impl Counters {
    fn of(info: &libc::dl_phdr_info) -> Self {
        Self {
            opened: info.dlpi_adds,
            closed: info.dlpi_subs,
        }
    }
}

impl Modules {
    /// The modules by address.
    pub fn list(&self) -> &[Module] {
        &self.list
    }

    /// The module that an address lies in.
    pub fn find(&self, address: u64) -> Option<&Module> {
        let after = self.list.partition_point(|m| m.range.start <= address);
        let module = &self.list[after.checked_sub(1)?];
        module.range.contains(&address).then_some(module)
    }

    /// The module that this code is linked into: the mock itself, or a program that contains it.
    pub fn own(&self) -> Range<u64> {
        self.own.clone()
    }

    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    pub(super) fn unwinder(&self) -> &ModuleUnwinder {
        &self.unwinder
    }

    fn build() -> Self {
        let mut modules = Self {
            list: Vec::new(),
            counters: Counters::default(),
            unwinder: ModuleUnwinder::new(),
            own: 0..0,
        };
        each_image(|info| {
            modules.counters = Counters::of(info);
            // SAFETY: the loader passes a mapped image and keeps it mapped during the callback.
            if let Some(image) = unsafe { Image::read(info) } {
                modules.add(image);
            }
            false
        });
        modules.list.sort_by_key(|module| module.range.start);
        modules.own = modules
            .find(counters as fn() -> Counters as usize as u64)
            .map_or(0..0, |module| module.range.clone());
        modules
    }

    fn add(&mut self, image: Image) {
        self.list.push(Module {
            path: file_of(&image.name),
            bias: image.bias,
            range: image.range.clone(),
            text: image.text.clone(),
            build_id: image.build_id.clone(),
        });
        let range = image.range.clone();
        let start = range.start;
        let module = framehop::Module::new(String::new(), range, start, image);
        self.unwinder.add_module(module);
    }
}

/// The file behind a name of the loader, which gives none for the executable itself.
fn file_of(name: &Path) -> PathBuf {
    if name.as_os_str().is_empty() {
        return std::fs::read_link("/proc/self/exe").unwrap_or_default();
    }
    if name.is_relative() && name.components().count() > 1 {
        return std::path::absolute(name).unwrap_or_else(|_| name.to_owned());
    }
    name.to_owned()
}

/// Calls `visit` for each mapped image until it answers true.
fn each_image<F: FnMut(&libc::dl_phdr_info) -> bool>(mut visit: F) {
    unsafe extern "C" fn call<F: FnMut(&libc::dl_phdr_info) -> bool>(
        info: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        visit: *mut libc::c_void,
    ) -> libc::c_int {
        // SAFETY: the loader hands out a valid record, and our own pointer back; it calls from
        // this thread while `each_image` holds the closure.
        let (info, visit) = unsafe { (&*info, &mut *visit.cast::<F>()) };
        libc::c_int::from(visit(info))
    }
    // SAFETY: `call` matches the closure type whose address is passed.
    unsafe { libc::dl_iterate_phdr(Some(call::<F>), (&raw mut visit).cast()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_this_executable_and_finds_addresses_in_it() {
        let modules = current();
        let here = counters as fn() -> Counters as usize as u64;
        let module = modules.find(here).expect("our own code lies in a module");
        assert_eq!(module.path, std::env::current_exe().unwrap());
        assert!(module.text.contains(&here));
        assert_eq!(module.range, modules.own());
    }

    #[test]
    fn an_address_outside_of_every_module_is_found_in_none() {
        let modules = current();
        let on_heap = Box::new(0u8);
        assert_eq!(modules.find(&raw const *on_heap as u64), None);
        assert_eq!(modules.find(0), None);
        assert_eq!(modules.find(u64::MAX), None);
    }

    #[test]
    fn every_library_that_the_kernel_maps_executable_is_listed() {
        let modules = current();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mut seen = 0;
        for line in maps.lines().filter(|line| line.contains(".so")) {
            let (range, rest) = line.split_once(' ').unwrap();
            if !rest.starts_with("r-x") {
                continue;
            }
            let start = u64::from_str_radix(range.split_once('-').unwrap().0, 16).unwrap();
            let module = modules.find(start).unwrap_or_else(|| panic!("{line}"));
            let path = module.path.canonicalize().unwrap();
            assert!(line.ends_with(path.to_str().unwrap()), "{line}");
            assert!(module.text.contains(&start), "{line}");
            seen += 1;
        }
        assert!(seen >= 2, "libc and the loader are mapped in every test");
    }
}
