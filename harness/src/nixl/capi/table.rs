//! The table of NIXL's C functions: name and signature of each, resolved at run time.

use std::ffi::{c_char, c_int, c_void};

use super::raw::*;
use super::status::{CallError, Status};

/// From one list of signatures: the public table of names, the struct of resolved
/// pointers, and one method per function that turns the status into a `Result`.
///
/// The pointers are `extern "C-unwind"`: `get_notifs` and the notification map catch only
/// `std::exception`, so a foreign exception or a forced unwind (thread cancellation) may cross
/// them. With plain `extern "C"` that would be undefined; so it is an unwind, or an abort that
/// says so. Every other error arrives as a status.
macro_rules! functions {
    ($( $name:ident ( $($arg:ident : $ty:ty),* $(,)? ); )*) => {
        /// Every function of the C API of the newest known release, in the header's order.
        pub const FUNCTIONS: &[&str] = &[
            $( concat!("nixl_capi_", stringify!($name)), )*
            "nixl_capi_is_stub",
        ];

        /// The functions of one loaded `libnixl_capi.so`. Those that the release lacks are
        /// absent, and calling one is [`CallError::Absent`].
        pub struct Functions {
            $( $name: Option<unsafe extern "C-unwind" fn($($ty),*) -> c_int>, )*
            is_stub: Option<unsafe extern "C-unwind" fn() -> bool>,
        }

        impl Functions {
            /// Looks every function up with `lookup`, which gets its NUL-terminated name.
            ///
            /// # Safety
            /// A pointer that `lookup` returns must be that function of NIXL's C API.
            pub(super) unsafe fn resolve(lookup: impl Fn(&[u8]) -> Option<*mut c_void>) -> Functions {
                Functions {
                    $( $name: lookup(concat!("nixl_capi_", stringify!($name), "\0").as_bytes())
                        // SAFETY: the caller vouches that the symbol is the function of this name.
                        .map(|symbol| unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn($($ty),*) -> c_int>(symbol) }), )*
                    is_stub: lookup(b"nixl_capi_is_stub\0")
                        // SAFETY: as above.
                        .map(|symbol| unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn() -> bool>(symbol) }),
                }
            }

            /// The functions of [`FUNCTIONS`] that this release has.
            pub fn present(&self) -> Vec<&'static str> {
                let mut names = Vec::with_capacity(FUNCTIONS.len());
                $( if self.$name.is_some() { names.push(concat!("nixl_capi_", stringify!($name))); } )*
                if self.is_stub.is_some() { names.push("nixl_capi_is_stub"); }
                names
            }

            $(
                #[doc = concat!("Calls `nixl_capi_", stringify!($name), "`.")]
                ///
                /// # Safety
                /// The arguments must be what NIXL's `wrapper.h` asks for.
                #[allow(clippy::too_many_arguments, reason = "as many as the C function has")]
                pub unsafe fn $name(&self, $($arg: $ty),*) -> Result<Status, CallError> {
                    let function = concat!("nixl_capi_", stringify!($name));
                    let call = self.$name.ok_or(CallError::Absent { function })?;
                    // SAFETY: passed on to the caller.
                    Status::check(function, unsafe { call($($arg),*) })
                }
            )*
        }
    };
}

impl Functions {
    /// Whether the library is NIXL's stub, which only tells that NIXL is not installed.
    pub fn is_stub(&self) -> Result<bool, CallError> {
        let call = self.is_stub.ok_or(CallError::Absent {
            function: "nixl_capi_is_stub",
        })?;
        // SAFETY: the function takes nothing and reads nothing.
        Ok(unsafe { call() })
    }
}

