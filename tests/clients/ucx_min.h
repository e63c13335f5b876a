/* The few declarations of UCX that the clients of these tests need, written by hand. Structures end where their last used member does,
 * and are followed by room, since UCX reads no member whose mask bit is not set. */
#ifndef UCX_MIN_H
#define UCX_MIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int8_t ucs_status_t;
typedef struct ucp_context *ucp_context_h;
typedef struct ucp_worker *ucp_worker_h;
typedef struct ucp_mem *ucp_mem_h;
typedef struct ucp_ep *ucp_ep_h;
typedef struct ucp_config ucp_config_t;
typedef struct ucp_address ucp_address_t;
typedef struct ucp_rkey *ucp_rkey_h;
typedef void *ucs_status_ptr_t;

#define UCP_FEATURE_RMA 2
#define UCP_FEATURE_AM 64
#define UCP_PARAM_FIELD_FEATURES 1
#define UCP_WORKER_ATTR_FIELD_ADDRESS 2
#define UCP_EP_PARAM_FIELD_REMOTE_ADDRESS 1
#define UCS_INPROGRESS 1
#define UCP_MEM_MAP_PARAM_FIELD_ADDRESS 1
#define UCP_MEM_MAP_PARAM_FIELD_LENGTH 2
#define UCP_OP_ATTR_FIELD_FLAGS 16
#define UCP_OP_ATTR_FLAG_NO_IMM_CMPL 65536
#define UCP_AM_SEND_FLAG_EAGER 2
#define UCP_AM_FLAG_PERSISTENT_DATA 2
#define UCP_AM_HANDLER_PARAM_FIELD_ID 1
#define UCP_AM_HANDLER_PARAM_FIELD_FLAGS 2
#define UCP_AM_HANDLER_PARAM_FIELD_CB 4
#define UCP_AM_HANDLER_PARAM_FIELD_ARG 8

typedef struct {
    uint64_t field_mask;
    uint64_t features;
    uint64_t room[14];
} ucp_params_t;

typedef struct {
    uint64_t field_mask;
    uint64_t room[31];
} ucp_worker_params_t;

typedef struct {
    uint64_t field_mask;
    void *address;
    size_t length;
    uint64_t room[5];
} ucp_mem_map_params_t;

typedef struct {
    uint64_t field_mask;
    uint64_t thread_mode;
    ucp_address_t *address;
    size_t address_length;
    uint64_t room[28];
} ucp_worker_attr_t;

typedef struct {
    uint64_t field_mask;
    const ucp_address_t *address;
    uint64_t room[30];
} ucp_ep_params_t;

typedef struct {
    uint32_t op_attr_mask;
    uint32_t flags;
    uint64_t room[31];
} ucp_request_param_t;

typedef struct {
    uint64_t recv_attr;
    ucp_ep_h reply_ep;
} ucp_am_recv_param_t;

typedef ucs_status_t (*ucp_am_recv_callback_t)(void *arg, const void *header, size_t header_length, void *data, size_t length,
                                               const ucp_am_recv_param_t *param);

typedef struct {
    uint64_t field_mask;
    unsigned id;
    uint32_t flags;
    ucp_am_recv_callback_t cb;
    void *arg;
} ucp_am_handler_param_t;

ucs_status_t ucp_init_version(unsigned major, unsigned minor, const ucp_params_t *params, const ucp_config_t *config,
                              ucp_context_h *context);
void ucp_cleanup(ucp_context_h context);
ucs_status_t ucp_config_read(const char *env_prefix, const char *filename, ucp_config_t **config);
void ucp_config_release(ucp_config_t *config);
ucs_status_t ucp_worker_create(ucp_context_h context, const ucp_worker_params_t *params, ucp_worker_h *worker);
void ucp_worker_destroy(ucp_worker_h worker);
ucs_status_t ucp_worker_query(ucp_worker_h worker, ucp_worker_attr_t *attr);
void ucp_worker_release_address(ucp_worker_h worker, ucp_address_t *address);
ucs_status_t ucp_ep_create(ucp_worker_h worker, const ucp_ep_params_t *params, ucp_ep_h *ep);
ucs_status_ptr_t ucp_ep_flush_nbx(ucp_ep_h ep, const ucp_request_param_t *param);
ucs_status_ptr_t ucp_ep_close_nbx(ucp_ep_h ep, const ucp_request_param_t *param);
ucs_status_t ucp_request_check_status(void *request);
void ucp_request_free(void *request);
unsigned ucp_worker_progress(ucp_worker_h worker);
ucs_status_t ucp_mem_map(ucp_context_h context, const ucp_mem_map_params_t *params, ucp_mem_h *memh);
ucs_status_t ucp_mem_unmap(ucp_context_h context, ucp_mem_h memh);
ucs_status_t ucp_rkey_pack(ucp_context_h context, ucp_mem_h memh, void **buffer, size_t *size);
void ucp_rkey_buffer_release(void *buffer);
ucs_status_t ucp_ep_rkey_unpack(ucp_ep_h ep, const void *buffer, ucp_rkey_h *rkey);
void ucp_rkey_destroy(ucp_rkey_h rkey);
ucs_status_ptr_t ucp_put_nbx(ucp_ep_h ep, const void *buffer, size_t count, uint64_t remote_address, ucp_rkey_h rkey,
                             const ucp_request_param_t *param);
ucs_status_ptr_t ucp_get_nbx(ucp_ep_h ep, void *buffer, size_t count, uint64_t remote_address, ucp_rkey_h rkey,
                             const ucp_request_param_t *param);
ucs_status_t ucp_worker_set_am_recv_handler(ucp_worker_h worker, const ucp_am_handler_param_t *param);
ucs_status_ptr_t ucp_am_send_nbx(ucp_ep_h ep, unsigned id, const void *header, size_t header_length, const void *buffer,
                                 size_t count, const ucp_request_param_t *param);

#ifdef __cplusplus
}
#endif

#endif
