//! Has the program export the mock's functions and those that count allocations, so that a NIXL that it loads binds to them.

/// What `allocation-hooks` defines.
const ALLOCATING: [&str; 14] = [
    "malloc",
    "calloc",
    "realloc",
    "reallocarray",
    "free",
    "posix_memalign",
    "memalign",
    "aligned_alloc",
    "valloc",
    "pvalloc",
    "mmap",
    "mmap64",
    "munmap",
    "mremap",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for pattern in ["ucp_*", "ucs_*"].iter().chain(&ALLOCATING) {
        println!("cargo:rustc-link-arg-bin=mock-ucx=-Wl,--export-dynamic-symbol={pattern}");
    }
}
