//! Has the program export the mock's functions, so that a NIXL that it loads binds to them.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for pattern in ["ucp_*", "ucs_*"] {
        println!("cargo:rustc-link-arg-bin=mock-ucx=-Wl,--export-dynamic-symbol={pattern}");
    }
}
