//! Library, configuration and context.

use std::ffi::{CStr, CString, c_char, c_uint};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, LazyLock};

use crate::abi::call::{Call, enter, field, set_field};
use crate::abi::types::{
    UCP_ATTR_FIELD_DEVICE_COUNTER_SIZE, UCP_ATTR_FIELD_MEMORY_TYPES, UCP_ATTR_FIELD_NAME,
    UCP_ATTR_FIELD_REQUEST_SIZE, UCP_ATTR_FIELD_THREAD_MODE, UCP_CONTEXT_ATTR_FIELD,
    UCP_ENTITY_NAME_MAX, UCP_FEATURE, UCP_LIB_ATTR_FIELD, UCP_LIB_ATTR_FIELD_MAX_THREAD_LEVEL,
    UCP_PARAM_FIELD_FEATURES, UCP_PARAM_FIELD_MT_WORKERS_SHARED, UCP_PARAM_FIELD_NAME,
    UCP_PARAM_FIELD_REQUEST_CLEANUP, UCP_PARAM_FIELD_REQUEST_INIT, UCP_PARAM_FIELD_REQUEST_SIZE,
    UCP_PARAMS_FIELD, UCS_MEMORY_TYPE_HOST, UCS_THREAD_MODE_MULTI, UCS_THREAD_MODE_SERIALIZED,
    UCS_THREAD_MODE_SINGLE, UcpContextAttr, UcpLibAttr, UcpParams, UcsStatus,
};
use crate::functions::Function as F;
use crate::ledger::Kind;
use crate::objects::{Body, Config, Context, Entry};
use crate::rcache::Configuration;
use crate::rules::Rule;
use crate::schedule::{Choice, Move};
use crate::universe::State;

/// Bytes before the pointer of a request that the client owns (`ucp_context_attr_t.request_size`; the UCX of NIXL 1.5.1 answers this).
const EXTERNAL_REQUEST_BYTES: usize = 272;

/// Longest active message that goes eagerly by default, in bytes (UCX picks by transport; this is its order of size on one host).
const RENDEZVOUS_THRESHOLD: usize = 8192;

/// `ucp_get_version`.
///
/// # Safety
/// As in UCX: the pointers are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_get_version(
    major: *mut c_uint,
    minor: *mut c_uint,
    release: *mut c_uint,
) {
    enter(F::GetVersion, |call| {
        let version = call.universe.version;
        let parts = [version.major, version.minor, version.patch].map(c_uint::from);
        for (index, (pointer, part)) in [major, minor, release].into_iter().zip(parts).enumerate() {
            if call.not_null(index as u16, pointer).is_ok() {
                // SAFETY: the client vouches for a pointer that is not null.
                unsafe { pointer.write_unaligned(part) };
            }
        }
    });
}

/// `ucp_get_version_string`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_get_version_string() -> *const c_char {
    enter(F::GetVersionString, |call| {
        Some(call.universe.version_text.as_ptr())
    })
    .unwrap_or(c"unknown".as_ptr())
}

/// `ucs_status_string`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucs_status_string(status: UcsStatus) -> *const c_char {
    status
        .text()
        .unwrap_or_else(|| unknown_text(status))
        .as_ptr()
}

/// What UCX composes for a code that it does not know (ucs/type/status.c:ucs_status_string).
fn unknown_text(status: UcsStatus) -> &'static CStr {
    static TEXTS: LazyLock<Vec<CString>> = LazyLock::new(|| {
        (i8::MIN..=i8::MAX)
            .map(|code| CString::new(format!("Unknown error {code}")).unwrap_or_default())
            .collect()
    });
    &TEXTS[usize::from(status.0.abs_diff(i8::MIN))]
}

