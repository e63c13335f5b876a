# Agents


class AgentConfig(ctypes.Structure):
    _fields_ = [
        ("prog_thread", ctypes.c_bool),
        ("listen_thread", ctypes.c_bool),
        ("listen_port", ctypes.c_int),
        ("sync", ctypes.c_int),
        ("workers", ctypes.c_uint32),
        ("prog_delay", ctypes.c_uint64),
        ("listen_delay", ctypes.c_uint64),
        ("telemetry", ctypes.c_bool),
    ]


@c("sp")
def create_agent(name, place):
    put(place, "p", keep(nixl.nixlAgent(name, nixl.nixlAgentConfig(True))))


@c("spp")
def create_configured_agent(name, config, place):
    config = AgentConfig.from_address(config)
    sync = nixl.nixl_thread_sync_t(config.sync)
    settings = nixl.nixlAgentConfig(
        config.prog_thread,
        config.listen_thread,
        config.listen_port,
        sync,
        config.workers,
        config.prog_delay,
        config.listen_delay,
        config.telemetry,
    )
    put(place, "p", keep(nixl.nixlAgent(name, settings)))


@c("pp")
def get_available_plugins(agent, place):
    put(place, "p", keep(strings(objects[agent].getAvailPlugins())))


@c("pspp")
def get_plugin_params(agent, plugin, mems_place, params_place):
    params, mems = objects[agent].getPluginParams(plugin)
    give_params(params, mems, mems_place, params_place)


@c("pppp")
def get_backend_params(agent, backend, mems_place, params_place):
    params, mems = objects[agent].getBackendParams(objects[backend])
    give_params(params, mems, mems_place, params_place)


def give_params(params, mems, mems_place, params_place):
    put(mems_place, "p", keep([MEMORY_KINDS.index(mem) for mem in mems]))
    put(params_place, "p", keep(dict(params)))


@c("pspp")
def create_backend(agent, plugin, params, place):
    put(place, "p", keep(objects[agent].createBackend(plugin, objects[params])))


# Memory


@c("ppp")
def register_mem(agent, descs, args):
    objects[agent].registerMem(objects[descs], optional(args).backends)


@c("ppp")
def deregister_mem(agent, descs, args):
    objects[agent].deregisterMem(objects[descs], optional(args).backends)


@c("p")
def create_query_resp_list(place):
    put(place, "p", keep([]))


@c("pp")
def query_resp_list_size(answers, place):
    put(place, "n", len(objects[answers]))


@c("pnp")
def query_resp_list_has_value(answers, index, place):
    put(place, "b", objects[answers][index] is not None)


@c("pnp")
def query_resp_list_get_params(answers, index, place):
    put(place, "p", keep(dict(objects[answers][index])))


@c("pppp")
def query_mem(agent, descs, answers, args):
    backends = optional(args).backends
    if len(backends) != 1:
        raise Absent
    objects[answers][:] = objects[agent].queryMem(objects[descs], backends[0])


# Metadata


@c("ppp")
def get_local_md(agent, data_place, len_place):
    give_bytes(objects[agent].getLocalMD(), data_place, len_place)


@c("ppppp")
def get_local_partial_md(agent, descs, data_place, len_place, args):
    data = objects[agent].getLocalPartialMD(objects[descs], False, optional(args).backends)
    give_bytes(data, data_place, len_place)


@c("ppnp")
def load_remote_md(agent, data, length, place):
    if not data or not length:
        return INVALID_PARAM
    name = objects[agent].loadRemoteMD(ctypes.string_at(data, length)) + b"\0"
    block = libc.malloc(len(name))
    ctypes.memmove(block, name, len(name))
    put(place, "p", block)


@c("ps")
def invalidate_remote_md(agent, remote):
    return returned(objects[agent].invalidateRemoteMD(remote))


@c("psp")
def check_remote_md(agent, remote, descs):
    descs = objects[descs] if descs else nixl.nixlXferDList(nixl.nixl_mem_t(0), 0)
    return returned(objects[agent].checkRemoteMD(remote, descs))


@c("pp")
def send_local_md(agent, args):
    args = optional(args)
    objects[agent].sendLocalMD(args.ip, args.port)


@c("ppp")
def send_local_partial_md(agent, descs, args):
    args = optional(args)
    objects[agent].sendLocalPartialMD(objects[descs], False, args.backends, args.ip, args.port)


@c("psp")
def fetch_remote_md(agent, remote, args):
    args = optional(args)
    objects[agent].fetchRemoteMD(remote, args.ip, args.port)


@c("pp")
def invalidate_local_md(agent, args):
    args = optional(args)
    objects[agent].invalidateLocalMD(args.ip, args.port)


@c("psp")
def agent_make_connection(agent, remote, args):
    objects[agent].makeConnection(remote, optional(args).backends)


