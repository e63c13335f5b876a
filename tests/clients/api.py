"""Drives UCX and the C control API through ctypes; exits with what is not as it should be."""
import ctypes
import sys

library = ctypes.CDLL(None)
library.mock_ucx_message.restype = ctypes.c_char_p
library.mock_ucx_version.restype = ctypes.c_char_p
library.mock_ucx_expect_nothing_lost.argtypes = [ctypes.c_uint64]
library.ucp_config_release.argtypes = [ctypes.c_void_p]
OK, ERROR_FAULTS, ERROR_LOST, NO_MEMORY = 0, -5, -7, -4


def expect(answer, expected, words=""):
    message = library.mock_ucx_message().decode()
    if answer != expected or words not in message or (words == "") != (message == ""):
        sys.exit(f"answer {answer}, {message!r}; expected {expected}, {words!r}")


def read_config():
    config = ctypes.c_void_p()
    status = ctypes.c_int8(library.ucp_config_read(None, None, ctypes.byref(config))).value
    return status, config


expect(library.mock_ucx_faults(b"ucp_config_red=NO_MEMORY"), ERROR_FAULTS, "did you mean `ucp_config_read`?")
expect(library.mock_ucx_faults(b"ucp_config_read@2=NO_MEMORY"), OK)
mark = ctypes.c_uint64()
expect(library.mock_ucx_mark(ctypes.byref(mark)), OK)
first, config = read_config()
second, _ = read_config()
if (first, second) != (OK, NO_MEMORY):
    sys.exit(f"statuses {first}, {second}")
times = ctypes.c_uint64()
expect(library.mock_ucx_fired(1, ctypes.byref(times)), OK)
if times.value != 1:
    sys.exit(f"the fault happened {times.value} times")
expect(library.mock_ucx_expect_nothing_lost(mark), ERROR_LOST, "config#1 of ucp_config_read")
library.ucp_config_release(config)
expect(library.mock_ucx_expect_nothing_lost(mark), OK)
expect(library.mock_ucx_reset(), OK)
print("version", library.mock_ucx_version().decode())