/// `ucp_lib_query`.
///
/// # Safety
/// As in UCX: `attr` points to a `ucp_lib_attr_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_lib_query(attr: *mut UcpLibAttr) -> UcsStatus {
    enter(F::LibQuery, |call| {
        if let Err(status) = call.not_null(0, attr) {
            return status;
        }
        // SAFETY: the client vouches for a pointer that is not null; fields are touched by their mask bit only.
        unsafe {
            let mask = field!(attr, field_mask);
            call.knows(UCP_LIB_ATTR_FIELD, mask);
            if mask & UCP_LIB_ATTR_FIELD_MAX_THREAD_LEVEL != 0 {
                let level = match call.ask(&mut call.lock(), Move::LibraryThreadLevel, 0) {
                    Choice::Benign => UCS_THREAD_MODE_MULTI,
                    _ => UCS_THREAD_MODE_SERIALIZED,
                };
                set_field!(attr, max_thread_level, level);
            }
        }
        UcsStatus::OK
    })
}

/// `ucp_config_read`.
///
/// # Safety
/// As in UCX: `config` is writable, the strings are terminated or null.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_config_read(
    _prefix: *const c_char,
    _file: *const c_char,
    config: *mut u64,
) -> UcsStatus {
    enter(F::ConfigRead, |call| {
        if let Err(status) = call.not_null(2, config) {
            return status;
        }
        let mut state = call.lock();
        if let Err(status) = call.decide(&mut state) {
            return status;
        }
        let read = Config {
            rendezvous_threshold: None,
            cache: Configuration::of_environment(),
        };
        match state.create(0, [0, 0], Body::Config(Box::new(read)), call.site()) {
            Some((serial, handle)) => {
                call.about(serial);
                // SAFETY: the client vouches for a pointer that is not null.
                unsafe { config.write_unaligned(handle) };
                UcsStatus::OK
            }
            None => UcsStatus::NO_MEMORY,
        }
    })
}

/// `ucp_config_modify`.
///
/// # Safety
/// As in UCX: the strings are terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_config_modify(
    config: u64,
    name: *const c_char,
    value: *const c_char,
) -> UcsStatus {
    enter(F::ConfigModify, |call| {
        // SAFETY: handed on to the caller.
        unsafe { config_modify(call, config, name, value) }.unwrap_or_else(|status| status)
    })
}

unsafe fn config_modify(
    call: &Call,
    config: u64,
    name: *const c_char,
    value: *const c_char,
) -> Result<UcsStatus, UcsStatus> {
    let serial = call.about(call.handle(&mut call.lock(), 0, config, Kind::Config)?);
    call.not_null(1, name)?;
    call.not_null(2, value)?;
    // SAFETY: the client vouches for terminated strings; neither is null.
    let (name, value) = unsafe { (CStr::from_ptr(name), CStr::from_ptr(value)) };
    judge_name(call, serial, name);
    let status = crate::version::config_modify_status(call.universe.version, name, value);
    if status == UcsStatus::OK
        && let Some(config) = call.lock().config_mut(serial)
    {
        config.cache.modify(name, value);
        if name == c"RNDV_THRESH" {
            config.rendezvous_threshold = threshold(value);
        }
    }
    Ok(status)
}

/// Judges the name of a setting.
fn judge_name(call: &Call, config: u64, name: &CStr) {
    let rule = if name.to_bytes().starts_with(b"UCX_") {
        Rule::ConfigPrefix
    } else if crate::version::config_key_is_global(call.universe.version, name)
        && call.universe.map.header().live[Kind::Context as usize].load(Relaxed) > 0
    {
        Rule::ConfigGlobal
    } else {
        return;
    };
    call.broken(&mut call.lock(), rule, config, [0, 0]);
}

/// `ucp_config_release`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_config_release(config: u64) {
    enter(F::ConfigRelease, |call| {
        let mut state = call.lock();
        if let Ok(serial) = call.handle(&mut state, 0, config, Kind::Config) {
            state.end(call.about(serial), call.site());
        }
    });
}

/// `ucp_init_version`, which the inline `ucp_init` calls.
///
/// # Safety
/// As in UCX: `params` points to a `ucp_params_t` and `context` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_init_version(
    _major: c_uint,
    _minor: c_uint,
    params: *const UcpParams,
    config: u64,
    context: *mut u64,
) -> UcsStatus {
    enter(F::InitVersion, |call| {
        // SAFETY: handed on to the caller.
        unsafe { init(call, params, config, context) }
            .map_or_else(|status| status, |()| UcsStatus::OK)
    })
}

