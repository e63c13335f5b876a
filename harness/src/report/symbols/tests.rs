//! Names found for this very program, and for a library compiled here.

use std::process::Command;

use super::*;

/// The module of this process that an address lies in, as the ledger would say it.
fn own_module(pc: u64) -> Module {
    let modules = mock_ucx::stack::modules::current();
    let module = modules.find(pc).expect("the address lies in a module");
    Module {
        path: module.path.to_str().unwrap().to_owned(),
        bias: module.bias,
        start: module.range.start,
        end: module.range.end,
        build_id: module.build_id.clone(),
    }
}

/// A library of `source`, and a module record as if it had been mapped at 2^40.
fn compiled(folder: &Path, source: &str, options: &[&str]) -> Module {
    let file = folder.join("library.c");
    let path = folder.join("library.so");
    std::fs::write(&file, source).unwrap();
    let compiler = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wl,--build-id=sha1"])
        .args(options)
        .arg("-o")
        .args([&path, &file])
        .status();
    assert!(
        compiler
            .expect("`cc`, which also links this test")
            .success()
    );
    let bytes = std::fs::read(&path).unwrap();
    let object = object::File::parse(&*bytes).unwrap();
    let bias = 1 << 40;
    Module {
        path: path.to_str().unwrap().to_owned(),
        bias,
        start: bias,
        end: bias + bytes.len() as u64 + 0x10000,
        build_id: object.build_id().unwrap().unwrap().to_vec(),
    }
}

/// The address that a symbol has in the compiled library.
fn address_in(module: &Module, name: &str) -> u64 {
    let bytes = std::fs::read(&module.path).unwrap();
    let object = object::File::parse(&*bytes).unwrap();
    let symbol = object.symbols().find(|symbol| symbol.name() == Ok(name));
    module.bias + symbol.expect("a symbol of the test's source").address()
}

const SOURCE: &str = "
    __attribute__((noinline)) static int hidden(int x) { return x * x + 1; }
    int shown(int x) { return hidden(x) + 1; }
    void (*keep)(void) = (void (*)(void))hidden;
";

#[test]
fn a_captured_stack_of_this_program_names_its_functions() {
    #[inline(never)]
    fn a_function_with_a_long_name() -> Vec<Frame> {
        let mut stack = [0; mock_ucx::stack::MAX_FRAMES];
        let count = std::hint::black_box(inner(&mut stack));
        let stack = &stack[..count];
        let modules: Vec<Module> = stack.iter().map(|pc| own_module(*pc)).collect();
        Symbolizer::new().frames(&modules, stack)
    }
    #[inline(never)]
    fn inner(stack: &mut [u64; mock_ucx::stack::MAX_FRAMES]) -> usize {
        mock_ucx::stack::capture_above(mock_ucx::stack::Boundary::here(), stack)
    }
    let frames = a_function_with_a_long_name();
    let innermost = frames[0].function.as_deref().unwrap();
    assert!(
        innermost.ends_with("::a_function_with_a_long_name"),
        "{innermost}"
    );
    assert!(frames[0].offset > 0);
    assert!(!frames[0].in_nixl);
    let caller = frames[1].function.as_deref().unwrap();
    assert!(
        caller.ends_with("::a_captured_stack_of_this_program_names_its_functions"),
        "{caller}"
    );
    assert!(frames.iter().any(|frame| frame.module == "libc.so"));
}

#[test]
fn exported_and_internal_functions_are_named_and_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let module = compiled(folder.path(), SOURCE, &["-O1"]);
    let mut symbolizer = Symbolizer::new();
    for (name, exported) in [("shown", true), ("hidden", false)] {
        let frame = symbolizer.frame(&module, address_in(&module, name) + 1);
        assert_eq!(frame.function.as_deref(), Some(name));
        assert_eq!((frame.offset, frame.exported), (1, exported));
        assert_eq!(frame.to_string(), format!("library.so!{name}"));
    }
}

#[test]
fn a_return_address_behind_a_functions_last_byte_still_belongs_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let module = compiled(folder.path(), SOURCE, &["-O1"]);
    let table = Table::read(Path::new(&module.path), &module.build_id).unwrap();
    let start = address_in(&module, "shown") - module.bias;
    let end = table.find(start).unwrap().end;
    assert!(end > start);
    let frame = Symbolizer::new().frame(&module, module.bias + end);
    assert_eq!(frame.function.as_deref(), Some("shown"));
    assert_eq!(frame.offset, end - start);
}

#[test]
fn without_a_symbol_table_exported_functions_alone_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let whole = compiled(folder.path(), SOURCE, &["-O1"]);
    let addresses = ["shown", "hidden"].map(|name| address_in(&whole, name));
    let stripped = compiled(folder.path(), SOURCE, &["-O1", "-s"]);
    let mut symbolizer = Symbolizer::new();
    let [shown, hidden] = addresses.map(|pc| symbolizer.frame(&stripped, pc + 1));
    assert_eq!(shown.function.as_deref(), Some("shown"));
    assert_eq!(hidden.function, None);
    assert_eq!(hidden.offset, addresses[1] + 1 - stripped.bias);
}

#[test]
fn a_file_that_is_not_the_one_that_was_mapped_gives_no_names() {
    let folder = tempfile::tempdir().unwrap();
    let module = compiled(folder.path(), SOURCE, &["-O1"]);
    let pc = address_in(&module, "shown") + 1;
    let rebuilt = compiled(folder.path(), &format!("{SOURCE} int more;"), &["-O1"]);
    assert_ne!(module.build_id, rebuilt.build_id);
    assert_eq!(Symbolizer::new().frame(&module, pc).function, None);
    std::fs::remove_file(&module.path).unwrap();
    assert_eq!(Symbolizer::new().frame(&rebuilt, pc).function, None);
}

#[test]
fn of_two_modules_mapped_at_one_place_the_later_one_counts() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let first = compiled(folders[0].path(), SOURCE, &["-O1"]);
    let renamed = SOURCE.replace("shown", "later");
    let second = compiled(folders[1].path(), &renamed, &["-O1"]);
    let pc = address_in(&second, "later") + 1;
    let frames = Symbolizer::new().frames(&[first, second], &[pc, 1]);
    assert_eq!(frames[0].function.as_deref(), Some("later"));
    assert_eq!(frames[1], Frame::in_no_module(1));
}

#[test]
fn names_are_those_that_people_write() {
    for (symbol, name) in [
        (
            "_ZN14nixlUcxContext8packRkeyB5cxx11ERK10nixlUcxMem",
            "nixlUcxContext::packRkey",
        ),
        ("_ZN9nixlAgentD2Ev", "nixlAgent::~nixlAgent"),
        (
            "_ZN9nixlAgent11registerMemEv.cold",
            "nixlAgent::registerMem",
        ),
        ("parse.constprop.0", "parse"),
        ("memcpy@@GLIBC_2.14", "memcpy"),
        (
            "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE",
            "core::fmt::Write::write_fmt",
        ),
        ("ucp_mem_map", "ucp_mem_map"),
        (".hidden", ".hidden"),
        ("_Z", "_Z"),
    ] {
        assert_eq!(demangle(symbol.as_bytes()), name);
    }
}

#[test]
fn names_that_are_no_text_are_shown_and_do_no_harm() {
    assert_eq!(demangle(b"caf\xe9"), "caf\u{fffd}");
    assert_eq!(demangle(&[b'_'; 4096]), "_".repeat(4096));
    let nested = format!("_Z{}", "N".repeat(50_000));
    assert_eq!(demangle(nested.as_bytes()), nested);
}
