//! Has the targets export the mock's functions, so that the NIXL that they load binds to them. cargo-fuzz sets the flags of the compiler
//! itself, so that these belong here.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for pattern in ["ucp_*", "ucs_*"] {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={pattern}");
        println!("cargo:rustc-link-arg-tests=-Wl,--export-dynamic-symbol={pattern}");
    }
}
