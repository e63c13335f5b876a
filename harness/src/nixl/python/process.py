# The process


def stand_in_for_numpy():
    """`makeXferReq` asks whether its indices are a NumPy array. They never are, so NumPy itself is not needed: its API is a table
    of pointers of which pybind11 looks at the type of arrays (2) and at a version (211)."""

    class Array:
        pass

    version = ctypes.CFUNCTYPE(ctypes.c_uint)(lambda: 0x12)
    table = (ctypes.c_void_p * 512)()
    table[2] = id(Array)
    table[211] = ctypes.cast(version, ctypes.c_void_p).value
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    multiarray = types.ModuleType("numpy.core.multiarray")
    multiarray._ARRAY_API = capsule(ctypes.addressof(table), None, None)
    multiarray.kept = Array, version, table
    numpy, core, lib = (types.ModuleType(name) for name in ("numpy", "numpy.core", "numpy.lib"))
    numpy.__version__ = "1.26.0"
    lib.NumpyVersion = lambda _text: types.SimpleNamespace(major=1)
    for module in (numpy, core, lib, multiarray):
        sys.modules[module.__name__] = module


def load(folder):
    """Loads the extension module alone: the package around it wants Torch."""
    global nixl
    path = folder.decode() + "/_bindings" + importlib.machinery.EXTENSION_SUFFIXES[0]
    try:
        stand_in_for_numpy()
        loader = importlib.machinery.ExtensionFileLoader("_bindings", path)
        nixl = importlib.util.module_from_spec(importlib.util.spec_from_loader("_bindings", loader))
        loader.exec_module(nixl)
        return 0
    except Exception as error:
        print(f"mock-ucx: {path} cannot be loaded: {error}", file=sys.stderr)
        return 1


def find(name):
    function = functions.get(name.decode().removeprefix("nixl_capi_"))
    return ctypes.cast(function, ctypes.c_void_p).value if function else None


def main():
    loading = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p)(load)
    finding = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p)(find)
    return libc.mock_ucx_serve(sys.argv[1].encode(), loading, finding)


sys.exit(main())
