//! Library and configuration: what queries answer, and what depends on the version that is emulated.

mod common;

use std::ffi::{CStr, CString};
use std::ptr;

use common::*;
use mock_ucx::Settings;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{device, library, memory, worker};
use mock_ucx::ledger::Kind;
use mock_ucx::rules::Rule;

/// A byte that no answer consists of.
const POISON: u8 = 0xa5;

/// A structure of poison, at a place of its own, so that the bytes between its members are poison too.
struct Poisoned<T>(Box<std::mem::MaybeUninit<T>>);

impl<T> Poisoned<T> {
    fn new() -> Poisoned<T> {
        let mut place = Box::new(std::mem::MaybeUninit::<T>::uninit());
        // SAFETY: the place has this size.
        unsafe { ptr::write_bytes(place.as_mut_ptr().cast::<u8>(), POISON, size_of::<T>()) };
        Poisoned(place)
    }

    fn get(&mut self) -> &mut T {
        // SAFETY: UCX's structures are integers, raw pointers and nullable functions, for all of which any bits are valid.
        unsafe { self.0.assume_init_mut() }
    }

    /// Which bytes behind the mask are not poison any more.
    fn written(&self) -> Vec<usize> {
        let start = self.0.as_ptr().cast::<u8>();
        // SAFETY: all bytes were written by `new`.
        let byte = |index: &usize| unsafe { start.add(*index).read() };
        let indexes = size_of::<u64>()..size_of::<T>();
        indexes.filter(|index| byte(index) != POISON).collect()
    }
}

/// Asks a query for one field at a time: it writes something, and only within the fields that are expected.
fn one_by_one<T>(fields: &[(u64, &[std::ops::Range<usize>])], ask: impl Fn(&mut T, u64)) {
    for (bit, expected) in fields {
        let mut value = Poisoned::<T>::new();
        ask(value.get(), *bit);
        let written = value.written();
        let inside = |index: &usize| expected.iter().any(|range| range.contains(index));
        assert!(
            written.iter().all(inside),
            "bit {bit:#x} wrote beyond its member"
        );
        assert_eq!(written.is_empty(), expected.is_empty(), "bit {bit:#x}");
    }
}

macro_rules! member {
    ($type:ty, $field:ident) => {{
        let start = std::mem::offset_of!($type, $field);
        let value = zeroed::<$type>();
        start..start + size_of_val(&value.$field)
    }};
}

#[test]
fn a_worker_query_writes_only_what_is_asked_for() {
    alone(|_| {
        let pair = Pair::new();
        let fields: &[(u64, &[std::ops::Range<usize>])] = &[
            (
                UCP_WORKER_ATTR_FIELD_THREAD_MODE,
                &[member!(UcpWorkerAttr, thread_mode)],
            ),
            (
                UCP_WORKER_ATTR_FIELD_MAX_AM_HEADER,
                &[member!(UcpWorkerAttr, max_am_header)],
            ),
            (UCP_WORKER_ATTR_FIELD_NAME, &[member!(UcpWorkerAttr, name)]),
            (
                UCP_WORKER_ATTR_FIELD_MAX_INFO_STRING,
                &[member!(UcpWorkerAttr, max_debug_string)],
            ),
            (
                UCP_WORKER_ATTR_FIELD_ADDRESS,
                &[
                    member!(UcpWorkerAttr, address),
                    member!(UcpWorkerAttr, address_length),
                ],
            ),
            (UCP_WORKER_ATTR_FIELD_ADDRESS_FLAGS, &[]),
        ];
        one_by_one(fields, |attr: &mut UcpWorkerAttr, bit| {
            attr.field_mask = bit;
            // SAFETY: the structure is right.
            let status = unsafe { worker::ucp_worker_query(pair.near, attr) };
            assert_eq!(status, UcsStatus::OK);
            if bit == UCP_WORKER_ATTR_FIELD_ADDRESS {
                worker::ucp_worker_release_address(pair.near, attr.address as u64);
            }
        });
        pair.end();
    });
}

