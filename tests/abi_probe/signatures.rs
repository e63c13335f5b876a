//! The signatures of the exported functions: as C has them, and whether the Rust functions take and return the same.

use crate::Failure;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{
    active_message, device, endpoint, library, memory, message_data, request, rma, wakeup, worker,
};
use mock_ucx::functions::{FUNCTIONS, Function};
use mock_ucx::ledger::Kind;
use std::collections::BTreeSet;
use std::ffi::{c_char, c_int, c_uint, c_void};

/// A function in C's words, and for its result and each argument the C types that the Rust type may stand for.
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    pub(crate) since: Minor,
    result: &'static str,
    arguments: Vec<&'static str>,
    rust: Vec<Vec<String>>,
}

impl Signature {
    /// The function's type as C writes it.
    pub(crate) fn c_type(&self) -> String {
        format!(
            "{} (*)({})",
            self.result,
            if self.arguments.is_empty() {
                "void".to_owned()
            } else {
                self.arguments.join(", ")
            }
        )
    }
}

/// A Rust type at the boundary.
trait Boundary {
    /// The C types that it stands for.
    fn c_types() -> Vec<String>;
}

macro_rules! scalars {
    ($($type:ty: $($c:literal),+;)*) => {
        $(impl Boundary for $type {
            fn c_types() -> Vec<String> {
                vec![$($c.to_owned()),+]
            }
        })*
    };
}

// Handles, and pointers to memory that UCX owns, are numbers on the Rust side.
scalars! {
    (): "void";
    UcsStatus: "ucs_status_t";
    c_uint: "unsigned";
    usize: "size_t", "ucs_status_ptr_t";
    u64: "uint64_t", "ucp_context_h", "ucp_config_t *", "const ucp_config_t *", "ucp_worker_h", "ucp_address_t *",
        "ucp_ep_h", "ucp_mem_h", "ucp_rkey_h", "void *", "const void *";
    *mut u64: "ucp_config_t **", "ucp_context_h *", "ucp_worker_h *", "ucp_ep_h *", "ucp_mem_h *", "ucp_rkey_h *",
        "ucp_device_local_mem_list_h *", "ucp_device_remote_mem_list_h *", "void **";
    *const c_char: "const char *";
    *const c_void: "const void *";
    *mut c_void: "void *";
    *mut c_uint: "unsigned *";
    *mut c_int: "int *";
    *mut usize: "size_t *";
}

macro_rules! pointers {
    ($($type:ty),*) => {
        $(impl Boundary for *const $type {
            fn c_types() -> Vec<String> {
                vec![format!("const {} *", <$type>::LAYOUT.name)]
            }
        }
        impl Boundary for *mut $type {
            fn c_types() -> Vec<String> {
                vec![format!("{} *", <$type>::LAYOUT.name)]
            }
        })*
    };
}

pointers!(
    UcpAmHandlerParam,
    UcpContextAttr,
    UcpDeviceMemListParams,
    UcpEpEvaluatePerfAttr,
    UcpEpEvaluatePerfParam,
    UcpEpParams,
    UcpLibAttr,
    UcpMemAttr,
    UcpMemMapParams,
    UcpParams,
    UcpRequestParam,
    UcpWorkerAttr,
    UcpWorkerParams
);

/// A function pointer, whose result and arguments can be told one by one.
trait Exported {
    fn boundary() -> Vec<Vec<String>>;
}

macro_rules! exported {
    ($($argument:ident)*) => {
        impl<Result: Boundary, $($argument: Boundary),*> Exported for unsafe extern "C-unwind" fn($($argument),*) -> Result {
            fn boundary() -> Vec<Vec<String>> {
                vec![Result::c_types(), $($argument::c_types()),*]
            }
        }
    };
}

exported!();
exported!(A);
exported!(A B);
exported!(A B C);
exported!(A B C D);
exported!(A B C D E);
exported!(A B C D E F);
exported!(A B C D E F G);

fn boundary_of<F: Exported>(_: F) -> Vec<Vec<String>> {
    F::boundary()
}

macro_rules! any {
    ($argument:literal) => {
        _
    };
}