unsafe fn init(
    call: &Call,
    params: *const UcpParams,
    config: u64,
    context: *mut u64,
) -> Result<(), UcsStatus> {
    call.not_null(2, params)?;
    call.not_null(4, context)?;
    let mut state = call.lock();
    // A null configuration means "read it from the environment" (ucp.h:ucp_init).
    let (threshold, cache) = if config == 0 {
        (None, Configuration::of_environment())
    } else {
        let config = call.handle(&mut state, 3, config, Kind::Config)?;
        let config = state.config(config).ok_or(UcsStatus::INVALID_PARAM)?;
        (config.rendezvous_threshold, config.cache.clone())
    };
    let threshold = threshold.unwrap_or(RENDEZVOUS_THRESHOLD);
    // SAFETY: the client vouches for a pointer that is not null; fields are read by their mask bit only.
    let (mut new, mask) = unsafe { read_params(params, threshold) };
    let unknown = [
        call.unknown(UCP_PARAMS_FIELD, mask),
        call.unknown(UCP_FEATURE, new.features),
    ];
    for detail in unknown.into_iter().flatten() {
        call.broken(&mut state, Rule::UnknownBits, 0, detail);
    }
    // SAFETY: as above; the name is terminated or null.
    if unsafe { is_nameless(params) } {
        new.name = state.next_context_name();
    }
    if new.features == 0 {
        call.broken(&mut state, Rule::ContextFeatures, 0, [0, 0]);
    }
    call.decide(&mut state)?;
    state.judge_cache(&cache)?;
    let detail = [new.features, new.request_size as u64];
    let (serial, handle) = state
        .create(0, detail, Body::Context(Box::new(new)), call.site())
        .ok_or(UcsStatus::NO_MEMORY)?;
    call.about(serial);
    state.begin_cache(serial, &cache);
    // SAFETY: as above.
    unsafe { context.write_unaligned(handle) };
    drop(state);
    crate::control::ending::watch();
    Ok(())
}

/// A threshold as the client writes it; `None` for one that UCX chooses itself.
fn threshold(value: &CStr) -> Option<usize> {
    match value.to_str() {
        Ok("inf") => Some(usize::MAX),
        Ok(value) => value.parse().ok(),
        Err(_) => None,
    }
}

/// # Safety
/// `params` points to a `ucp_params_t`.
unsafe fn is_nameless(params: *const UcpParams) -> bool {
    // SAFETY: handed on to the caller; the member is read only if its bit is set.
    unsafe {
        field!(params, field_mask) & UCP_PARAM_FIELD_NAME == 0 || field!(params, name).is_null()
    }
}

/// # Safety
/// `params` points to a `ucp_params_t`.
unsafe fn read_params(params: *const UcpParams, rendezvous_threshold: usize) -> (Context, u64) {
    // SAFETY: handed on to the caller; each field is read only if its bit is set.
    unsafe {
        let mask = field!(params, field_mask);
        let set = |bit: u64| mask & bit != 0;
        let context = Context {
            features: if set(UCP_PARAM_FIELD_FEATURES) {
                field!(params, features)
            } else {
                0
            },
            name: if set(UCP_PARAM_FIELD_NAME) {
                text(field!(params, name))
            } else {
                String::new()
            },
            mt_workers_shared: set(UCP_PARAM_FIELD_MT_WORKERS_SHARED)
                && field!(params, mt_workers_shared) != 0,
            rendezvous_threshold,
            occupancy: Arc::default(),
            request_size: if set(UCP_PARAM_FIELD_REQUEST_SIZE) {
                field!(params, request_size)
            } else {
                0
            },
            request_init: if set(UCP_PARAM_FIELD_REQUEST_INIT) {
                field!(params, request_init)
            } else {
                None
            },
            request_cleanup: if set(UCP_PARAM_FIELD_REQUEST_CLEANUP) {
                field!(params, request_cleanup)
            } else {
                None
            },
        };
        (context, mask)
    }
}

