//! A NIXL on disk: where its parts are, and which UCX it was built against.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::elf::Library;
use super::error::Error;
use super::python::cuda;
use super::release::{Machine, Package, Release};

/// Prefixes of the functions that belong to UCX.
const UCX_PREFIXES: [&str; 4] = ["ucp_", "ucs_", "uct_", "ucm_"];
/// The libraries that UCX consists of.
const UCX_LIBRARIES: [&str; 4] = ["libucp", "libucs", "libuct", "libucm"];
/// The UCX plugin's file name, in every release.
pub const PLUGIN: &str = "libplugin_UCX.so";

/// One library of the UCX that a NIXL was built against.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UcxLibrary {
    /// `libucp`, `libucs`, `libuct` or `libucm`.
    pub name: &'static str,
    /// The name that the loader looks for; in wheels it carries a hash.
    pub soname: String,
    /// The file, if this NIXL brings it.
    pub path: Option<PathBuf>,
}

/// A NIXL on disk.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The folder that was given, or that of the release in the cache.
    pub root: PathBuf,
    /// The release, if it came from the cache.
    pub release: Option<&'static Release>,
    /// The folder of NIXL's own libraries.
    pub libraries: PathBuf,
    /// `libnixl_capi.so`; releases before 0.10.1 have none.
    pub capi: Option<PathBuf>,
    /// The folder of the plugins.
    pub plugin_dir: PathBuf,
    /// The UCX plugin.
    pub plugin: PathBuf,
    /// The folder of UCX and other bundled libraries, if this NIXL brings any.
    pub bundled: Option<PathBuf>,
    /// The UCX libraries: those that it brings, and those that it needs from elsewhere.
    pub ucx: Vec<UcxLibrary>,
    /// The version that its UCX reports, if that can be told.
    pub ucx_version: Option<String>,
}

impl Installed {
    /// Looks at a folder: an unpacked wheel, a site-packages folder (`nixl-cu12` is preferred if
    /// it has both), or the prefix of a `meson install`.
    pub fn open(root: &Path) -> Result<Installed, Error> {
        if !root.is_dir() {
            return Err(Error::NoFolder {
                path: root.to_owned(),
            });
        }
        let root = root
            .canonicalize()
            .map_err(|cause| Error::io(root, cause))?;
        let (libraries, bundled) = layout(&root)?;
        let plugin_dir = libraries.join("plugins");
        let plugin = plugin_dir.join(PLUGIN);
        if !plugin.is_file() {
            return Err(Error::NoPlugin { path: root, plugin });
        }
        let machine = Machine::here()?;
        Library::open(&plugin)?.check_machine(machine)?;
        let capi = Some(libraries.join("libnixl_capi.so")).filter(|capi| capi.is_file());
        if let Some(capi) = &capi {
            Library::open(capi)?.check_machine(machine)?;
        }
        let mut installed = Installed {
            root,
            release: None,
            libraries,
            capi,
            plugin_dir,
            plugin,
            bundled,
            ucx: Vec::new(),
            ucx_version: None,
        };
        installed.ucx = installed.find_ucx()?;
        installed.ucx_version = installed.find_ucx_version()?;
        Ok(installed)
    }

    /// The libraries that call UCX: the plugin, and in releases before 0.10.0 also `libucx_utils`.
    pub fn ucx_clients(&self) -> Vec<PathBuf> {
        let mut clients = vec![self.plugin.clone()];
        clients
            .extend(Some(self.libraries.join("libucx_utils.so")).filter(|utils| utils.is_file()));
        clients
    }

    /// The folder of its Python module.
    pub fn python_module(&self) -> PathBuf {
        let packages =
            [Package::Cu12, Package::Cu13].map(|package| self.root.join(package.module()));
        let [first, _] = &packages;
        packages
            .iter()
            .find(|folder| folder.is_dir())
            .unwrap_or(first)
            .clone()
    }

    /// The ABI tags of the Pythons that its module was built for, such as `cp311`.
    pub fn python_abis(&self) -> Vec<String> {
        let modules = sorted_files(&self.python_module());
        let names = modules.iter().filter_map(|path| path.file_name()?.to_str());
        let tags =
            names.filter_map(|name| name.strip_prefix("_bindings.cpython-")?.split('-').next());
        tags.map(|digits| format!("cp{digits}")).collect()
    }

    /// Whether the plugin calls CUDA's driver: up to 0.9.0.
    pub fn needs_cuda(&self) -> Result<bool, Error> {
        let needed = Library::open(&self.plugin)?.needed()?;
        Ok(needed.iter().any(|soname| soname == cuda::SONAME))
    }

    /// The functions of UCX (`ucp_*`, `ucs_*`, ...) that this NIXL imports.
    pub fn ucx_imports(&self) -> Result<BTreeSet<String>, Error> {
        let mut imports = BTreeSet::new();
        for client in self.ucx_clients() {
            imports.extend(Library::open(&client)?.imports(&UCX_PREFIXES)?);
        }
        Ok(imports)
    }

    /// The functions of NIXL's C API that this NIXL has.
    pub fn capi_functions(&self) -> Result<BTreeSet<String>, Error> {
        match &self.capi {
            Some(capi) => Library::open(capi)?.exports(&["nixl_capi_"]),
            None => Ok(BTreeSet::new()),
        }
    }

