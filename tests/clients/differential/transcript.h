/* What a client of the differential arm says on its standard output: what UCX answers, in words that are the same in every run. No address,
 * no time, and no number that depends on how fast the machine is. Everything a client opens is known here, so that waiting progresses all of it. */
#ifndef TRANSCRIPT_H
#define TRANSCRIPT_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <ucp/api/ucp.h>

/* A wait that takes longer has failed: nothing here takes a second on an idle machine. */
#define PATIENCE_S 20
#define WORKERS_MAX 8

/* What most contexts here are wanted for. */
#define PAIR_FEATURES (UCP_FEATURE_RMA | UCP_FEATURE_AM)

static ucp_worker_h workers[WORKERS_MAX];

/* A client that hangs inside UCX ends too, by SIGALRM. */
__attribute__((constructor)) static void limit_time(void)
{
    alarm(6 * PATIENCE_S);
}

/* One line, at once: a client that dies has said what came before. */
static inline void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static inline const char *status_name(ucs_status_t status)
{
#define NAMED(name)                                                                                                    \
    case UCS_##name:                                                                                                   \
        return #name
    switch (status) {
        NAMED(OK);
        NAMED(INPROGRESS);
        NAMED(ERR_NO_MESSAGE);
        NAMED(ERR_NO_RESOURCE);
        NAMED(ERR_IO_ERROR);
        NAMED(ERR_NO_MEMORY);
        NAMED(ERR_INVALID_PARAM);
        NAMED(ERR_UNREACHABLE);
        NAMED(ERR_INVALID_ADDR);
        NAMED(ERR_NOT_IMPLEMENTED);
        NAMED(ERR_MESSAGE_TRUNCATED);
        NAMED(ERR_NO_DEVICE);
        NAMED(ERR_BUSY);
        NAMED(ERR_CANCELED);
        NAMED(ERR_TIMED_OUT);
        NAMED(ERR_EXCEEDS_LIMIT);
        NAMED(ERR_UNSUPPORTED);
        NAMED(ERR_REJECTED);
        NAMED(ERR_NOT_CONNECTED);
        NAMED(ERR_CONNECTION_RESET);
        NAMED(ERR_ENDPOINT_TIMEOUT);
    default:
        return "another status";
    }
#undef NAMED
}

/* Which of the three forms a status pointer has. */
static inline const char *form(ucs_status_ptr_t pointer)
{
    if (pointer == NULL) {
        return "NULL";
    }
    return UCS_PTR_IS_ERR(pointer) ? status_name(UCS_PTR_STATUS(pointer)) : "REQUEST";
}

/* Stops a client that cannot go on. */
static inline void must(const char *what, ucs_status_t status)
{
    if (status != UCS_OK) {
        say("cannot go on: %s answered %s", what, status_name(status));
        exit(1);
    }
}

static inline void progress(void)
{
    for (int index = 0; index < WORKERS_MAX; index++) {
        if (workers[index] != NULL) {
            ucp_worker_progress(workers[index]);
        }
    }
}

/* More than anything that can still happen by itself needs. */
static inline void settle(void)
{
    for (int round = 0; round < 2000; round++) {
        progress();
    }
}

static inline int too_late(time_t begun)
{
    return time(NULL) - begun > PATIENCE_S;
}

/* Progresses until a flag is set; says so if it never is. */
static inline void wait_until(const char *what, const volatile int *flag)
{
    time_t begun = time(NULL);

    while (!*flag && !too_late(begun)) {
        progress();
    }
    if (!*flag) {
        say("%s: never", what);
    }
}

/* The final status of what a call returned, driven to its end. The request is not given back. */
static inline ucs_status_t final_status(ucs_status_ptr_t pointer)
{
    time_t begun        = time(NULL);
    ucs_status_t status = UCS_INPROGRESS;

    if (!UCS_PTR_IS_PTR(pointer)) {
        return UCS_PTR_STATUS(pointer);
    }
    while ((status = ucp_request_check_status(pointer)) == UCS_INPROGRESS && !too_late(begun)) {
        progress();
    }
    return status;
}

static inline ucs_status_t complete(ucs_status_ptr_t pointer)
{
    ucs_status_t status = final_status(pointer);

    if (UCS_PTR_IS_PTR(pointer)) {
        ucp_request_free(pointer);
    }
    return status;
}

/* Says the form of what a call returned and how it ended. */
static inline void outcome(const char *what, ucs_status_ptr_t pointer)
{
    const char *returned = form(pointer);

    say("%s: %s, ends with %s", what, returned, status_name(complete(pointer)));
}