/// `ucp_cleanup`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_cleanup(context: u64) {
    enter(F::Cleanup, |call| {
        let mut state = call.lock();
        if let Ok(serial) = call.handle(&mut state, 0, context, Kind::Context) {
            call.about(serial);
            if let Some(worker) = progressed_here(&state, serial, call.thread()) {
                call.broken(&mut state, Rule::CallbackCleanup, worker, [0, 0]);
                return;
            }
            state.end(serial, call.site());
            state.end_cache(serial);
        }
    });
}

/// A worker of a context whose progress call runs the callback that this thread is in.
fn progressed_here(state: &State, context: u64, thread: u16) -> Option<u64> {
    let progressed = |entry: &Entry| {
        entry.parent == context
            && matches!(&entry.body, Body::Worker(worker) if worker.progressing.contains(&thread))
    };
    let found = state.objects.iter().filter(|(_, entry)| progressed(entry));
    found.map(|(serial, _)| *serial).min()
}

/// `ucp_context_query`.
///
/// # Safety
/// As in UCX: `attr` points to a `ucp_context_attr_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_context_query(
    context: u64,
    attr: *mut UcpContextAttr,
) -> UcsStatus {
    enter(F::ContextQuery, |call| {
        let mut state = call.lock();
        let serial = match call.handle(&mut state, 0, context, Kind::Context) {
            Ok(serial) => call.about(serial),
            Err(status) => return status,
        };
        let (name, shared) = match state.context(serial) {
            Some(context) => (context.name.clone(), context.mt_workers_shared),
            None => return UcsStatus::INVALID_PARAM,
        };
        drop(state);
        if let Err(status) = call.not_null(1, attr) {
            return status;
        }
        // SAFETY: the client vouches for a pointer that is not null; fields are touched by their mask bit only.
        unsafe {
            let mask = field!(attr, field_mask);
            call.knows(UCP_CONTEXT_ATTR_FIELD, mask);
            if mask & UCP_ATTR_FIELD_REQUEST_SIZE != 0 {
                set_field!(attr, request_size, EXTERNAL_REQUEST_BYTES);
            }
            if mask & UCP_ATTR_FIELD_THREAD_MODE != 0 {
                let lower = shared
                    && call.ask(&mut call.lock(), Move::LibraryThreadLevel, serial)
                        != Choice::Benign;
                set_field!(
                    attr,
                    thread_mode,
                    if shared && !lower {
                        UCS_THREAD_MODE_MULTI
                    } else {
                        UCS_THREAD_MODE_SINGLE
                    }
                );
            }
            if mask & UCP_ATTR_FIELD_MEMORY_TYPES != 0 {
                set_field!(attr, memory_types, 1 << UCS_MEMORY_TYPE_HOST);
            }
            if mask & UCP_ATTR_FIELD_NAME != 0 {
                set_field!(attr, name, entity_name(&name));
            }
            if mask & UCP_ATTR_FIELD_DEVICE_COUNTER_SIZE != 0 {
                set_field!(attr, device_counter_size, size_of::<u64>());
            }
        }
        UcsStatus::OK
    })
}

/// A name as UCX answers it: cut to its array and terminated.
pub(crate) fn entity_name(name: &str) -> [c_char; UCP_ENTITY_NAME_MAX] {
    let mut array = [0; UCP_ENTITY_NAME_MAX];
    for (to, from) in array
        .iter_mut()
        .take(UCP_ENTITY_NAME_MAX - 1)
        .zip(name.bytes())
    {
        *to = from as c_char;
    }
    array
}

/// A client's string; empty if null.
///
/// # Safety
/// `pointer` is null or terminated.
pub(crate) unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: handed on to the caller.
    unsafe { CStr::from_ptr(pointer) }
        .to_string_lossy()
        .into_owned()
}
