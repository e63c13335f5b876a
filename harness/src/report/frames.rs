//! Frames of a call stack, and stacks as lines of text.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// Runs of frames outside of NIXL up to this length are printed, longer ones are counted.
const FOREIGN_RUN_MAX: usize = 3;

/// How NIXL's own libraries begin, its plugins and (up to 0.9.0) their helpers among them.
const NIXL_LIBRARIES: [&str; 4] = [
    "libnixl",
    "libplugin_",
    "libucx_utils",
    "libtelemetry_exporter",
];

/// Libraries of NIXL whose names others use too: they count in a folder of NIXL's.
const NIXL_LIBRARIES_BY_FOLDER: [&str; 6] = [
    "_bindings.",
    "_utils.",
    "libserdes.",
    "libstream.",
    "libfile_utils.",
    "libobj_utils.",
];

/// How functions begin that are not NIXL's, though they are compiled into its libraries: templates, and what the C++ library has for them.
const OTHERS: [&str; 5] = ["std::", "__gnu_cxx::", "__cxxabiv1::", "__cxa_", "absl::"];

/// One frame of a call stack, named as far as its module's tables allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The module's file name, without version and the hash that wheels add; `?` for none.
    pub module: String,
    /// The function, demangled, without parameters.
    pub function: Option<String>,
    /// Bytes from the function's start to the return address; from the module's if it is unnamed.
    pub offset: u64,
    /// Whether other modules can call the function by its name.
    pub exported: bool,
    /// Whether the module is one of NIXL's.
    pub in_nixl: bool,
}

impl Frame {
    /// A frame of which the module is known, and the address in the module's file.
    pub(crate) fn in_module(path: &Path, address: u64) -> Self {
        Self {
            module: short_name(path),
            function: None,
            offset: address,
            exported: false,
            in_nixl: is_nixl(path),
        }
    }

    /// Whether it is NIXL's, and not a copy of what its libraries use.
    pub(crate) fn is_nixls_own(&self) -> bool {
        let function = self.function.as_deref().unwrap_or_default();
        self.in_nixl && !OTHERS.iter().any(|begin| function.starts_with(begin))
    }

    /// A frame outside of every module: generated code.
    pub(crate) fn in_no_module(pc: u64) -> Self {
        Self {
            module: "?".to_owned(),
            function: None,
            offset: pc,
            exported: false,
            in_nixl: false,
        }
    }
}

/// `libplugin_UCX.so!nixlUcxContext::packRkey`, or `libfoo.so+0x12ab` without a name.
impl fmt::Display for Frame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.function {
            Some(function) => write!(out, "{}!{function}", self.module),
            None => write!(out, "{}+{:#x}", self.module, self.offset),
        }
    }
}

/// A stack as lines, the innermost frame first: who called `call`, who called that, and so on.
/// Long runs of frames outside of NIXL are one line, unless no frame is NIXL's.
pub fn render(call: &str, frames: &[Frame]) -> Vec<String> {
    let Some((caller, _)) = frames.split_first() else {
        return vec![format!("#0  {call} ← unknown (no stack was taken)")];
    };
    let fold = frames.iter().any(|frame| frame.in_nixl);
    let mut lines = vec![format!("#0  {call} ← {caller}")];
    let mut number = 1;
    for run in frames[1..].chunk_by(|a, b| a.in_nixl == b.in_nixl) {
        if fold && !run[0].in_nixl && run.len() > FOREIGN_RUN_MAX {
            lines.push(format!("    … {} frames in {}", run.len(), modules_of(run)));
        } else {
            let numbered = run.iter().zip(number..);
            lines.extend(numbered.map(|(frame, number)| format!("#{number:<2} {frame}")));
        }
        number += run.len();
    }
    lines
}

/// NIXL's own functions on a stack, innermost first, without what differs between builds: what
/// tells two findings apart. A frame without a name is represented by its module.
pub fn nixl_frames(frames: &[Frame]) -> Vec<String> {
    frames
        .iter()
        .filter(|frame| frame.is_nixls_own())
        .map(|frame| frame.function.as_ref().unwrap_or(&frame.module).clone())
        .collect()
}

fn modules_of(frames: &[Frame]) -> String {
    let mut seen = BTreeSet::new();
    let modules = frames.iter().map(|frame| frame.module.as_str());
    let distinct: Vec<&str> = modules.filter(|module| seen.insert(*module)).collect();
    distinct.join(", ")
}