#[test]
fn context_and_library_queries_write_only_what_is_asked_for() {
    alone(|mock| {
        let context = context();
        let fields: &[(u64, &[std::ops::Range<usize>])] = &[
            (
                UCP_ATTR_FIELD_REQUEST_SIZE,
                &[member!(UcpContextAttr, request_size)],
            ),
            (
                UCP_ATTR_FIELD_THREAD_MODE,
                &[member!(UcpContextAttr, thread_mode)],
            ),
            (
                UCP_ATTR_FIELD_MEMORY_TYPES,
                &[member!(UcpContextAttr, memory_types)],
            ),
            (UCP_ATTR_FIELD_NAME, &[member!(UcpContextAttr, name)]),
            (
                UCP_ATTR_FIELD_DEVICE_COUNTER_SIZE,
                &[member!(UcpContextAttr, device_counter_size)],
            ),
            (1 << 40, &[]),
        ];
        one_by_one(fields, |attr: &mut UcpContextAttr, bit| {
            attr.field_mask = bit;
            // SAFETY: the structure is right.
            let status = unsafe { library::ucp_context_query(context, attr) };
            assert_eq!(status, UcsStatus::OK);
        });
        let level = member!(UcpLibAttr, max_thread_level);
        one_by_one(
            &[(UCP_LIB_ATTR_FIELD_MAX_THREAD_LEVEL, &[level]), (0, &[])],
            |attr: &mut UcpLibAttr, bit| {
                attr.field_mask = bit;
                // SAFETY: the structure is right.
                assert_eq!(unsafe { library::ucp_lib_query(attr) }, UcsStatus::OK);
            },
        );
        mock.breaks(Rule::UnknownBits);
        library::ucp_cleanup(context);
    });
}

#[test]
fn names_are_those_given_and_are_cut_to_their_room() {
    alone(|_| {
        let name = CString::new("n".repeat(50)).expect("a name");
        let context = context_with(&UcpParams {
            field_mask: UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_NAME,
            features: UCP_FEATURE_RMA,
            name: name.as_ptr(),
            ..zeroed()
        });
        let mut attr = UcpContextAttr {
            field_mask: UCP_ATTR_FIELD_NAME,
            ..zeroed()
        };
        // SAFETY: the structure is right, and the name is terminated.
        let answered = unsafe {
            assert_eq!(
                library::ucp_context_query(context, &raw mut attr),
                UcsStatus::OK
            );
            CStr::from_ptr(attr.name.as_ptr()).to_str()
        };
        assert_eq!(answered, Ok("n".repeat(UCP_ENTITY_NAME_MAX - 1).as_str()));
        library::ucp_cleanup(context);
    });
}

#[test]
fn contexts_without_a_name_are_counted() {
    alone(|_| {
        let contexts = [context(), context()];
        for (context, expected) in contexts
            .into_iter()
            .zip([c"ucp_context_0", c"ucp_context_1"])
        {
            let mut attr = UcpContextAttr {
                field_mask: UCP_ATTR_FIELD_NAME,
                ..zeroed()
            };
            // SAFETY: the structure is right, and the name is terminated.
            let name = unsafe {
                library::ucp_context_query(context, &raw mut attr);
                CStr::from_ptr(attr.name.as_ptr())
            };
            assert_eq!(name, expected);
            library::ucp_cleanup(context);
        }
    });
}

#[test]
fn every_status_has_a_text() {
    let text = |status| {
        // SAFETY: the text is terminated and static.
        unsafe { CStr::from_ptr(library::ucs_status_string(UcsStatus(status))) }
    };
    assert_eq!(text(-25), c"Connection reset by remote peer");
    assert_eq!(
        [-128, -26, 2, 127].map(text),
        [
            c"Unknown error -128",
            c"Unknown error -26",
            c"Unknown error 2",
            c"Unknown error 127"
        ]
    );
}

