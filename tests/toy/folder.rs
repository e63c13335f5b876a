//! The toy as a folder that looks like an installed NIXL.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A folder with the toy; it is removed with this.
pub(crate) struct Toy {
    folder: TempDir,
}

impl Toy {
    /// Compiles it.
    pub(crate) fn make() -> Toy {
        let folder = tempfile::tempdir().expect("a folder");
        let plugins = folder.path().join("plugins");
        std::fs::create_dir(&plugins).expect("a folder");
        let capi = folder.path().join("libnixl_capi.so");
        let status = Command::new("cc")
            .args([
                "-shared", "-fPIC", "-g", "-O1", "-Wall", "-Werror", "-pthread", "-o",
            ])
            .arg(&capi)
            .args(sources())
            .status()
            .expect("a C compiler named cc");
        assert!(status.success(), "the toy does not compile");
        // The library that calls UCX is the C API itself; a copy stands for the plugin, which has to be there.
        std::fs::copy(&capi, plugins.join("libplugin_UCX.so")).expect("a copy");
        std::fs::write(folder.path().join("libnixl.so"), "").expect("a file");
        Toy { folder }
    }

    /// What `--nixl` is given.
    pub(crate) fn spec(&self) -> &str {
        self.folder.path().to_str().expect("a readable path")
    }
}

fn sources() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/toy");
    ["agent.c", "lists.c", "transfer.c"]
        .map(|name| folder.join(name))
        .into()
}
