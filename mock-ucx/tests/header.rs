//! `include/mock_ucx.h` says what the C control API is: it is generated from the source, and this test keeps it current.

use std::path::Path;

use cbindgen::{Builder, Config, Language};

#[test]
fn the_header_is_what_the_source_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = root.join("include/mock_ucx.h");
    let mut generated = Vec::new();
    Builder::new()
        .with_src(root.join("src/control/api.rs"))
        .with_config(config())
        .generate()
        .expect("the source is readable")
        .write(&mut generated);
    let generated = String::from_utf8(generated).expect("it is text");
    let current = std::fs::read_to_string(&header).unwrap_or_default();
    if current != generated {
        let proposal = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mock_ucx.h");
        std::fs::write(&proposal, generated).expect("the target folder is writable");
        panic!(
            "the header is not current: cp {} {}",
            proposal.display(),
            header.display()
        );
    }
}

fn config() -> Config {
    Config {
        language: Language::C,
        header: Some(
            "/* The C control API of libmock_ucx.so: what a test asks of the mock while it runs.\n * Generated from \
             src/control/api.rs by the test `header`; do not edit. */"
                .to_owned(),
        ),
        include_guard: Some("MOCK_UCX_H".to_owned()),
        no_includes: true,
        sys_includes: vec!["stdint.h".to_owned()],
        cpp_compat: true,
        ..Config::default()
    }
}
