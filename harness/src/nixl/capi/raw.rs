//! The C API's own types: opaque handles and the two structs that cross the boundary.

use std::ffi::c_int;

macro_rules! opaque {
    ($( $name:ident => $c:literal; )*) => {
        $(
            #[doc = concat!("`struct ", $c, "`, known to NIXL only.")]
            #[repr(C)]
            pub struct $name {
                _private: [u8; 0],
            }
        )*
    };
}

opaque! {
    RawAgent => "nixl_capi_agent_s";
    RawParams => "nixl_capi_params_s";
    RawMemList => "nixl_capi_mem_list_s";
    RawStringList => "nixl_capi_string_list_s";
    RawBackend => "nixl_capi_backend_s";
    RawOptArgs => "nixl_capi_opt_args_s";
    RawParamIter => "nixl_capi_param_iter_s";
    RawXferDlist => "nixl_capi_xfer_dlist_s";
    RawXferDlistHandle => "nixl_capi_xfer_dlist_handle_s";
    RawRegDlist => "nixl_capi_reg_dlist_s";
    RawXferReq => "nixl_capi_xfer_req_s";
    RawNotifMap => "nixl_capi_notif_map_s";
    RawQueryRespList => "nixl_capi_query_resp_list_s";
    RawRemoteDlist => "nixl_capi_remote_dlist_s";
    RawMemView => "nixl_capi_mem_view_s";
}

/// `nixl_capi_agent_config_t`, the same in every release that has the C API.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RawAgentConfig {
    pub(super) enable_prog_thread: bool,
    pub(super) enable_listen_thread: bool,
    pub(super) listen_port: c_int,
    pub(super) thread_sync: c_int,
    pub(super) num_workers: u32,
    pub(super) pthr_delay_us: u64,
    pub(super) lthr_delay_us: u64,
    pub(super) capture_telemetry: bool,
}

/// `nixl_capi_xfer_telemetry_s`: what NIXL measured of one transfer.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Telemetry {
    /// Start of the transfer, microseconds of the steady clock.
    pub start_time_us: u64,
    /// Duration of the post call.
    pub post_duration_us: u64,
    /// Duration of the transfer.
    pub xfer_duration_us: u64,
    /// Bytes transferred.
    pub total_bytes: u64,
    /// Number of descriptors.
    pub desc_count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn the_agent_config_is_laid_out_as_in_the_header() {
        let offsets = [
            offset_of!(RawAgentConfig, enable_prog_thread),
            offset_of!(RawAgentConfig, enable_listen_thread),
            offset_of!(RawAgentConfig, listen_port),
            offset_of!(RawAgentConfig, thread_sync),
            offset_of!(RawAgentConfig, num_workers),
            offset_of!(RawAgentConfig, pthr_delay_us),
            offset_of!(RawAgentConfig, lthr_delay_us),
            offset_of!(RawAgentConfig, capture_telemetry),
        ];
        assert_eq!(offsets, [0, 1, 4, 8, 12, 16, 24, 32]);
        assert_eq!(size_of::<RawAgentConfig>(), 40);
        assert_eq!(size_of::<Telemetry>(), 40);
    }
}