/* Says how it ended only: for operations that UCX may complete inside their call or later, as it likes. */
static inline void ending(const char *what, ucs_status_ptr_t pointer)
{
    say("%s: ends with %s", what, status_name(complete(pointer)));
}

static inline ucp_context_h make_context(uint64_t features)
{
    ucp_params_t params   = {.field_mask = UCP_PARAM_FIELD_FEATURES, .features = features};
    ucp_context_h context = NULL;

    must("ucp_init", ucp_init(&params, NULL, &context));
    return context;
}

/* A context that uses TCP only, where the end of a peer shows by itself. */
static inline ucp_context_h tcp_context(void)
{
    ucp_params_t params   = {.field_mask = UCP_PARAM_FIELD_FEATURES, .features = PAIR_FEATURES};
    ucp_config_t *config  = NULL;
    ucp_context_h context = NULL;

    must("ucp_config_read", ucp_config_read(NULL, NULL, &config));
    must("ucp_config_modify", ucp_config_modify(config, "TLS", "tcp"));
    must("ucp_init", ucp_init(&params, config, &context));
    ucp_config_release(config);
    return context;
}

/* The id of messages that a worker takes and forgets. */
#define IGNORED 60000

static inline ucs_status_t ignore(void *argument, const void *header, size_t header_length, void *data, size_t length,
                                  const ucp_am_recv_param_t *param)
{
    (void)argument;
    (void)header;
    (void)header_length;
    (void)data;
    (void)length;
    (void)param;
    return UCS_OK;
}

/* Progresses the worker from now on, and lets it take messages that are to be ignored. */
static inline void know(ucp_worker_h worker)
{
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB,
                                      .id = IGNORED, .cb = ignore};

    must("a handler", ucp_worker_set_am_recv_handler(worker, &handler));
    for (int index = 0; index < WORKERS_MAX; index++) {
        if (workers[index] == NULL) {
            workers[index] = worker;
            return;
        }
    }
    must("room for a worker", UCS_ERR_EXCEEDS_LIMIT);
}

static inline ucp_worker_h make_worker(ucp_context_h context)
{
    ucp_worker_params_t params = {.field_mask = 0};
    ucp_worker_h worker        = NULL;

    must("ucp_worker_create", ucp_worker_create(context, &params, &worker));
    know(worker);
    return worker;
}

static inline void destroy_worker(ucp_worker_h worker)
{
    for (int index = 0; index < WORKERS_MAX; index++) {
        if (workers[index] == worker) {
            workers[index] = NULL;
        }
    }
    ucp_worker_destroy(worker);
}

static inline void on_endpoint_error(void *argument, ucp_ep_h ep, ucs_status_t status)
{
    (void)ep;
    say("  error handler of %s: %s", (const char *)argument, status_name(status));
}

/* An endpoint from one worker to another. With a name it has error handling, and its handler says that name. */
static inline ucp_ep_h make_endpoint(ucp_worker_h from, ucp_worker_h to, const char *name)
{
    ucp_worker_attr_t attr = {.field_mask = UCP_WORKER_ATTR_FIELD_ADDRESS};
    ucp_ep_params_t params = {.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS};
    ucp_ep_h ep            = NULL;

    must("ucp_worker_query", ucp_worker_query(to, &attr));
    params.address = attr.address;
    if (name != NULL) {
        params.field_mask |= UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE | UCP_EP_PARAM_FIELD_ERR_HANDLER;
        params.err_mode        = UCP_ERR_HANDLING_MODE_PEER;
        params.err_handler.cb  = on_endpoint_error;
        params.err_handler.arg = (void *)name;
    }
    must("ucp_ep_create", ucp_ep_create(from, &params, &ep));
    ucp_worker_release_address(to, attr.address);
    return ep;
}

/* Lets the first exchange of an endpoint pass, so that what follows is answered as on any connected endpoint: UCX first has to learn the far
 * side's id, for which a message that nobody looks at is enough. */
static inline void connect_endpoint(ucp_ep_h ep)
{
    ucp_request_param_t plain  = {.op_attr_mask = 0};
    ucp_request_param_t common = {.op_attr_mask = UCP_OP_ATTR_FLAG_NO_IMM_CMPL};

    must("the first message", complete(ucp_am_send_nbx(ep, IGNORED, NULL, 0, NULL, 0, &common)));
    must("the first flush", complete(ucp_ep_flush_nbx(ep, &plain)));
    settle();
}

