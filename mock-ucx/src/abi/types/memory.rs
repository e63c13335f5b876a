//! Memory registration, packed handles, scatter lists.

use super::layout::{Constant, Field, Minor, StructLayout, c_constants, c_structs};
use super::{UcpMemH, UcpRkeyH};
use std::ffi::c_void;

/// The remote address to pass where a scatter list says it (`ucp_def.h:UCP_REMOTE_ADDR_INVALID`, since 1.22).
pub const UCP_REMOTE_ADDR_INVALID: u64 = u64::MAX;
/// The remote key to pass where a scatter list says it (`ucp_def.h:UCP_RKEY_INVALID`, since 1.22).
pub const UCP_RKEY_INVALID: UcpRkeyH = std::ptr::null_mut();

c_constants! {
    /// Members of [`UcpMemMapParams`].
    UCP_MEM_MAP_PARAMS_FIELD = "ucp_mem_map_params_field": u64 {
        UCP_MEM_MAP_PARAM_FIELD_ADDRESS = 1 << 0, since 13, "`address` is set.";
        UCP_MEM_MAP_PARAM_FIELD_LENGTH = 1 << 1, since 13, "`length` is set.";
        UCP_MEM_MAP_PARAM_FIELD_FLAGS = 1 << 2, since 13, "`flags` is set.";
        UCP_MEM_MAP_PARAM_FIELD_PROT = 1 << 3, since 13, "`prot` is set.";
        UCP_MEM_MAP_PARAM_FIELD_MEMORY_TYPE = 1 << 4, since 13, "`memory_type` is set.";
        UCP_MEM_MAP_PARAM_FIELD_EXPORTED_MEMH_BUFFER = 1 << 5, since 14, "`exported_memh_buffer` is set.";
    }

    /// Flags of `ucp_mem_map` (an anonymous enum of `ucp.h`).
    UCP_MEM_MAP_FLAGS = "ucp_mem_map flags": u32 {
        UCP_MEM_MAP_NONBLOCK = 1 << 0, since 13, "Pages may be registered later.";
        UCP_MEM_MAP_ALLOCATE = 1 << 1, since 13, "UCX allocates the memory.";
        UCP_MEM_MAP_FIXED = 1 << 2, since 13, "UCX allocates it exactly at `address`.";
        UCP_MEM_MAP_SYMMETRIC_RKEY = 1 << 3, since 16, "Keys may be shared between peers.";
        UCP_MEM_MAP_LOCK = 1 << 4, since 18, "Pages are locked in memory.";
    }

    /// Access to a registration (an anonymous enum of `ucp.h`).
    UCP_MEM_MAP_PROT = "ucp_mem_map prot": u32 {
        UCP_MEM_MAP_PROT_LOCAL_READ = 1 << 0, since 13, "This process reads.";
        UCP_MEM_MAP_PROT_LOCAL_WRITE = 1 << 1, since 13, "This process writes.";
        UCP_MEM_MAP_PROT_REMOTE_READ = 1 << 8, since 13, "Peers read.";
        UCP_MEM_MAP_PROT_REMOTE_WRITE = 1 << 9, since 13, "Peers write.";
    }

    /// Members of [`UcpMemAttr`].
    UCP_MEM_ATTR_FIELD = "ucp_mem_attr_field": u64 {
        UCP_MEM_ATTR_FIELD_ADDRESS = 1 << 0, since 13, "`address` is wanted.";
        UCP_MEM_ATTR_FIELD_LENGTH = 1 << 1, since 13, "`length` is wanted.";
        UCP_MEM_ATTR_FIELD_MEM_TYPE = 1 << 2, since 13, "`mem_type` is wanted.";
    }

    /// Kinds of memory (`memory_type.h:ucs_memory_type_t`) without `LAST` = `UNKNOWN`, whose number depends on the
    /// release.
    UCS_MEMORY_TYPE = "ucs_memory_type_t": u32 {
        UCS_MEMORY_TYPE_HOST = 0, since 13, "Ordinary memory.";
        UCS_MEMORY_TYPE_CUDA = 1, since 13, "NVIDIA GPU memory.";
        UCS_MEMORY_TYPE_CUDA_MANAGED = 2, since 13, "NVIDIA managed memory.";
        UCS_MEMORY_TYPE_ROCM = 3, since 13, "AMD GPU memory.";
        UCS_MEMORY_TYPE_ROCM_MANAGED = 4, since 13, "AMD managed memory.";
        UCS_MEMORY_TYPE_RDMA = 5, since 16, "Memory on a network device.";
        UCS_MEMORY_TYPE_ZE_HOST = 6, since 17, "Intel Level Zero host memory.";
        UCS_MEMORY_TYPE_ZE_DEVICE = 7, since 17, "Intel Level Zero device memory.";
        UCS_MEMORY_TYPE_ZE_MANAGED = 8, since 17, "Intel Level Zero managed memory.";
        UCS_MEMORY_TYPE_GAUDI = 9, since 21, "Gaudi accelerator memory.";
    }

    /// Members of [`UcpMemhPackParams`].
    UCP_MEMH_PACK_PARAMS_FIELD = "ucp_memh_pack_params_field": u64 {
        UCP_MEMH_PACK_PARAM_FIELD_FLAGS = 1 << 0, since 14, "`flags` is set.";
    }

    /// Flags of `ucp_memh_pack`.
    UCP_MEMH_PACK_FLAGS = "ucp_memh_pack_flags": u64 {
        UCP_MEMH_PACK_FLAG_EXPORT = 1 << 0, since 14, "Pack the handle itself, not a remote key.";
    }

    /// Members of [`UcpDtLocalSgl`].
    UCP_DT_LOCAL_SGL_FIELD = "ucp_dt_local_sgl_field": u64 {
        UCP_DT_LOCAL_SGL_FIELD_BUFFERS = 1 << 0, since 22, "`buffers` is set.";
        UCP_DT_LOCAL_SGL_FIELD_LENGTHS = 1 << 1, since 22, "`lengths` is set.";
        UCP_DT_LOCAL_SGL_FIELD_MEMHS = 1 << 2, since 22, "`memhs` is set.";
        UCP_DT_LOCAL_SGL_FIELD_COUNTS = 1 << 3, since 22, "`counts` is set.";
        UCP_DT_LOCAL_SGL_FIELD_STRIDES = 1 << 4, since 22, "`strides` is set.";
    }

    /// Members of [`UcpDtRemoteSgl`].
    UCP_DT_REMOTE_SGL_FIELD = "ucp_dt_remote_sgl_field": u64 {
        UCP_DT_REMOTE_SGL_FIELD_REMOTE_ADDRS = 1 << 0, since 22, "`remote_addrs` is set.";
        UCP_DT_REMOTE_SGL_FIELD_LENGTHS = 1 << 1, since 22, "`lengths` is set.";
        UCP_DT_REMOTE_SGL_FIELD_RKEYS = 1 << 2, since 22, "`rkeys` is set.";
    }

    /// Classes of datatypes: the low [`UCP_DATATYPE_SHIFT`] bits of a `ucp_datatype_t`; a contiguous one has the size
    /// of an element above them.
    UCP_DT_TYPE = "ucp_dt_type": u64 {
        UCP_DATATYPE_CONTIG = 0, since 13, "Contiguous elements.";
        UCP_DATATYPE_STRIDED = 1, since 13, "Never implemented.";
        UCP_DATATYPE_IOV = 2, since 13, "A list of [`UcpDtIov`].";
        UCP_DATATYPE_SGL = 4, since 22, "A [`UcpDtLocalSgl`] or [`UcpDtRemoteSgl`].";
        UCP_DATATYPE_GENERIC = 7, since 13, "Packed by the client's functions.";
        UCP_DATATYPE_SHIFT = 3, since 13, "Bits of the class.";
        UCP_DATATYPE_CLASS_MASK = 7, since 13, "Mask of the class.";
    }
}

