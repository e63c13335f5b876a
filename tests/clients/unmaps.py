"""One registration with NIXL, and then memory that comes and goes, as an allocator does it: mmap and munmap of 64 KiB again and again.

Arguments: the folder of an unpacked wheel, the pattern of addresses (`reused`, `adjacent`, `scattered`: 128 KiB from one to the next, or
`random`), how many rounds.
A release without a C API is driven by its Python module; then a libcuda.so.1 must be found, which may be a stub.
"""

import ctypes
import importlib.machinery
import importlib.util
import os
import random
import sys
import time

BYTES = 64 << 10
STRIDE = 128 << 10
# Addresses that scattered mappings go round in.
SPAN = 64 << 30
READ_WRITE, PRIVATE_ANONYMOUS, FIXED, NORESERVE = 3, 0x22, 0x10, 0x4000
DRAM = 0

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def map_memory(at=None, flags=0, size=BYTES, protection=READ_WRITE):
    address = libc.mmap(at, size, protection, PRIVATE_ANONYMOUS | flags, -1, 0)
    if address == ctypes.c_void_p(-1).value:
        sys.exit("no memory")
    return address


def register_by_c_api(libraries, address):
    nixl = ctypes.CDLL(libraries + "/libnixl_capi.so")

    def call(name, *arguments):
        status = getattr(nixl, "nixl_capi_" + name)(*arguments)
        if status != 0:
            sys.exit(f"{name} answered {status}")

    agent, memories, params, backend, descs = (ctypes.c_void_p() for _ in range(5))
    call("create_agent", b"alone", ctypes.byref(agent))
    call("get_plugin_params", agent, b"UCX", ctypes.byref(memories), ctypes.byref(params))
    call("create_backend", agent, b"UCX", params, ctypes.byref(backend))
    call("create_reg_dlist", DRAM, ctypes.byref(descs))
    call("reg_dlist_add_desc", descs, ctypes.c_size_t(address), ctypes.c_size_t(BYTES), ctypes.c_uint64(0), None, ctypes.c_size_t(0))
    args = ctypes.c_void_p()
    call("create_opt_args", ctypes.byref(args))
    call("opt_args_add_backend", args, backend)
    call("register_mem", agent, descs, args)
    return nixl, agent


def register_by_module(module, address):
    path = module + "/_bindings" + importlib.machinery.EXTENSION_SUFFIXES[0]
    loader = importlib.machinery.ExtensionFileLoader("_bindings", path)
    nixl = importlib.util.module_from_spec(importlib.util.spec_from_loader("_bindings", loader))
    loader.exec_module(nixl)
    agent = nixl.nixlAgent("alone", nixl.nixlAgentConfig(False))
    backend = agent.createBackend("UCX", agent.getPluginParams("UCX")[0])
    descs = nixl.nixlRegDList(nixl.nixl_mem_t(DRAM), 0)
    descs.addDesc((address, BYTES, 0, b""))
    agent.registerMem(descs, [backend])
    return nixl, agent


def main():
    folder, pattern, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    libraries = folder + "/.nixl_cu12.mesonpy.libs"
    os.environ.setdefault("NIXL_PLUGIN_DIR", libraries + "/plugins")
    registered = map_memory()
    register = (lambda: register_by_c_api(libraries, registered)) if os.path.exists(libraries + "/libnixl_capi.so") else (
        lambda: register_by_module(folder + "/nixl_cu12", registered)
    )
    kept = register()
    place = None if pattern == "reused" else map_memory(None, NORESERVE, SPAN, 0)
    stride = BYTES if pattern == "adjacent" else STRIDE
    drawn = random.Random(1)
    begun = time.monotonic()
    for number in range(rounds):
        if place is None:
            address = map_memory()
        else:
            slot = drawn.randrange(SPAN // stride) if pattern == "random" else number
            address = map_memory(place + slot * stride % SPAN, FIXED)
        libc.munmap(address, BYTES)
    print(f"{rounds} rounds in {time.monotonic() - begun:.1f} s", flush=True)
    # What the libraries do at exit is not of interest, and the real UCX crashes there (libnl-route).
    os._exit(0 if kept else 1)


main()