fn is_nixl(path: &Path) -> bool {
    let name = file_name(path);
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let in_nixl_folder = || {
        let folder = path.parent().and_then(Path::file_name);
        folder.is_some_and(|folder| folder.to_string_lossy().contains("nixl"))
    };
    begins(&NIXL_LIBRARIES) || (begins(&NIXL_LIBRARIES_BY_FOLDER) && in_nixl_folder())
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// `libucp-b39b3ed9.so.0.0.0` → `libucp.so`, `_bindings.cpython-311-x86_64-linux-gnu.so` →
/// `_bindings.so`: the name without what differs between builds.
fn short_name(path: &Path) -> String {
    let name = file_name(path);
    let Some(library) = name.find(".so").map(|at| &name[..at]) else {
        return name;
    };
    let library = match library.find(".cpython-").or_else(|| library.find(".abi3")) {
        Some(at) => &library[..at],
        None => library,
    };
    let unhashed = match library.rsplit_once('-') {
        Some((stem, hash)) if hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            stem
        }
        _ => library,
    };
    format!("{unhashed}.so")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str, function: &str) -> Frame {
        Frame {
            function: Some(function.to_owned()),
            ..Frame::in_module(Path::new(path), 0x10)
        }
    }

    fn python(function: &str) -> Frame {
        named("/usr/bin/python3.11", function)
    }

    #[test]
    fn module_names_lose_what_differs_between_builds() {
        for (file, short) in [
            ("/x/nixl_cu12.libs/libucp-b39b3ed9.so.0.0.0", "libucp.so"),
            ("/x/libc.so.6", "libc.so"),
            (
                "/x/_bindings.cpython-311-x86_64-linux-gnu.so",
                "_bindings.so",
            ),
            ("/x/fast.abi3.so", "fast.so"),
            ("/x/libnl-route-3-3ad497a3.so.200.26.0", "libnl-route-3.so"),
            ("/x/libaws-cpp-sdk-core.so", "libaws-cpp-sdk-core.so"),
            ("/usr/bin/python3.11", "python3.11"),
            ("linux-vdso.so.1", "linux-vdso.so"),
        ] {
            assert_eq!(short_name(Path::new(file)), short);
        }
    }

    #[test]
    fn libraries_of_nixl_are_told_from_others_of_like_names() {
        for path in [
            "/s/.nixl_cu12.mesonpy.libs/libnixl.so",
            "/opt/lib/libnixl_capi.so",
            "/s/.nixl_cu12.mesonpy.libs/plugins/libplugin_UCX.so",
            "/s/nixl_cu12.libs/nixl/libplugin_UCX.so",
            "/s/libucx_utils-0a1b2c3d.so",
            "/s/nixl_cu12/_bindings.cpython-311-x86_64-linux-gnu.so",
            "/s/.nixl_cu12.mesonpy.libs/libserdes.so",
        ] {
            assert!(is_nixl(Path::new(path)), "{path}");
        }
        for path in [
            "/s/contourpy/_bindings.cpython-311-x86_64-linux-gnu.so",
            "/usr/lib/libstream.so",
            "/s/nixl_cu12.libs/libucp-b39b3ed9.so.0.0.0",
            "/s/nixl_cu12.libs/libgrpc-5efa6dad.so.48.0.0",
            "",
        ] {
            assert!(!is_nixl(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn a_stack_prints_nixl_in_full_and_counts_long_runs_of_others() {
        let frames = [
            named("/x/libplugin_UCX.so", "nixlUcxContext::packRkey"),
            named("/x/libnixl.so", "nixlAgent::registerMem"),
            python("a"),
            python("b"),
            named("/x/libc.so.6", "c"),
            python("d"),
        ];
        assert_eq!(
            render("ucp_rkey_pack", &frames),
            [
                "#0  ucp_rkey_pack ← libplugin_UCX.so!nixlUcxContext::packRkey",
                "#1  libnixl.so!nixlAgent::registerMem",
                "    … 4 frames in python3.11, libc.so",
            ]
        );
    }

    #[test]
    fn short_runs_and_stacks_without_nixl_are_printed_whole() {
        let short = [
            python("a"),
            python("b"),
            named("/x/libnixl.so", "nixlAgent::~nixlAgent"),
            Frame::in_no_module(0x7f12),
        ];
        assert_eq!(
            render("ucp_init", &short),
            [
                "#0  ucp_init ← python3.11!a",
                "#1  python3.11!b",
                "#2  libnixl.so!nixlAgent::~nixlAgent",
                "#3  ?+0x7f12",
            ]
        );
        let foreign: Vec<Frame> = ["a", "b", "c", "d", "e", "f"].map(python).into();
        assert_eq!(render("ucp_init", &foreign).len(), 6);
        assert_eq!(render("ucp_init", &[]).len(), 1);
    }

    #[test]
    fn numbers_go_on_behind_frames_that_were_only_counted() {
        let mut frames: Vec<Frame> = ["a", "b", "c", "d", "e"].map(python).into();
        frames.push(named("/x/libnixl.so", "last"));
        let lines = render("ucp_init", &frames);
        assert_eq!(
            lines[1..],
            ["    … 4 frames in python3.11", "#5  libnixl.so!last"]
        );
    }

    #[test]
    fn what_tells_findings_apart_has_nixls_functions_and_no_offsets() {
        let unnamed = Frame::in_module(Path::new("/x/libnixl.so"), 0x123);
        let frames = [named("/x/libplugin_UCX.so", "f"), python("p"), unnamed];
        assert_eq!(nixl_frames(&frames), ["f", "libnixl.so"]);
        assert_eq!(nixl_frames(&[python("p")]), Vec::<String>::new());
    }
}
