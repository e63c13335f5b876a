//! Loads a NIXL into this process, on the mock or on its own UCX, and proves which of them it got.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_int, c_void};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use libloading::os::unix::{Library as Loader, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};
use object::{Object, ObjectSymbol, RelocationTarget};
use thiserror::Error;

use super::capi::Api;
use super::elf::Library;
use super::error::Error as NixlError;
use super::installed::{Installed, is_ucx_library};
use super::python::cuda;
use super::stub;

/// Which UCX a NIXL is loaded on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ucx {
    /// The one that this executable exports. Stub libraries keep the real one out.
    Mock,
    /// A library that stands in for UCX, by its absolute path. Stub libraries keep the real one out.
    Library(PathBuf),
    /// The one that the NIXL was built with. Set `UCX_MODULES=^ib` first: a process that
    /// used the InfiniBand modules of the wheels crashes at its exit.
    Real,
}

/// A NIXL in this process.
pub struct Loaded {
    /// Its C API.
    pub api: &'static Api,
    /// Where it is on disk.
    pub installed: Installed,
    /// How many functions of UCX its plugin calls in this executable; 0 on the real UCX.
    pub bound: usize,
}

/// Why a NIXL could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Something about the files.
    #[error(transparent)]
    Nixl(#[from] NixlError),
    /// The release is older than the C API.
    #[error("the NIXL in {} has no C API (libnixl_capi.so), so it can only be driven in a process of Python; 0.10.1 and newer have one", root.display())]
    NoCApi {
        /// The folder.
        root: PathBuf,
    },
    /// The Python module of the release was not loaded; why was said on standard error.
    #[error("the Python module of the NIXL in {} was not loaded", root.display())]
    NoModule {
        /// The folder.
        root: PathBuf,
    },
    /// Another NIXL, or the same on the other UCX, is loaded.
    #[error("this process has loaded the NIXL in {} on the {loaded:?} UCX before; a process loads one only", root.display())]
    LoadedBefore {
        /// The folder of the one that is loaded.
        root: PathBuf,
        /// What it is loaded on.
        loaded: Ucx,
    },
    /// The loader refused a library.
    #[error("{} cannot be loaded: {reason}", path.display())]
    Loader {
        /// The library.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// The plugin imports a function that this executable does not export.
    #[error(
        "the UCX plugin of this NIXL needs {symbol}, which the mock in this executable does not export; test another release (1.5.1 works)"
    )]
    NotExported {
        /// The function.
        symbol: String,
    },
    /// A function of UCX is bound to something else than this executable.
    #[error("{} calls {symbol} in {} instead of the mock; unset LD_PRELOAD and NIXL_UCX_DEEPBIND, and start again", client.display(), target.display())]
    NotTheMock {
        /// The library that calls.
        client: PathBuf,
        /// The function.
        symbol: String,
        /// Where its calls go.
        target: PathBuf,
    },
    /// A real UCX is in this process.
    #[error("a real UCX ({}) is mapped into this process, so the mock cannot vouch for what it sees; unset LD_PRELOAD and LD_LIBRARY_PATH, and start again", path.display())]
    RealUcxMapped {
        /// The library.
        path: PathBuf,
    },
}