    fn find_ucx(&self) -> Result<Vec<UcxLibrary>, Error> {
        let mut found: Vec<UcxLibrary> = Vec::new();
        for path in self.bundled.iter().flat_map(|folder| sorted_files(folder)) {
            let Some(name) = ucx_name(&path) else {
                continue;
            };
            if let Some(soname) = Library::open(&path)?.soname()? {
                found.push(UcxLibrary {
                    name,
                    soname,
                    path: Some(path),
                });
            }
        }
        for client in self.ucx_clients() {
            for soname in Library::open(&client)?.needed()? {
                let Some(name) = ucx_name(Path::new(&soname)) else {
                    continue;
                };
                if !found.iter().any(|library| library.soname == soname) {
                    found.push(UcxLibrary {
                        name,
                        soname,
                        path: None,
                    });
                }
            }
        }
        found.sort();
        Ok(found)
    }

    fn find_ucx_version(&self) -> Result<Option<String>, Error> {
        let ucp = self.ucx.iter().find(|library| library.name == "libucp");
        match ucp.and_then(|library| library.path.as_ref()) {
            Some(path) => Ok(Library::open(path)?.version_text()),
            None => Ok(None),
        }
    }
}

/// The folder of NIXL's own libraries under `root`, and that of the bundled ones.
fn layout(root: &Path) -> Result<(PathBuf, Option<PathBuf>), Error> {
    for package in [Package::Cu12, Package::Cu13] {
        let module = package.module();
        let own = root.join(format!(".{module}.mesonpy.libs"));
        if own.is_dir() {
            let bundled = root.join(format!("{module}.libs"));
            return Ok((own, Some(bundled).filter(|folder| folder.is_dir())));
        }
    }
    let multiarch = format!("lib/{}-linux-gnu", std::env::consts::ARCH);
    let prefixed = [multiarch.as_str(), "lib64", "lib", "."].map(|folder| root.join(folder));
    match prefixed
        .into_iter()
        .find(|folder| folder.join("libnixl.so").is_file())
    {
        Some(own) => Ok((own, None)),
        None => Err(Error::NoNixl {
            path: root.to_owned(),
            looked_for: format!(
                ".nixl_cu12.mesonpy.libs, .nixl_cu13.mesonpy.libs, and libnixl.so in {multiarch}, lib64 and lib"
            ),
        }),
    }
}

/// Which library of UCX a file or SONAME is: `libucp.so.0`, `libucp-b39b3ed9.so.0.0.0`.
fn ucx_name(path: &Path) -> Option<&'static str> {
    let file = path.file_name()?.to_str()?;
    UCX_LIBRARIES.into_iter().find(|name| {
        let rest = file.strip_prefix(name);
        rest.is_some_and(|rest| rest.contains(".so") && rest.starts_with(['.', '-']))
    })
}

/// Whether a mapped file is one of UCX's libraries.
pub(super) fn is_ucx_library(path: &Path) -> bool {
    ucx_name(path).is_some()
}

fn sorted_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashed_and_plain_names_of_ucx_are_recognised() {
        assert_eq!(
            ucx_name(Path::new("/x/libucp-b39b3ed9.so.0.0.0")),
            Some("libucp")
        );
        assert_eq!(ucx_name(Path::new("libucs.so.0")), Some("libucs"));
    }

    #[test]
    fn other_libraries_are_not_taken_for_ucx() {
        for other in [
            "libucx_utils.so",
            "libuct_ib.so.0",
            "libucp.la",
            "libucp",
            "libucpx.so",
        ] {
            assert_eq!(ucx_name(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn a_folder_without_nixl_is_refused_and_says_what_was_looked_for() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let message = Installed::open(folder.path())
            .expect_err("it is empty")
            .to_string();
        assert!(
            message.contains("has no NIXL in it; looked for .nixl_cu12.mesonpy.libs"),
            "{message}"
        );
    }

    #[test]
    fn a_nixl_without_the_ucx_plugin_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join(".nixl_cu12.mesonpy.libs")).expect("a folder");
        let message = Installed::open(folder.path())
            .expect_err("it has no plugin")
            .to_string();
        assert!(
            message.contains("has no UCX plugin") && message.contains(PLUGIN),
            "{message}"
        );
    }

    #[test]
    fn a_plugin_for_another_machine_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let plugins = folder.path().join(".nixl_cu12.mesonpy.libs/plugins");
        fs::create_dir_all(&plugins).expect("a folder");
        let mut elf = super::super::stub::library("libplugin_UCX.so").expect("a stub");
        // e_machine: 64-bit PowerPC.
        elf[18..20].copy_from_slice(&21u16.to_ne_bytes());
        fs::write(plugins.join(PLUGIN), elf).expect("a file");
        let message = Installed::open(folder.path())
            .expect_err("it is for PowerPC")
            .to_string();
        assert!(message.contains("is built for PowerPc64"), "{message}");
    }

    #[test]
    fn a_plugin_that_is_no_library_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let plugins = folder.path().join(".nixl_cu12.mesonpy.libs/plugins");
        fs::create_dir_all(&plugins).expect("a folder");
        fs::write(plugins.join(PLUGIN), "not ELF").expect("a file");
        let message = Installed::open(folder.path())
            .expect_err("it is text")
            .to_string();
        assert!(
            message.contains("cannot be read as a shared library"),
            "{message}"
        );
    }
}