c_structs! {
    /// What to register (`ucp.h:ucp_mem_map_params_t`).
    UcpMemMapParams = "ucp_mem_map_params_t" {
        field_mask: u64, since 13, "Which members are set ([`UCP_MEM_MAP_PARAMS_FIELD`]).";
        address: *mut c_void, since 13, "Start of the range.";
        length: usize, since 13, "Length of the range in bytes.";
        flags: u32, since 13, "[`UCP_MEM_MAP_FLAGS`].";
        prot: u32, since 13, "[`UCP_MEM_MAP_PROT`]; all four if not set.";
        memory_type: u32, since 13, "A hint ([`UCS_MEMORY_TYPE`]).";
        exported_memh_buffer: *const c_void, since 14, "A handle that another process packed.";
    }

    /// What a registration is (`ucp_def.h:ucp_mem_attr_t`).
    UcpMemAttr = "ucp_mem_attr_t" {
        field_mask: u64, since 13, "Which members are wanted ([`UCP_MEM_ATTR_FIELD`]).";
        address: *mut c_void, since 13, "Start of the range.";
        length: usize, since 13, "Length of the range in bytes.";
        mem_type: u32, since 13, "Kind of the memory ([`UCS_MEMORY_TYPE`]).";
    }

    /// How to pack a handle (`ucp.h:ucp_memh_pack_params_t`).
    UcpMemhPackParams = "ucp_memh_pack_params_t" {
        field_mask: u64, since 14, "Which members are set ([`UCP_MEMH_PACK_PARAMS_FIELD`]).";
        flags: u64, since 14, "[`UCP_MEMH_PACK_FLAGS`].";
    }

    /// How to release a packed handle (`ucp.h:ucp_memh_buffer_release_params_t`).
    UcpMemhBufferReleaseParams = "ucp_memh_buffer_release_params_t" {
        field_mask: u64, since 14, "No member is defined yet: zero.";
    }

    /// One piece of a scatter list (`ucp.h:ucp_dt_iov_t`).
    UcpDtIov = "ucp_dt_iov_t" {
        buffer: *mut c_void, since 13, "The piece.";
        length: usize, since 13, "Its length in bytes.";
    }

    /// The local side of a scatter-gather list (`ucp.h:ucp_dt_local_sgl_t`).
    UcpDtLocalSgl = "ucp_dt_local_sgl_t" {
        field_mask: u64, since 22, "Which members are set ([`UCP_DT_LOCAL_SGL_FIELD`]).";
        buffers: *const *mut c_void, since 22, "The pieces.";
        lengths: *const usize, since 22, "Their lengths in bytes.";
        memhs: *const UcpMemH, since 22, "Their registrations.";
        counts: *const usize, since 22, "How often each repeats.";
        strides: *const usize, since 22, "Distances of the repeats in bytes.";
    }

    /// The remote side of a scatter-gather list (`ucp.h:ucp_dt_remote_sgl_t`).
    UcpDtRemoteSgl = "ucp_dt_remote_sgl_t" {
        field_mask: u64, since 22, "Which members are set ([`UCP_DT_REMOTE_SGL_FIELD`]).";
        remote_addrs: *const u64, since 22, "Addresses in the peer.";
        lengths: *const usize, since 22, "Their lengths in bytes.";
        rkeys: *const UcpRkeyH, since 22, "Their remote keys.";
    }
}