macro_rules! signatures {
    ($($module:ident::$name:ident, since $since:literal: $result:literal($($argument:literal),*);)*) => {
        vec![$(Signature {
            name: stringify!($name),
            since: $since,
            result: $result,
            arguments: vec![$($argument),*],
            rust: boundary_of($module::$name as unsafe extern "C-unwind" fn($(any!($argument)),*) -> _),
        },)*]
    };
}

/// Every exported function.
pub(crate) fn all() -> Vec<Signature> {
    signatures! {
        library::ucp_get_version, since 13: "void"("unsigned *", "unsigned *", "unsigned *");
        library::ucp_get_version_string, since 13: "const char *"();
        library::ucs_status_string, since 13: "const char *"("ucs_status_t");
        library::ucp_lib_query, since 13: "ucs_status_t"("ucp_lib_attr_t *");
        library::ucp_config_read, since 13: "ucs_status_t"("const char *", "const char *", "ucp_config_t **");
        library::ucp_config_modify, since 13: "ucs_status_t"("ucp_config_t *", "const char *", "const char *");
        library::ucp_config_release, since 13: "void"("ucp_config_t *");
        library::ucp_init_version, since 13: "ucs_status_t"("unsigned", "unsigned", "const ucp_params_t *", "const ucp_config_t *", "ucp_context_h *");
        library::ucp_cleanup, since 13: "void"("ucp_context_h");
        library::ucp_context_query, since 13: "ucs_status_t"("ucp_context_h", "ucp_context_attr_t *");
        worker::ucp_worker_create, since 13: "ucs_status_t"("ucp_context_h", "const ucp_worker_params_t *", "ucp_worker_h *");
        worker::ucp_worker_destroy, since 13: "void"("ucp_worker_h");
        worker::ucp_worker_query, since 13: "ucs_status_t"("ucp_worker_h", "ucp_worker_attr_t *");
        worker::ucp_worker_release_address, since 13: "void"("ucp_worker_h", "ucp_address_t *");
        worker::ucp_worker_progress, since 13: "unsigned"("ucp_worker_h");
        wakeup::ucp_worker_get_efd, since 13: "ucs_status_t"("ucp_worker_h", "int *");
        wakeup::ucp_worker_arm, since 13: "ucs_status_t"("ucp_worker_h");
        active_message::ucp_worker_set_am_recv_handler, since 13: "ucs_status_t"("ucp_worker_h", "const ucp_am_handler_param_t *");
        active_message::ucp_am_send_nbx, since 13: "ucs_status_ptr_t"("ucp_ep_h", "unsigned", "const void *", "size_t", "const void *", "size_t", "const ucp_request_param_t *");
        message_data::ucp_am_recv_data_nbx, since 13: "ucs_status_ptr_t"("ucp_worker_h", "void *", "void *", "size_t", "const ucp_request_param_t *");
        message_data::ucp_am_data_release, since 13: "void"("ucp_worker_h", "void *");
        endpoint::ucp_ep_create, since 13: "ucs_status_t"("ucp_worker_h", "const ucp_ep_params_t *", "ucp_ep_h *");
        endpoint::ucp_ep_close_nbx, since 13: "ucs_status_ptr_t"("ucp_ep_h", "const ucp_request_param_t *");
        endpoint::ucp_ep_close_nb, since 13: "ucs_status_ptr_t"("ucp_ep_h", "unsigned");
        endpoint::ucp_ep_flush_nbx, since 13: "ucs_status_ptr_t"("ucp_ep_h", "const ucp_request_param_t *");
        endpoint::ucp_ep_evaluate_perf, since 13: "ucs_status_t"("ucp_ep_h", "const ucp_ep_evaluate_perf_param_t *", "ucp_ep_evaluate_perf_attr_t *");
        memory::ucp_mem_map, since 13: "ucs_status_t"("ucp_context_h", "const ucp_mem_map_params_t *", "ucp_mem_h *");
        memory::ucp_mem_unmap, since 13: "ucs_status_t"("ucp_context_h", "ucp_mem_h");
        memory::ucp_mem_query, since 13: "ucs_status_t"("ucp_mem_h", "ucp_mem_attr_t *");
        memory::ucp_rkey_pack, since 13: "ucs_status_t"("ucp_context_h", "ucp_mem_h", "void **", "size_t *");
        memory::ucp_rkey_buffer_release, since 13: "void"("void *");
        memory::ucp_ep_rkey_unpack, since 13: "ucs_status_t"("ucp_ep_h", "const void *", "ucp_rkey_h *");
        memory::ucp_rkey_destroy, since 13: "void"("ucp_rkey_h");
        rma::ucp_put_nbx, since 13: "ucs_status_ptr_t"("ucp_ep_h", "const void *", "size_t", "uint64_t", "ucp_rkey_h", "const ucp_request_param_t *");
        rma::ucp_get_nbx, since 13: "ucs_status_ptr_t"("ucp_ep_h", "void *", "size_t", "uint64_t", "ucp_rkey_h", "const ucp_request_param_t *");
        request::ucp_request_check_status, since 13: "ucs_status_t"("void *");
        request::ucp_request_free, since 13: "void"("void *");
        request::ucp_request_cancel, since 13: "void"("ucp_worker_h", "void *");
        device::ucp_device_local_mem_list_create, since 21: "ucs_status_t"("const ucp_device_mem_list_params_t *", "ucp_device_local_mem_list_h *");
        device::ucp_device_remote_mem_list_create, since 21: "ucs_status_t"("const ucp_device_mem_list_params_t *", "ucp_device_remote_mem_list_h *");
        device::ucp_device_mem_list_release, since 21: "void"("void *");
    }
}

