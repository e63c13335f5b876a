//! Has the program export the mock's functions, those that count allocations and those that stand in for the system, so that a NIXL that it
//! loads binds to them.

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

/// What `environment.rs` defines.
const SYSTEM: [&str; 14] = [
    "pthread_create",
    "eventfd",
    "epoll_create1",
    "pipe",
    "pipe2",
    "open",
    "open64",
    "openat",
    "socket",
    "accept",
    "accept4",
    "connect",
    "_Znwm",
    "_Znam",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let patterns = ["ucp_*", "ucs_*"].into_iter();
    for pattern in patterns.chain(ALLOCATING).chain(SYSTEM) {
        println!("cargo:rustc-link-arg-bin=mock-ucx=-Wl,--export-dynamic-symbol={pattern}");
    }
}
