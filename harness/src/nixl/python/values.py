# Optional arguments


class OptArgs:
    def __init__(self):
        self.backends, self.notif, self.has_notif, self.skip_merge, self.ip, self.port = [], b"", False, False, b"", 0


@c("p")
def create_opt_args(place):
    put(place, "p", keep(OptArgs()))


@c("pp")
def opt_args_add_backend(args, backend):
    objects[args].backends.append(objects[backend])


@c("ppn")
def opt_args_set_notif_msg(args, data, length):
    objects[args].notif = ctypes.string_at(data, length) if length else b""


@c("ppp")
def opt_args_get_notif_msg(args, data_place, len_place):
    give_bytes(objects[args].notif, data_place, len_place)


@c("pb")
def opt_args_set_has_notif(args, has):
    objects[args].has_notif = has


@c("pp")
def opt_args_get_has_notif(args, place):
    put(place, "b", objects[args].has_notif)


@c("pb")
def opt_args_set_skip_desc_merge(args, skip):
    objects[args].skip_merge = skip


@c("pp")
def opt_args_get_skip_desc_merge(args, place):
    put(place, "b", objects[args].skip_merge)


@c("ps")
def opt_args_set_ip_addr(args, ip):
    objects[args].ip = ip


@c("ph")
def opt_args_set_port(args, port):
    objects[args].port = port


def optional(args):
    return objects[args] if args else OptArgs()


def notification(args):
    """The module takes an empty message for none."""
    if args.has_notif and not args.notif:
        raise Absent
    return args.notif if args.has_notif else b""


# Parameters and lists of names and kinds


@c("p")
def create_params(place):
    put(place, "p", keep({}))


@c("pss")
def params_add(params, key, value):
    objects[params][key.decode()] = value.decode()


@c("pp")
def params_is_empty(params, place):
    put(place, "b", not objects[params])


@c("pp")
def params_create_iterator(params, place):
    pairs = [tuple(map(ctypes.create_string_buffer, map(encoded, pair))) for pair in objects[params].items()]
    put(place, "p", keep([0, pairs]))


@c("pppp")
def params_iterator_next(iterator, key_place, value_place, more_place):
    iterator = objects[iterator]
    at, pairs = iterator
    if at < len(pairs):
        key, value = pairs[at]
        put(key_place, "p", ctypes.addressof(key))
        put(value_place, "p", ctypes.addressof(value))
        iterator[0] += 1
    put(more_place, "b", iterator[0] < len(pairs))


@c("pp")
def mem_list_is_empty(mems, place):
    put(place, "b", not objects[mems])


@c("pp")
def mem_list_size(mems, place):
    put(place, "n", len(objects[mems]))


@c("pnp")
def mem_list_get(mems, index, place):
    put(place, "i", objects[mems][index])


def encoded(text):
    return text if isinstance(text, bytes) else text.encode()


def strings(texts):
    return [ctypes.create_string_buffer(encoded(text)) for text in texts]


KIND_NAMES = strings(MEMORY_KINDS)


@c("ip")
def mem_type_to_string(kind, place):
    put(place, "p", ctypes.addressof(KIND_NAMES[kind]))


@c("pp")
def string_list_size(texts, place):
    put(place, "n", len(objects[texts]))


@c("pnp")
def string_list_get(texts, index, place):
    put(place, "p", ctypes.addressof(objects[texts][index]))


# Descriptor lists


def list_functions(prefix, make):
    """The functions that both kinds of lists have. The module's lists can be neither trimmed nor resized."""

    def create(kind, place):
        put(place, "p", keep(make(nixl.nixl_mem_t(kind))))

    def get_type(descs, place):
        put(place, "i", int(objects[descs].getType()))

    def desc_count(descs, place):
        put(place, "n", objects[descs].descCount())

    def is_empty(descs, place):
        put(place, "b", objects[descs].isEmpty())

    def rem_desc(descs, index):
        objects[descs].remDesc(index)

    def clear(descs):
        objects[descs].clear()

    def show(descs):
        objects[descs].print()

    for name, kinds, function in [
        (f"create_{prefix}", "ip", create),
        (f"{prefix}_get_type", "pp", get_type),
        (f"{prefix}_desc_count", "pp", desc_count),
        (f"{prefix}_len", "pp", desc_count),
        (f"{prefix}_is_empty", "pp", is_empty),
        (f"{prefix}_rem_desc", "pi", rem_desc),
        (f"{prefix}_clear", "p", clear),
        (f"{prefix}_print", "p", show),
    ]:
        function.__name__ = name
        c(kinds)(function)


list_functions("xfer_dlist", lambda kind: nixl.nixlXferDList(kind, 0))
list_functions("reg_dlist", lambda kind: nixl.nixlRegDList(kind, 0))


@c("pnnq")
def xfer_dlist_add_desc(descs, address, length, device):
    objects[descs].addDesc((address, length, device))


@c("pnnqpn")
def reg_dlist_add_desc(descs, address, length, device, data, data_length):
    data = ctypes.string_at(data, data_length) if data_length else b""
    objects[descs].addDesc((address, length, device, data))