/// Loads a NIXL for good. A second call with the same arguments returns the same C API.
///
/// # Safety
/// Sets environment variables: no other thread may be running. Runs the constructors of NIXL's
/// libraries and of all that they need.
pub unsafe fn load(installed: &Installed, ucx: Ucx) -> Result<Loaded, LoadError> {
    static LOADED: Mutex<Option<(PathBuf, Ucx, &'static Api)>> = Mutex::new(None);
    let mut loaded = LOADED
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let api = match &*loaded {
        Some((root, on, api)) if *root == installed.root && on == &ucx => *api,
        Some((root, on, _)) => {
            return Err(LoadError::LoadedBefore {
                root: root.clone(),
                loaded: on.clone(),
            });
        }
        None => {
            let Some(capi) = &installed.capi else {
                return Err(LoadError::NoCApi {
                    root: installed.root.clone(),
                });
            };
            // SAFETY: the caller vouches that no other thread is running.
            unsafe { set_environment(installed) };
            // SAFETY: the file was found as NIXL's C API; the caller knows that constructors run.
            let api = unsafe { open_all(installed, capi, &ucx) }?;
            *loaded = Some((installed.root.clone(), ucx.clone(), api));
            api
        }
    };
    let bound = match &ucx {
        Ucx::Mock => verify(installed, own_base())?,
        Ucx::Library(path) => verify(installed, Some(loaded_base(path)?))?,
        Ucx::Real => 0,
    };
    Ok(Loaded {
        api,
        installed: installed.clone(),
        bound,
    })
}

/// Loads a NIXL without a C API for good, into a process of Python: `module` loads its Python module, when the mock is in UCX's place, and
/// gives the C API that stands in front of it.
///
/// # Errors
/// As [`load`].
///
/// # Safety
/// As for [`load`].
pub unsafe fn load_module(
    installed: &Installed,
    module: impl FnOnce() -> Result<&'static Api, LoadError>,
) -> Result<Loaded, LoadError> {
    // SAFETY: the caller vouches that no other thread is running.
    unsafe { set_environment(installed) };
    open_stubs(installed)?;
    let api = module()?;
    // The plugin last: it needs the others, which are to be known by their own paths.
    for client in installed.ucx_clients().iter().rev() {
        // SAFETY: passed on to the caller.
        unsafe { open_for_good(client, RTLD_LOCAL) }?;
    }
    Ok(Loaded {
        api,
        bound: verify(installed, own_base())?,
        installed: installed.clone(),
    })
}

/// NIXL's settings: this plugin folder, this UCX, and no log unless the user wants one.
///
/// # Safety
/// No other thread may be running.
unsafe fn set_environment(installed: &Installed) {
    // SAFETY: passed on to the caller, for all three.
    unsafe {
        std::env::set_var("NIXL_PLUGIN_DIR", &installed.plugin_dir);
        // Any other value, from 1.3.1 on even an invalid one, makes the plugin prefer its own UCX.
        std::env::set_var("NIXL_UCX_DEEPBIND", "0");
        if std::env::var_os("NIXL_LOG_LEVEL").is_none() {
            std::env::set_var("NIXL_LOG_LEVEL", "FATAL");
        }
    }
}

/// Opens the stubs if needed, the C API, and the plugin, which NIXL would else open at the first backend:
/// a process that is forked after this has all of it mapped and bound.
///
/// # Safety
/// As for [`load`].
unsafe fn open_all(
    installed: &Installed,
    capi: &Path,
    ucx: &Ucx,
) -> Result<&'static Api, LoadError> {
    if let Ucx::Library(path) = ucx {
        // SAFETY: passed on to the caller.
        unsafe { open_for_good(path, RTLD_GLOBAL) }?;
    }
    if *ucx != Ucx::Real {
        open_stubs(installed)?;
    }
    // SAFETY: passed on to the caller.
    let api = unsafe { Api::open(capi) }.map_err(|error| loader_error(capi, &error))?;
    // SAFETY: passed on to the caller.
    unsafe { open_for_good(&installed.plugin, RTLD_LOCAL) }?;
    Ok(api)
}

/// Loads a stub for every SONAME of the NIXL's UCX, and for CUDA's driver where the plugin needs it. Their files are not needed once they are mapped.
fn open_stubs(installed: &Installed) -> Result<(), LoadError> {
    let folder = tempfile::Builder::new()
        .prefix("mock-ucx-stubs-")
        .tempdir()
        .map_err(|cause| NixlError::Io {
            path: std::env::temp_dir(),
            cause,
        })?;
    let ucx = installed.ucx.iter().map(|library| library.soname.as_str());
    let cuda = installed.needs_cuda()?.then_some(cuda::SONAME);
    for soname in ucx.chain(cuda) {
        let path = folder.path().join(format!("stub-{soname}"));
        fs::write(&path, stub::library(soname)?).map_err(|cause| NixlError::Io {
            path: path.clone(),
            cause,
        })?;
        // SAFETY: a stub has no code.
        unsafe { open_for_good(&path, RTLD_LOCAL) }?;
    }
    Ok(())
}

/// Opens a library and never closes it; `visibility` is `RTLD_LOCAL` or `RTLD_GLOBAL`.
///
/// # Safety
/// Runs the constructors of the library and of all that it needs.
unsafe fn open_for_good(path: &Path, visibility: c_int) -> Result<(), LoadError> {
    // SAFETY: passed on to the caller.
    let library = unsafe { Loader::open(Some(path), RTLD_NOW | visibility) };
    std::mem::forget(library.map_err(|error| loader_error(path, &error))?);
    Ok(())
}

fn loader_error(path: &Path, error: &libloading::Error) -> LoadError {
    // libloading shows the loader's own words as the source.
    let mut reason = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        reason = source.to_string();
    }
    match reason.split_once("undefined symbol: ") {
        Some((_, symbol)) if symbol.starts_with("uc") => LoadError::NotExported {
            symbol: symbol.split([' ', ',']).next().unwrap_or(symbol).to_owned(),
        },
        _ => LoadError::Loader {
            path: path.to_owned(),
            reason,
        },
    }
}

/// Where this executable is mapped.
fn own_base() -> Option<usize> {
    module_of(own_base as *const c_void).map(|module| module.base)
}

