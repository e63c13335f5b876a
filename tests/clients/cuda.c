/* CUDA's driver on a machine without a device: what NIXL's UCX plugin calls up to 0.9.0. */
enum { NO_DEVICE = 100 };
#define WITHOUT_DEVICE(name) int name(void) { return NO_DEVICE; }
WITHOUT_DEVICE(cuCtxGetCurrent)
WITHOUT_DEVICE(cuCtxPopCurrent_v2)
WITHOUT_DEVICE(cuCtxPushCurrent_v2)
WITHOUT_DEVICE(cuCtxSetCurrent)
WITHOUT_DEVICE(cuDeviceGet)
WITHOUT_DEVICE(cuDevicePrimaryCtxRelease_v2)
WITHOUT_DEVICE(cuDevicePrimaryCtxRetain)
WITHOUT_DEVICE(cuPointerGetAttributes)
