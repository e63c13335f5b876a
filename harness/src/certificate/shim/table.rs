//! The functions that the shim stands before, each with its number of arguments.
//!
//! Arguments and results go through as machine words: all of these take integers and pointers only, one to a register or a stack slot,
//! and answer a status, a pointer, a number or nothing.

use std::sync::atomic::AtomicUsize;

/// One function.
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// What the plugin calls instead.
    pub(super) shim: usize,
    /// What is behind it.
    pub(super) real: &'static AtomicUsize,
}

macro_rules! shims {
    ($($name:ident($($arg:ident),*);)*) => {
        $(mod $name {
            use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

            pub(super) static REAL: AtomicUsize = AtomicUsize::new(0);

            pub(super) unsafe extern "C-unwind" fn shim($($arg: usize),*) -> usize {
                type Real = unsafe extern "C-unwind" fn($(shims!(@word $arg)),*) -> usize;
                let forward = |[$($arg),*]: [usize; shims!(@count $($arg)*)]| {
                    // SAFETY: the address was the plugin's own for this function, whose arguments are that many words.
                    let real: Real = unsafe { std::mem::transmute(REAL.load(Relaxed)) };
                    // SAFETY: with what the plugin passed.
                    unsafe { real($($arg),*) }
                };
                super::super::through(stringify!($name), [$($arg),*], forward)
            }
        })*

        /// All of them.
        pub(super) fn entries() -> Vec<Entry> {
            vec![$(Entry {
                name: stringify!($name),
                shim: $name::shim as *const () as usize,
                real: &$name::REAL,
            }),*]
        }
    };
    (@word $arg:ident) => { usize };
    (@count) => { 0 };
    (@count $first:ident $($rest:ident)*) => { 1 + shims!(@count $($rest)*) };
}

shims! {
    ucp_config_read(a, b, c);
    ucp_config_modify(a, b, c);
    ucp_init_version(a, b, c, d, e);
    ucp_cleanup(a);
    ucp_context_query(a, b);
    ucp_worker_create(a, b, c);
    ucp_worker_destroy(a);
    ucp_worker_query(a, b);
    ucp_worker_get_address(a, b, c);
    ucp_worker_get_efd(a, b);
    ucp_worker_arm(a);
    ucp_worker_progress(a);
    ucp_worker_set_am_recv_handler(a, b);
    ucp_ep_create(a, b, c);
    ucp_ep_close_nbx(a, b);
    ucp_ep_flush_nbx(a, b);
    ucp_ep_evaluate_perf(a, b, c);
    ucp_ep_rkey_unpack(a, b, c);
    ucp_rkey_destroy(a);
    ucp_rkey_pack(a, b, c, d);
    ucp_rkey_buffer_release(a);
    ucp_mem_map(a, b, c);
    ucp_mem_unmap(a, b);
    ucp_mem_query(a, b);
    ucp_put_nbx(a, b, c, d, e, f);
    ucp_get_nbx(a, b, c, d, e, f);
    ucp_am_send_nbx(a, b, c, d, e, f, g);
    ucp_am_recv_data_nbx(a, b, c, d, e);
    ucp_request_check_status(a);
    ucp_request_cancel(a, b);
    ucp_request_free(a);
    ucp_device_local_mem_list_create(a, b);
    ucp_device_remote_mem_list_create(a, b);
}
