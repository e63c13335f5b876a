/* The least libucp that a lifecycle of NIXL 1.5.1 passes on: no checks, no records, nothing that NIXL does not need. It shows what the
 * lifecycle costs without any UCX. Structures end where their last used member does. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define OK 0
#define ERR_UNSUPPORTED (-22)
#define THREAD_MODE_MULTI 2
#define HANDLERS 64

typedef int8_t status_t;
typedef status_t (*am_handler_t)(void *arg, const void *header, size_t header_length, void *data, size_t length,
                                 const void *param);

typedef struct {
    am_handler_t call[HANDLERS];
    void *arg[HANDLERS];
    int event_fd;
} worker_t;

typedef struct {
    worker_t *peer;
} ep_t;

typedef struct {
    void *address;
    size_t length;
} mem_t;

typedef struct {
    uint64_t mask;
    uint32_t max_thread_level;
} lib_attr_t;

typedef struct {
    uint64_t mask;
    size_t request_size;
    uint32_t thread_mode;
    uint64_t memory_types;
} context_attr_t;

typedef struct {
    uint64_t mask;
    uint32_t thread_mode, address_flags;
    worker_t **address;
    size_t address_length;
} worker_attr_t;

typedef struct {
    uint64_t mask;
    uint32_t id, flags;
    am_handler_t call;
    void *arg;
} am_handler_param_t;

typedef struct {
    uint64_t mask;
    worker_t *const *address;
} ep_params_t;

typedef struct {
    uint64_t mask;
    double seconds;
} perf_attr_t;

typedef struct {
    uint64_t mask;
    void *address;
    size_t length;
} map_params_t;

typedef struct {
    uint64_t mask;
    void *address;
    size_t length;
    uint32_t type;
} mem_attr_t;

/* Handles without anything behind them. */
static char context, config, rkey;

status_t ucp_config_read(const char *prefix, const char *file, void **made)
{
    *made = &config;
    return OK;
}

status_t ucp_config_modify(void *of, const char *name, const char *value)
{
    return OK;
}

void ucp_config_release(void *of)
{
}

void ucp_get_version(unsigned *major, unsigned *minor, unsigned *release)
{
    *major = 1;
    *minor = 22;
    *release = 0;
}

const char *ucp_get_version_string(void)
{
    return "1.22.0";
}

const char *ucs_status_string(status_t status)
{
    return status == OK ? "Success" : "Error";
}

status_t ucp_lib_query(lib_attr_t *attr)
{
    attr->max_thread_level = THREAD_MODE_MULTI;
    return OK;
}

status_t ucp_init_version(unsigned major, unsigned minor, const void *params, const void *from, void **made)
{
    *made = &context;
    return OK;
}

void ucp_cleanup(void *of)
{
}

status_t ucp_context_query(void *of, context_attr_t *attr)
{
    attr->request_size = 0;
    attr->thread_mode = THREAD_MODE_MULTI;
    attr->memory_types = 1;
    return OK;
}

status_t ucp_worker_create(void *on, const void *params, worker_t **made)
{
    *made = calloc(1, sizeof(worker_t));
    (*made)->event_fd = -1;
    return OK;
}

void ucp_worker_destroy(worker_t *worker)
{
    if (worker->event_fd >= 0) {
        close(worker->event_fd);
    }
    free(worker);
}

unsigned ucp_worker_progress(worker_t *worker)
{
    return 0;
}

status_t ucp_worker_get_efd(worker_t *worker, int *fd)
{
    if (worker->event_fd < 0) {
        worker->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    }
    *fd = worker->event_fd;
    return OK;
}

status_t ucp_worker_arm(worker_t *worker)
{
    return OK;
}

/* The address of a worker is the pointer to it. */
status_t ucp_worker_query(worker_t *worker, worker_attr_t *attr)
{
    attr->address = malloc(sizeof(worker));
    *attr->address = worker;
    attr->address_length = sizeof(worker);
    return OK;
}

void ucp_worker_release_address(worker_t *worker, void *address)
{
    free(address);
}

status_t ucp_worker_set_am_recv_handler(worker_t *worker, const am_handler_param_t *param)
{
    worker->call[param->id % HANDLERS] = param->call;
    worker->arg[param->id % HANDLERS] = param->arg;
    return OK;
}

status_t ucp_ep_create(worker_t *on, const ep_params_t *params, ep_t **made)
{
    *made = malloc(sizeof(ep_t));
    (*made)->peer = *params->address;
    return OK;
}

void *ucp_ep_close_nbx(ep_t *ep, const void *param)
{
    free(ep);
    return NULL;
}

void *ucp_ep_flush_nbx(ep_t *ep, const void *param)
{
    return NULL;
}

status_t ucp_ep_evaluate_perf(ep_t *ep, const void *param, perf_attr_t *attr)
{
    attr->seconds = 1e-6;
    return OK;
}

void *ucp_am_send_nbx(ep_t *ep, unsigned id, const void *header, size_t header_length, const void *data, size_t length,
                      const void *param)
{
    uint64_t received[2] = {0, 0};

    ep->peer->call[id % HANDLERS](ep->peer->arg[id % HANDLERS], header, header_length, (void *)data, length, received);
    return NULL;
}

void *ucp_put_nbx(ep_t *ep, const void *buffer, size_t count, uint64_t remote, void *with, const void *param)
{
    memcpy((void *)remote, buffer, count);
    return NULL;
}

void *ucp_get_nbx(ep_t *ep, void *buffer, size_t count, uint64_t remote, void *with, const void *param)
{
    memcpy(buffer, (const void *)remote, count);
    return NULL;
}

status_t ucp_mem_map(void *on, const map_params_t *params, mem_t **made)
{
    *made = malloc(sizeof(mem_t));
    **made = (mem_t){params->address, params->length};
    return OK;
}

status_t ucp_mem_unmap(void *on, mem_t *mem)
{
    free(mem);
    return OK;
}

status_t ucp_mem_query(mem_t *mem, mem_attr_t *attr)
{
    attr->address = mem->address;
    attr->length = mem->length;
    attr->type = 0;
    return OK;
}

status_t ucp_rkey_pack(void *on, mem_t *mem, void **buffer, size_t *size)
{
    *size = sizeof(mem);
    *buffer = calloc(1, *size);
    return OK;
}

void ucp_rkey_buffer_release(void *buffer)
{
    free(buffer);
}

status_t ucp_ep_rkey_unpack(ep_t *ep, const void *buffer, void **made)
{
    *made = &rkey;
    return OK;
}

void ucp_rkey_destroy(void *of)
{
}

status_t ucp_request_check_status(void *request)
{
    return OK;
}

void ucp_request_cancel(worker_t *worker, void *request)
{
}

void ucp_request_free(void *request)
{
}

status_t ucp_device_local_mem_list_create(const void *params, void **made)
{
    return ERR_UNSUPPORTED;
}

status_t ucp_device_remote_mem_list_create(const void *params, void **made)
{
    return ERR_UNSUPPORTED;
}

void ucp_device_mem_list_release(void *list)
{
}
