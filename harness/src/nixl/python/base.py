"""NIXL's C API in front of a release that has none, on top of the release's Python module.

Run as `python3 -I -S -c <this text> SPEC` with the harness's library preloaded. That library holds the interpreter of scenarios and
the mock; it asks here for the functions of the C API by name, and calls them as it calls those of a newer release. A function that
is not here, or an argument that the module has no place for, is one that the release does not have.
"""

import ctypes
import importlib.machinery
import importlib.util
import itertools
import sys
import types

SUCCESS, INVALID_PARAM, BACKEND, INVALID_STATE, NO_TELEMETRY, NOT_FOUND = 0, -1, -2, -3, -5, -6
# Not a status of NIXL: the harness reads it as "this release has no such function" (`nixl/capi/status.rs`).
ABSENT = -1000

# What the C API of 1.5.0 and newer makes of NIXL's errors (`nixl_capi_status_from_nixl_status`); all others are BACKEND.
STATUSES = {
    "nixlInvalidParamError": INVALID_PARAM,
    "nixlNotFoundError": NOT_FOUND,
    "nixlNoTelemetryError": NO_TELEMETRY,
}
# The same for functions of the module that return a `nixl_status_t` instead of raising.
RETURNED = {0: SUCCESS, 1: 1, -2: INVALID_PARAM, -4: NOT_FOUND, -12: NO_TELEMETRY}

MEMORY_KINDS = ["DRAM_SEG", "VRAM_SEG", "BLK_SEG", "OBJ_SEG", "FILE_SEG"]

# The module, once it is loaded.
nixl = None
# Whatever the harness holds a handle of.
objects = {}
handles = itertools.count(0x1000, 0x10)
functions = {}

KINDS = {
    "p": ctypes.c_void_p,
    "s": ctypes.c_char_p,
    "i": ctypes.c_int,
    "n": ctypes.c_size_t,
    "q": ctypes.c_uint64,
    "h": ctypes.c_uint16,
    "b": ctypes.c_bool,
}

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]


class Absent(Exception):
    """The release has no such function, or no such argument."""


def c(kinds):
    """Makes a function of the C API: its name without the prefix, and the kinds of its arguments."""

    def wrap(function):
        def call(*arguments):
            try:
                status = function(*arguments)
                return SUCCESS if status is None else status
            except Absent:
                return ABSENT
            except KeyError:
                return INVALID_PARAM
            except Exception as error:
                return STATUSES.get(type(error).__name__, BACKEND)

        signature = ctypes.CFUNCTYPE(ctypes.c_int, *[KINDS[kind] for kind in kinds])
        functions[function.__name__] = signature(call)
        return function

    return wrap


def put(place, kind, value):
    """Writes an answer to where the caller wants it."""
    KINDS[kind].from_address(place).value = value


def keep(value):
    """A new handle for an object."""
    handle = next(handles)
    objects[handle] = value
    return handle


def give_bytes(data, data_place, len_place):
    """A `malloc`ed copy, which the caller frees."""
    block = libc.malloc(max(len(data), 1))
    ctypes.memmove(block, data, len(data))
    put(data_place, "p", block)
    put(len_place, "n", len(data))


def returned(status):
    return RETURNED.get(int(status), BACKEND)


def ends(name):
    """A function that ends an object and does no more."""

    def end(handle):
        del objects[handle]

    end.__name__ = name
    c("p")(end)


for name in (
    "destroy_agent destroy_backend destroy_opt_args destroy_params params_destroy_iterator destroy_mem_list destroy_string_list "
    "destroy_xfer_dlist destroy_reg_dlist destroy_notif_map destroy_query_resp_list"
).split():
    ends(name)