/// The C types of an argument that is a handle of this kind.
fn handle_types(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Config => &["ucp_config_t *", "const ucp_config_t *"],
        Kind::Context => &["ucp_context_h"],
        Kind::Worker => &["ucp_worker_h"],
        Kind::Address => &["ucp_address_t *"],
        Kind::Endpoint => &["ucp_ep_h"],
        Kind::MemoryHandle => &["ucp_mem_h"],
        Kind::Rkey => &["ucp_rkey_h"],
        Kind::RkeyBuffer | Kind::Request | Kind::AmData | Kind::MemList => &["void *"],
    }
}

/// Whether the Rust functions have these signatures, and the function table names each handle argument.
pub(crate) fn check(signatures: &[Signature]) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    let names: BTreeSet<&str> = signatures.iter().map(|signature| signature.name).collect();
    for (_, info) in FUNCTIONS
        .iter()
        .filter(|(_, info)| !names.contains(info.name))
    {
        wrong.push(format!("{} has no signature in this test", info.name));
    }
    for signature in signatures {
        let name = signature.name;
        let c_types = std::iter::once(&signature.result).chain(&signature.arguments);
        for (place, (c_type, allowed)) in c_types.zip(&signature.rust).enumerate() {
            if !allowed.iter().any(|allowed| allowed == c_type) {
                wrong.push(format!(
                    "{name}: place {place} is {c_type} in C, but in Rust one of {}",
                    allowed.join(", ")
                ));
            }
        }
        let Some(function) = Function::from_name(name) else {
            wrong.push(format!("{name} is not in the function table"));
            continue;
        };
        let handles = function.info().handles;
        for handle in handles {
            let c_type = signature.arguments.get(usize::from(handle.index));
            if !c_type.is_some_and(|c_type| handle_types(handle.kind).contains(c_type)) {
                wrong.push(format!(
                    "{name}: argument {} is {c_type:?}, no {:?}",
                    handle.index, handle.kind
                ));
            }
        }
        for (index, c_type) in signature.arguments.iter().enumerate() {
            let is_handle = c_type.ends_with("_h")
                || c_type.contains("ucp_config_t")
                || *c_type == "ucp_address_t *";
            let is_plain_pointer_to_pointer = c_type.ends_with("**");
            if is_handle
                && !is_plain_pointer_to_pointer
                && !handles.iter().any(|it| usize::from(it.index) == index)
            {
                wrong.push(format!(
                    "{name}: argument {index}, {c_type}, is missing in the function table"
                ));
            }
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Failure(wrong.join("; ")))
    }
}
