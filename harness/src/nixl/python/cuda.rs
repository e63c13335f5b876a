//! The functions of CUDA's driver that NIXL's UCX plugin calls up to 0.9.0, on a machine without a device: each answers so, whatever
//! this machine has. Only a process of Python that has the harness's library preloaded binds to them.

use std::ffi::{c_int, c_void};

/// The SONAME of the library that they stand in for.
pub const SONAME: &str = "libcuda.so.1";

/// `CUDA_ERROR_NO_DEVICE`
const NO_DEVICE: c_int = 100;

macro_rules! without_device {
    ($( $name:ident($($arg:ident: $ty:ty),*); )*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`: there is no device.")]
            #[unsafe(no_mangle)]
            #[allow(non_snake_case, reason = "CUDA's name")]
            pub extern "C" fn $name($($arg: $ty),*) -> c_int {
                NO_DEVICE
            }
        )*
    };
}

without_device! {
    cuCtxGetCurrent(_context: *mut c_void);
    cuCtxPopCurrent_v2(_context: *mut c_void);
    cuCtxPushCurrent_v2(_context: *mut c_void);
    cuCtxSetCurrent(_context: *mut c_void);
    cuDeviceGet(_device: *mut c_int, _ordinal: c_int);
    cuDevicePrimaryCtxRelease_v2(_device: c_int);
    cuDevicePrimaryCtxRetain(_context: *mut c_void, _device: c_int);
    cuPointerGetAttributes(_count: u32, _attributes: *mut c_int, _data: *mut *mut c_void, _pointer: u64);
}