/// What a change of the configuration answers.
fn modify(name: &CStr, value: &CStr) -> UcsStatus {
    // SAFETY: the strings are terminated.
    unsafe {
        let config = made(|out| library::ucp_config_read(ptr::null(), ptr::null(), out));
        let config = config.expect("a configuration");
        let status = library::ucp_config_modify(config, name.as_ptr(), value.as_ptr());
        library::ucp_config_release(config);
        status
    }
}

fn emulating(version: &str) -> Settings {
    Settings {
        version: version.parse().expect("a version"),
        ..Settings::default()
    }
}

#[test]
fn since_1_21_an_unknown_key_is_refused() {
    alone_with(emulating("1.21.0"), |_| {
        assert_eq!(modify(c"NO_SUCH_KEY", c"1"), UcsStatus::INVALID_PARAM);
        assert_eq!(modify(c"RNDV_THRESH", c"zonk"), UcsStatus::INVALID_PARAM);
        assert_eq!(modify(c"RNDV_THRESH", c"inf"), UcsStatus::OK);
    });
}

#[test]
fn up_to_1_20_an_unknown_key_is_taken() {
    alone_with(emulating("1.20.0"), |_| {
        assert_eq!(modify(c"NO_SUCH_KEY", c"1"), UcsStatus::OK);
        assert_eq!(modify(c"RNDV_THRESH", c"zonk"), UcsStatus::INVALID_PARAM);
    });
}

#[test]
fn the_version_is_that_of_the_settings() {
    alone_with(emulating("1.20.0"), |_| {
        let (mut major, mut minor, mut patch) = (0, 0, 0);
        // SAFETY: the pointers are writable, and the text is terminated.
        let text = unsafe {
            library::ucp_get_version(&raw mut major, &raw mut minor, &raw mut patch);
            CStr::from_ptr(library::ucp_get_version_string())
        };
        assert_eq!((major, minor, patch, text), (1, 20, 0, c"1.20.0"));
    });
}

#[test]
fn a_null_pointer_for_a_result_is_found() {
    alone(|mock| {
        // SAFETY: null is what the mock is to notice.
        let status = unsafe { library::ucp_lib_query(ptr::null_mut()) };
        assert_eq!(status, UcsStatus::INVALID_PARAM);
        mock.breaks(Rule::ArgumentNull);
    });
}

/// A list of one local element.
fn local_list(worker: u64, memh: u64) -> Result<u64, UcsStatus> {
    let element = UcpDeviceMemListElem {
        field_mask: UCP_DEVICE_MEM_LIST_ELEM_FIELD_MEMH,
        memh: memh as _,
        ..zeroed()
    };
    let params = UcpDeviceMemListParams {
        field_mask: UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENTS
            | UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENT_SIZE
            | UCP_DEVICE_MEM_LIST_PARAMS_FIELD_NUM_ELEMENTS
            | if worker == 0 {
                0
            } else {
                UCP_DEVICE_MEM_LIST_PARAMS_FIELD_WORKER
            },
        element_size: size_of_val(&element),
        num_elements: 1,
        worker: worker as _,
        elements: &raw const element,
    };
    // SAFETY: the structures are right.
    made(|out| unsafe { device::ucp_device_local_mem_list_create(&raw const params, out) })
}

#[test]
fn without_a_gpu_a_memory_list_fails_as_on_the_real_ucx() {
    alone(|mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        assert_eq!(local_list(pair.near, memh), Err(UcsStatus::NO_MEMORY));
        assert_eq!(local_list(0, memh), Err(UcsStatus::INVALID_PARAM));
        mock.breaks(Rule::ListElements);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        pair.end();
    });
}

#[test]
fn with_a_gpu_a_memory_list_is_an_object_of_its_own() {
    let settings = Settings {
        device_api: true,
        ..Settings::default()
    };
    alone_with(settings, |mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        let list = local_list(pair.near, memh).expect("a list");
        assert_eq!(mock.live(Kind::MemList), 1);
        device::ucp_device_mem_list_release(list);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        pair.end();
    });
}
