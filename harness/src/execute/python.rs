//! The zygote of a release without a C API: a process of Python with this library preloaded, which calls in here.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::panic::catch_unwind;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::pool::in_fixed_environment;
use super::ready::Ready;
use super::zygote;
use crate::nixl::capi::Api;
use crate::nixl::python::{self, Interpreter};
use crate::nixl::{self, Driver, Installed, LoadError, Spec};
use crate::supervise::find_driver;

/// Loads the module in a folder; 0 if it did.
type Load = extern "C-unwind" fn(folder: *const c_char) -> c_int;
/// The function of the C API with a name, or null.
type Find = extern "C-unwind" fn(name: *const c_char) -> *mut c_void;

/// Serves cases on standard input and output until standard input ends, as the verb `zygote` does; for the program in [`python::DRIVER`] alone.
///
/// # Safety
/// `spec` is a string; `load` and `find` are that program's; no other thread runs.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn mock_ucx_serve(
    spec: *const c_char,
    load: Load,
    find: Find,
) -> c_int {
    // SAFETY: the caller vouches for the string.
    let spec = unsafe { CStr::from_ptr(spec) }.to_string_lossy();
    let served = catch_unwind(|| serve(&spec, load, find));
    match served {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => {
            eprintln!("mock-ucx: {error:#}");
            2
        }
        // Its message was printed.
        Err(_) => 2,
    }
}

fn serve(spec: &str, load: Load, find: Find) -> anyhow::Result<()> {
    zygote::serve_with(|| {
        let installed = nixl::fetch(spec)?;
        let module = || open(&installed, load, find);
        // SAFETY: nothing has started a thread yet.
        let loaded = unsafe { nixl::load::load_module(&installed, module) }?;
        Ok(Ready::of(&loaded))
    })
}

/// Has Python load the module, and takes the functions in front of it.
fn open(installed: &Installed, load: Load, find: Find) -> Result<&'static Api, LoadError> {
    let folder = installed.python_module();
    let no_module = || LoadError::NoModule {
        root: installed.root.clone(),
    };
    let text = CString::new(folder.as_os_str().as_encoded_bytes()).map_err(|_| no_module())?;
    if load(text.as_ptr()) != 0 {
        return Err(no_module());
    }
    let lookup = |name: &[u8]| {
        let name = CStr::from_bytes_with_nul(name).ok()?;
        Some(find(name.as_ptr())).filter(|function| !function.is_null())
    };
    // SAFETY: the program keeps each function for as long as it runs, with the signature of its name.
    Ok(unsafe { Api::resolve(lookup) })
}

/// The command that serves the cases of a NIXL without a C API; `None`: it has one.
///
/// # Errors
/// There is no Python or no library for it.
pub(super) fn command(spec: &str) -> anyhow::Result<Option<Command>> {
    let interpreter = match Spec::parse(spec)? {
        Spec::Release(release) if release.driver == Driver::Python => {
            Interpreter::for_release(&release.spec(), &python::abis(release))?
        }
        Spec::Folder(path) if Installed::open(&path)?.capi.is_none() => {
            of_folder(&path).context("a NIXL without a C API is driven by Python")?
        }
        _ => return Ok(None),
    };
    let mut command = in_fixed_environment(&interpreter.path);
    command
        .args(["-I", "-S", "-c", python::DRIVER, spec])
        .env("LD_PRELOAD", find_driver()?);
    Ok(Some(command))
}

/// The Python for whose version the module in a folder was built.
fn of_folder(path: &Path) -> anyhow::Result<Interpreter> {
    let abis = Installed::open(path)?.python_abis();
    let abis: Vec<&str> = abis.iter().map(String::as_str).collect();
    Ok(Interpreter::for_release(
        &path.display().to_string(),
        &abis,
    )?)
}