# Transfers


class Request:
    """A transfer: its end has two steps, as in the C API."""

    def __init__(self, handle):
        self.handle, self.released = handle, False


@c("psppp")
def prep_xfer_dlist(agent, owner, descs, place, args):
    handle = objects[agent].prepXferDlist(owner, objects[descs], optional(args).backends)
    put(place, "p", keep(handle))


@c("pp")
def release_xfer_dlist_handle(agent, handle):
    owner, handle = objects[agent], objects.pop(handle)
    owner.releasedDlistH(handle)


def indices(place, count):
    return list((ctypes.c_int * count).from_address(place)) if count else []


@c("pippnppnpp")
def make_xfer_req(agent, operation, local, local_indices, local_count, remote, remote_indices, remote_count, place, args):
    args = optional(args)
    handle = objects[agent].makeXferReq(
        nixl.nixl_xfer_op_t(operation),
        objects[local],
        indices(local_indices, local_count),
        objects[remote],
        indices(remote_indices, remote_count),
        notification(args),
        args.backends,
        args.skip_merge,
    )
    put(place, "p", keep(Request(handle)))


@c("pippspp")
def create_xfer_req(agent, operation, local, remote, peer, place, args):
    args = optional(args)
    if args.skip_merge:
        raise Absent
    handle = objects[agent].createXferReq(
        nixl.nixl_xfer_op_t(operation), objects[local], objects[remote], peer, notification(args), args.backends
    )
    put(place, "p", keep(Request(handle)))


@c("ppp")
def post_xfer_req(agent, request, args):
    return returned(objects[agent].postXferReq(objects[request].handle, notification(optional(args))))


@c("pp")
def get_xfer_status(agent, request):
    return returned(objects[agent].getXferStatus(objects[request].handle))


@c("pppppp")
def estimate_xfer_cost(agent, request, _args, duration_place, margin_place, method_place):
    duration, margin, method = objects[agent].estimateXferCost(objects[request].handle)
    put(duration_place, "q", duration)
    put(margin_place, "q", margin)
    put(method_place, "i", method)


@c("ppp")
def query_xfer_backend(agent, request, place):
    put(place, "p", keep(objects[agent].queryXferBackend(objects[request].handle)))


@c("ppp")
def get_xfer_telemetry(agent, request, place):
    measured = objects[agent].getXferTelemetry(objects[request].handle)
    values = measured.startTime, measured.postDuration, measured.xferDuration, measured.totalBytes, measured.descCount
    (ctypes.c_uint64 * 5).from_address(place)[:] = values


@c("pp")
def release_xfer_req(agent, request):
    owner, request = objects[agent], objects[request]
    if request.released:
        return INVALID_PARAM
    owner.releaseXferReq(request.handle)
    request.released = True


@c("p")
def destroy_xfer_req(request):
    if not objects[request].released:
        return INVALID_STATE
    del objects[request]


# Notifications


class Notifications:
    def __init__(self):
        self.by_sender, self.lent = {}, []

    def lend(self, data):
        """A pointer to bytes that lives until the map is cleared."""
        self.lent.append(ctypes.create_string_buffer(data, len(data) + 1))
        return ctypes.addressof(self.lent[-1])


@c("p")
def create_notif_map(place):
    put(place, "p", keep(Notifications()))


@c("ppp")
def get_notifs(agent, notifications, args):
    arrived = objects[agent].getNotifs({}, optional(args).backends)
    for sender, messages in arrived.items():
        objects[notifications].by_sender.setdefault(encoded(sender), []).extend(messages)


@c("pp")
def notif_map_size(notifications, place):
    put(place, "n", len(objects[notifications].by_sender))


@c("pnp")
def notif_map_get_agent_at(notifications, index, place):
    notifications = objects[notifications]
    put(place, "p", notifications.lend(list(notifications.by_sender)[index]))


@c("psp")
def notif_map_get_notifs_size(notifications, sender, place):
    put(place, "n", len(objects[notifications].by_sender[sender]))


@c("psnpp")
def notif_map_get_notif(notifications, sender, index, data_place, len_place):
    notifications = objects[notifications]
    message = notifications.by_sender[sender][index]
    put(data_place, "p", notifications.lend(message))
    put(len_place, "n", len(message))


@c("p")
def notif_map_clear(notifications):
    notifications = objects[notifications]
    notifications.by_sender, notifications.lent = {}, []


@c("pspnp")
def gen_notif(agent, remote, data, length, args):
    message = ctypes.string_at(data, length) if length else b""
    objects[agent].genNotif(remote, message, optional(args).backends)


functions["is_stub"] = ctypes.CFUNCTYPE(ctypes.c_bool)(lambda: False)
