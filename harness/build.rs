//! Has the program export the mock's functions, so that a NIXL that it loads binds to them.

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
    for pattern in ["ucp_*", "ucs_*"].iter().chain(&SYSTEM) {
        println!("cargo:rustc-link-arg-bin=mock-ucx=-Wl,--export-dynamic-symbol={pattern}");
    }
}