static inline void close_endpoint(ucp_ep_h ep)
{
    ucp_request_param_t param = {.op_attr_mask = 0};

    complete(ucp_ep_close_nbx(ep, &param));
}

static inline ucp_mem_h map_memory(ucp_context_h context, void *address, size_t length)
{
    ucp_mem_map_params_t params = {
        .field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH, .address = address, .length = length};
    ucp_mem_h memh = NULL;

    must("ucp_mem_map", ucp_mem_map(context, &params, &memh));
    return memh;
}

static inline ucp_rkey_h make_rkey(ucp_ep_h ep, ucp_context_h owner, ucp_mem_h memh)
{
    void *blob      = NULL;
    size_t length   = 0;
    ucp_rkey_h rkey = NULL;

    must("ucp_rkey_pack", ucp_rkey_pack(owner, memh, &blob, &length));
    must("ucp_ep_rkey_unpack", ucp_ep_rkey_unpack(ep, blob, &rkey));
    ucp_rkey_buffer_release(blob);
    return rkey;
}

#define FAR_BYTES ((size_t)1 << 20)

/* Two workers of a context each, an endpoint from the first to the second, and FAR_BYTES of the second that the first can reach. */
struct pair {
    ucp_context_h near_context, far_context;
    ucp_worker_h near_worker, far_worker;
    ucp_ep_h ep;
    ucp_mem_h memh;
    ucp_rkey_h rkey;
    char *far_memory;
};

/* Memory that UCX allocates: it can then be shared memory, which a put writes directly, as a device writes remote memory. */
static inline char *allocate_memory(ucp_context_h context, size_t length, ucp_mem_h *memh)
{
    ucp_mem_map_params_t params = {.field_mask = UCP_MEM_MAP_PARAM_FIELD_LENGTH | UCP_MEM_MAP_PARAM_FIELD_FLAGS,
                                   .length     = length,
                                   .flags      = UCP_MEM_MAP_ALLOCATE};
    ucp_mem_attr_t attr         = {.field_mask = UCP_MEM_ATTR_FIELD_ADDRESS};

    must("ucp_mem_map", ucp_mem_map(context, &params, memh));
    must("ucp_mem_query", ucp_mem_query(*memh, &attr));
    return attr.address;
}

/* A pair that is not connected yet. */
static inline struct pair open_pair(const char *name)
{
    struct pair pair;

    pair.near_context = make_context(PAIR_FEATURES);
    pair.far_context  = make_context(PAIR_FEATURES);
    pair.near_worker  = make_worker(pair.near_context);
    pair.far_worker   = make_worker(pair.far_context);
    pair.ep           = make_endpoint(pair.near_worker, pair.far_worker, name);
    pair.far_memory   = allocate_memory(pair.far_context, FAR_BYTES, &pair.memh);
    pair.rkey         = make_rkey(pair.ep, pair.far_context, pair.memh);
    return pair;
}

static inline struct pair make_pair(const char *name)
{
    struct pair pair = open_pair(name);

    connect_endpoint(pair.ep);
    return pair;
}

/* Gives back what of a pair is left; members that the client gave back itself are null. */
static inline void end_pair(struct pair *pair)
{
    if (pair->rkey != NULL) {
        ucp_rkey_destroy(pair->rkey);
    }
    if (pair->ep != NULL) {
        close_endpoint(pair->ep);
    }
    if (pair->memh != NULL) {
        must("ucp_mem_unmap", ucp_mem_unmap(pair->far_context, pair->memh));
    }
    destroy_worker(pair->near_worker);
    if (pair->far_worker != NULL) {
        destroy_worker(pair->far_worker);
    }
    ucp_cleanup(pair->near_context);
    ucp_cleanup(pair->far_context);
}

/* Fills memory with bytes that depend on a seed. */
static inline void fill(void *memory, size_t length, unsigned seed)
{
    for (size_t at = 0; at < length; at++) {
        ((unsigned char *)memory)[at] = (unsigned char)(seed * 31 + at * 7);
    }
}

/* Whether memory holds what `fill` wrote. */
static inline const char *holds(const void *memory, size_t length, unsigned seed)
{
    for (size_t at = 0; at < length; at++) {
        if (((const unsigned char *)memory)[at] != (unsigned char)(seed * 31 + at * 7)) {
            return "other bytes";
        }
    }
    return "the bytes";
}

#endif
