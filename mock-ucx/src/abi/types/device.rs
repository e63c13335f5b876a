//! Memory lists for calls from a GPU (`api/device/ucp_host.h`), in the form of 1.21 and newer.
//!
//! 1.20 had another function with shorter structs ([`UcpDeviceMemListParams20`]); 1.21 removed it.

use super::layout::{Constant, Field, Minor, StructLayout, c_constants, c_structs};
use super::{UcpEpH, UcpMemH, UcpRkeyH, UcpWorkerH};
use std::ffi::c_void;

c_constants! {
    /// Members of [`UcpDeviceMemListElem`].
    UCP_DEVICE_MEM_LIST_ELEM_FIELD = "ucp_device_mem_list_elem_field": u64 {
        UCP_DEVICE_MEM_LIST_ELEM_FIELD_MEMH = 1 << 0, since 20, "`memh` is set.";
        UCP_DEVICE_MEM_LIST_ELEM_FIELD_RKEY = 1 << 1, since 20, "`rkey` is set.";
        UCP_DEVICE_MEM_LIST_ELEM_FIELD_LOCAL_ADDR = 1 << 2, since 20, "`local_addr` is set.";
        UCP_DEVICE_MEM_LIST_ELEM_FIELD_REMOTE_ADDR = 1 << 3, since 20, "`remote_addr` is set.";
        UCP_DEVICE_MEM_LIST_ELEM_FIELD_LENGTH = 1 << 4, since 20, "`length` is set.";
        UCP_DEVICE_MEM_LIST_ELEM_FIELD_EP = 1 << 5, since 21, "`ep` is set.";
    }

    /// Members of [`UcpDeviceMemListParams`].
    UCP_DEVICE_MEM_LIST_PARAMS_FIELD = "ucp_device_mem_list_params_field": u64 {
        UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENTS = 1 << 0, since 20, "`elements` is set.";
        UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENT_SIZE = 1 << 1, since 20, "`element_size` is set.";
        UCP_DEVICE_MEM_LIST_PARAMS_FIELD_NUM_ELEMENTS = 1 << 2, since 20, "`num_elements` is set.";
        UCP_DEVICE_MEM_LIST_PARAMS_FIELD_WORKER = 1 << 3, since 21, "`worker` is set.";
    }
}

c_structs! {
    /// One element of a list (`ucp_host.h:ucp_device_mem_list_elem_t`).
    UcpDeviceMemListElem = "ucp_device_mem_list_elem_t" {
        field_mask: u64, since 20, "Which members are set ([`UCP_DEVICE_MEM_LIST_ELEM_FIELD`]).";
        memh: UcpMemH, since 20, "Local: the registration.";
        local_addr: *mut c_void, since 20, "Local: start of the range.";
        length: usize, since 20, "Length of the range in bytes.";
        remote_addr: u64, since 20, "Remote: start of the range.";
        rkey: UcpRkeyH, since 20, "Remote: the key.";
        ep: UcpEpH, since 21, "Remote: the endpoint.";
    }

    /// What a list is made of (`ucp_host.h:ucp_device_mem_list_params_t`).
    UcpDeviceMemListParams = "ucp_device_mem_list_params_t" {
        field_mask: u64, since 21, "Which members are set ([`UCP_DEVICE_MEM_LIST_PARAMS_FIELD`]).";
        element_size: usize, since 21, "The client's size of one element, in bytes: the distance of the elements.";
        num_elements: usize, since 21, "How many elements.";
        worker: UcpWorkerH, since 21, "Local lists: the worker.";
        elements: *const UcpDeviceMemListElem, since 21, "The first element.";
    }

    /// The same as 1.20 had it: without `worker`, which was later put before `elements`.
    UcpDeviceMemListParams20 = "ucp_device_mem_list_params_t", until 20 {
        field_mask: u64, since 20, "Which members are set ([`UCP_DEVICE_MEM_LIST_PARAMS_FIELD`]).";
        element_size: usize, since 20, "The client's size of one element, in bytes.";
        num_elements: usize, since 20, "How many elements.";
        elements: *const UcpDeviceMemListElem, since 20, "The first element.";
    }
}