/// Checks that every function of UCX that the plugin imports is bound to the module at `base`, and that no
/// real UCX is mapped. Returns how many functions are bound.
fn verify(installed: &Installed, base: Option<usize>) -> Result<usize, LoadError> {
    let mut bound = BTreeSet::new();
    for client in installed.ucx_clients() {
        for (symbol, target) in ucx_bindings(&client)? {
            let module = module_of(target as *const c_void);
            if module.is_none() || module.as_ref().map(|module| module.base) != base {
                let target = module.map_or_else(|| PathBuf::from("nowhere"), |module| module.path);
                return Err(LoadError::NotTheMock {
                    client,
                    symbol,
                    target,
                });
            }
            bound.insert(symbol);
        }
    }
    match mapped_real_ucx()? {
        Some(path) => Err(LoadError::RealUcxMapped { path }),
        None => Ok(bound.len()),
    }
}

/// Where a loaded library's imports of UCX lead, read from its own relocated tables: the loader's
/// `dlsym` would search in another order than its binding does.
fn ucx_bindings(client: &Path) -> Result<Vec<(String, usize)>, LoadError> {
    let slots = ucx_slots(client)?.into_iter();
    // SAFETY: each is a relocated word of a library that is loaded for good.
    Ok(slots
        .map(|(name, slot)| (name, unsafe { slot.read_unaligned() }))
        .collect())
}

/// The words of a loaded library that say where its imports of UCX lead.
pub(super) fn ucx_slots(client: &Path) -> Result<Vec<(String, *mut usize)>, LoadError> {
    let library = Library::open(client)?;
    let elf = library.elf()?;
    let bad = |error: object::Error| NixlError::BadLibrary {
        path: client.to_owned(),
        reason: error.to_string(),
    };
    let base = loaded_base(client)?;
    let symbols = elf.dynamic_symbol_table();
    let mut slots = Vec::new();
    for (offset, relocation) in elf.dynamic_relocations().into_iter().flatten() {
        let RelocationTarget::Symbol(index) = relocation.target() else {
            continue;
        };
        let Some(table) = &symbols else { continue };
        let symbol = object::ObjectSymbolTable::symbol_by_index(table, index).map_err(bad)?;
        let name = symbol.name().map_err(bad)?;
        if !symbol.is_undefined() || !(name.starts_with("ucp_") || name.starts_with("ucs_")) {
            continue;
        }
        let slot = (base + offset as usize) as *mut usize;
        slots.push((name.to_owned(), slot));
    }
    Ok(slots)
}

struct Module {
    base: usize,
    path: PathBuf,
}

/// The loaded file that an address lies in.
fn module_of(address: *const c_void) -> Option<Module> {
    // SAFETY: all fields are plain pointers, for which zero is a value.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: `dladdr` only compares the address, and `info` is a place for the answer.
    if unsafe { libc::dladdr(address, &mut info) } == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: on success it is the loader's name of the file, which lives as long as the file is loaded.
    let path = unsafe { CStr::from_ptr(info.dli_fname) }
        .to_string_lossy()
        .into_owned();
    Some(Module {
        base: info.dli_fbase as usize,
        path: PathBuf::from(path),
    })
}

/// The address that a loaded library's offsets count from.
fn loaded_base(path: &Path) -> Result<usize, LoadError> {
    struct Search<'a> {
        path: &'a Path,
        base: Option<usize>,
    }
    unsafe extern "C" fn visit(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        data: *mut c_void,
    ) -> libc::c_int {
        // SAFETY: the loader passes a valid record, and on the pointer that it was given.
        let (info, search) = unsafe { (&*info, &mut *data.cast::<Search>()) };
        if info.dlpi_name.is_null() {
            return 0;
        }
        // SAFETY: the name is a string.
        let name = unsafe { CStr::from_ptr(info.dlpi_name) }.to_string_lossy();
        if Path::new(&*name) == search.path {
            search.base = Some(info.dlpi_addr as usize);
        }
        libc::c_int::from(search.base.is_some())
    }
    let mut search = Search { path, base: None };
    // SAFETY: the callback keeps nothing, and `search` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    search.base.ok_or_else(|| LoadError::Loader {
        path: path.to_owned(),
        reason: "it was opened, but the loader does not list it".to_owned(),
    })
}

/// A library of UCX that is mapped under its own name; stubs have another file name.
fn mapped_real_ucx() -> Result<Option<PathBuf>, LoadError> {
    let maps = Path::new("/proc/self/maps");
    let text = fs::read_to_string(maps).map_err(|cause| NixlError::Io {
        path: maps.to_owned(),
        cause,
    })?;
    let mapped = text
        .lines()
        .filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])));
    Ok(mapped
        .filter(|path| is_ucx_library(path))
        .map(Path::to_owned)
        .next())
}