// 103 functions that return a status; the 104th, `is_stub`, returns a bool.
#[rustfmt::skip]
functions! {
    create_configured_agent(name: *const c_char, config: *const RawAgentConfig, agent: *mut *mut RawAgent);
    create_agent(name: *const c_char, agent: *mut *mut RawAgent);
    destroy_agent(agent: *mut RawAgent);
    get_local_md(agent: *mut RawAgent, data: *mut *mut c_void, len: *mut usize);
    get_local_partial_md(
        agent: *mut RawAgent, descs: *mut RawRegDlist, data: *mut *mut c_void, len: *mut usize, opt_args: *mut RawOptArgs);
    load_remote_md(agent: *mut RawAgent, data: *const c_void, len: usize, agent_name: *mut *mut c_char);
    invalidate_remote_md(agent: *mut RawAgent, remote_agent: *const c_char);
    invalidate_local_md(agent: *mut RawAgent, opt_args: *mut RawOptArgs);
    check_remote_md(agent: *mut RawAgent, remote_name: *const c_char, descs: *mut RawXferDlist);
    send_local_md(agent: *mut RawAgent, opt_args: *mut RawOptArgs);
    send_local_partial_md(agent: *mut RawAgent, descs: *mut RawRegDlist, opt_args: *mut RawOptArgs);
    fetch_remote_md(agent: *mut RawAgent, remote_name: *const c_char, opt_args: *mut RawOptArgs);
    get_available_plugins(agent: *mut RawAgent, plugins: *mut *mut RawStringList);
    destroy_string_list(list: *mut RawStringList);
    string_list_size(list: *mut RawStringList, size: *mut usize);
    string_list_get(list: *mut RawStringList, index: usize, str: *mut *const c_char);
    get_plugin_params(agent: *mut RawAgent, plugin_name: *const c_char, mems: *mut *mut RawMemList, params: *mut *mut RawParams);
    destroy_mem_list(list: *mut RawMemList);
    destroy_params(params: *mut RawParams);
    create_backend(agent: *mut RawAgent, plugin_name: *const c_char, params: *mut RawParams, backend: *mut *mut RawBackend);
    destroy_backend(backend: *mut RawBackend);
    get_backend_params(agent: *mut RawAgent, backend: *mut RawBackend, mems: *mut *mut RawMemList, params: *mut *mut RawParams);
    create_opt_args(args: *mut *mut RawOptArgs);
    destroy_opt_args(args: *mut RawOptArgs);
    opt_args_add_backend(args: *mut RawOptArgs, backend: *mut RawBackend);
    opt_args_set_notif_msg(args: *mut RawOptArgs, data: *const c_void, len: usize);
    opt_args_get_notif_msg(args: *mut RawOptArgs, data: *mut *mut c_void, len: *mut usize);
    opt_args_set_has_notif(args: *mut RawOptArgs, has_notif: bool);
    opt_args_get_has_notif(args: *mut RawOptArgs, has_notif: *mut bool);
    opt_args_set_skip_desc_merge(args: *mut RawOptArgs, skip_merge: bool);
    opt_args_get_skip_desc_merge(args: *mut RawOptArgs, skip_merge: *mut bool);
    opt_args_set_custom_param(args: *mut RawOptArgs, data: *const c_void, len: usize);
    opt_args_get_custom_param(args: *mut RawOptArgs, data: *mut *mut c_void, len: *mut usize);
    opt_args_set_ip_addr(args: *mut RawOptArgs, ip_addr: *const c_char);
    opt_args_set_port(args: *mut RawOptArgs, port: u16);
    create_params(params: *mut *mut RawParams);
    params_add(params: *mut RawParams, key: *const c_char, value: *const c_char);
    params_is_empty(params: *mut RawParams, is_empty: *mut bool);
    params_create_iterator(params: *mut RawParams, iter: *mut *mut RawParamIter);
    params_iterator_next(iter: *mut RawParamIter, key: *mut *const c_char, value: *mut *const c_char, has_next: *mut bool);
    params_destroy_iterator(iter: *mut RawParamIter);
    mem_list_is_empty(list: *mut RawMemList, is_empty: *mut bool);
    mem_list_size(list: *mut RawMemList, size: *mut usize);
    mem_list_get(list: *mut RawMemList, index: usize, mem_type: *mut c_int);
    mem_type_to_string(mem_type: c_int, str: *mut *const c_char);
    register_mem(agent: *mut RawAgent, dlist: *mut RawRegDlist, opt_args: *mut RawOptArgs);
    deregister_mem(agent: *mut RawAgent, dlist: *mut RawRegDlist, opt_args: *mut RawOptArgs);
    agent_make_connection(agent: *mut RawAgent, remote_agent: *const c_char, opt_args: *mut RawOptArgs);
    prep_xfer_dlist(
        agent: *mut RawAgent, agent_name: *const c_char, descs: *mut RawXferDlist, handle: *mut *mut RawXferDlistHandle, opt_args: *mut RawOptArgs);
    release_xfer_dlist_handle(agent: *mut RawAgent, dlist_handle: *mut RawXferDlistHandle);
    make_xfer_req(
        agent: *mut RawAgent, operation: c_int, local_descs: *mut RawXferDlistHandle, local_indices: *const c_int, local_indices_count: usize, remote_descs: *mut RawXferDlistHandle, remote_indices: *const c_int, remote_indices_count: usize, req: *mut *mut RawXferReq, opt_args: *mut RawOptArgs);
    get_notifs(agent: *mut RawAgent, notif_map: *mut RawNotifMap, opt_args: *mut RawOptArgs);
    create_notif_map(notif_map: *mut *mut RawNotifMap);
    destroy_notif_map(notif_map: *mut RawNotifMap);
    gen_notif(agent: *mut RawAgent, remote_agent: *const c_char, data: *const c_void, len: usize, opt_args: *mut RawOptArgs);
    create_xfer_req(
        agent: *mut RawAgent, operation: c_int, local_descs: *mut RawXferDlist, remote_descs: *mut RawXferDlist, remote_agent: *const c_char, req: *mut *mut RawXferReq, opt_args: *mut RawOptArgs);
    estimate_xfer_cost(
        agent: *mut RawAgent, req: *mut RawXferReq, opt_args: *mut RawOptArgs, duration_us: *mut i64, err_margin_us: *mut i64, method: *mut c_int);
    post_xfer_req(agent: *mut RawAgent, req: *mut RawXferReq, opt_args: *mut RawOptArgs);
    get_xfer_status(agent: *mut RawAgent, req: *mut RawXferReq);
    query_xfer_backend(agent: *mut RawAgent, req: *mut RawXferReq, backend: *mut *mut RawBackend);
    release_xfer_req(agent: *mut RawAgent, req: *mut RawXferReq);
    destroy_xfer_req(req: *mut RawXferReq);
    create_xfer_dlist(mem_type: c_int, dlist: *mut *mut RawXferDlist);
    destroy_xfer_dlist(dlist: *mut RawXferDlist);
    xfer_dlist_get_type(dlist: *mut RawXferDlist, mem_type: *mut c_int);
    xfer_dlist_add_desc(dlist: *mut RawXferDlist, addr: usize, len: usize, dev_id: u64);
    xfer_dlist_desc_count(dlist: *mut RawXferDlist, count: *mut usize);
    xfer_dlist_len(dlist: *mut RawXferDlist, len: *mut usize);
    xfer_dlist_is_empty(dlist: *mut RawXferDlist, is_empty: *mut bool);
    xfer_dlist_trim(dlist: *mut RawXferDlist);
    xfer_dlist_rem_desc(dlist: *mut RawXferDlist, index: c_int);
    xfer_dlist_clear(dlist: *mut RawXferDlist);
    xfer_dlist_resize(dlist: *mut RawXferDlist, new_size: usize);
    xfer_dlist_print(dlist: *mut RawXferDlist);
    create_reg_dlist(mem_type: c_int, dlist: *mut *mut RawRegDlist);
    destroy_reg_dlist(dlist: *mut RawRegDlist);
    reg_dlist_get_type(dlist: *mut RawRegDlist, mem_type: *mut c_int);
    reg_dlist_add_desc(dlist: *mut RawRegDlist, addr: usize, len: usize, dev_id: u64, metadata: *const c_void, metadata_len: usize);
    reg_dlist_desc_count(dlist: *mut RawRegDlist, count: *mut usize);
    reg_dlist_is_empty(dlist: *mut RawRegDlist, is_empty: *mut bool);
    reg_dlist_trim(dlist: *mut RawRegDlist);
    reg_dlist_rem_desc(dlist: *mut RawRegDlist, index: c_int);
    reg_dlist_clear(dlist: *mut RawRegDlist);
    reg_dlist_resize(dlist: *mut RawRegDlist, new_size: usize);
    reg_dlist_print(dlist: *mut RawRegDlist);
    notif_map_size(map: *mut RawNotifMap, size: *mut usize);
    notif_map_get_agent_at(map: *mut RawNotifMap, index: usize, agent_name: *mut *const c_char);
    notif_map_get_notifs_size(map: *mut RawNotifMap, agent_name: *const c_char, size: *mut usize);
    notif_map_get_notif(map: *mut RawNotifMap, agent_name: *const c_char, index: usize, data: *mut *const c_void, len: *mut usize);
    notif_map_clear(map: *mut RawNotifMap);
    create_query_resp_list(list: *mut *mut RawQueryRespList);
    destroy_query_resp_list(list: *mut RawQueryRespList);
    query_resp_list_size(list: *mut RawQueryRespList, size: *mut usize);
    query_resp_list_has_value(list: *mut RawQueryRespList, index: usize, has_value: *mut bool);
    query_resp_list_get_params(list: *mut RawQueryRespList, index: usize, params: *mut *mut RawParams);
    query_mem(agent: *mut RawAgent, descs: *mut RawRegDlist, resp: *mut RawQueryRespList, opt_args: *mut RawOptArgs);
    prep_mem_view_local(agent: *mut RawAgent, descs: *mut RawXferDlist, view: *mut *mut RawMemView, opt_args: *mut RawOptArgs);
    prep_mem_view_remote(agent: *mut RawAgent, descs: *mut RawRemoteDlist, view: *mut *mut RawMemView, opt_args: *mut RawOptArgs);
    create_remote_dlist(mem_type: c_int, dlist: *mut *mut RawRemoteDlist);
    destroy_remote_dlist(dlist: *mut RawRemoteDlist);
    remote_dlist_add_desc(dlist: *mut RawRemoteDlist, addr: usize, len: usize, dev_id: u64, remote_agent: *const c_char);
    release_mem_view(agent: *mut RawAgent, view: *mut RawMemView);
    get_xfer_telemetry(agent: *mut RawAgent, req: *mut RawXferReq, telemetry: *mut Telemetry);
}

const _: () = assert!(FUNCTIONS.len() == 104, "NIXL 1.5.1 has 104 functions");
