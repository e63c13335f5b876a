/* An endpoint from a worker to itself. */
#include "transcript.h"

static volatile int arrived;

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    (void)argument;
    (void)header;
    (void)data;
    say("  message: header %zu, data %zu, attributes%s", header_length, length, param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV ? " RNDV" : "");
    arrived = 1;
    return UCS_OK;
}

static void on_completion(void *request, ucs_status_t status, void *user_data)
{
    (void)request;
    say("  callback of %s: %s", (const char *)user_data, status_name(status));
}

int main(void)
{
    ucp_context_h context          = make_context(PAIR_FEATURES);
    ucp_worker_h worker            = make_worker(context);
    ucp_ep_h ep                    = make_endpoint(worker, worker, "itself");
    ucp_request_param_t plain      = {.op_attr_mask = 0};
    ucp_request_param_t told       = {.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FLAG_NO_IMM_CMPL,
                                      .cb.send = on_completion};
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 1, .cb = on_message};
    uint64_t near                  = 5;
    ucp_mem_h memh;
    uint64_t *far   = (uint64_t *)allocate_memory(context, 4096, &memh);
    ucp_rkey_h rkey = make_rkey(ep, context, memh);

    connect_endpoint(ep);
    must("handler", ucp_worker_set_am_recv_handler(worker, &handler));
    outcome("put", ucp_put_nbx(ep, &near, sizeof(near), (uint64_t)far, rkey, &plain));
    outcome("flush", ucp_ep_flush_nbx(ep, &plain));
    say("far value: %d", (int)far[0]);
    told.user_data = "put";
    outcome("put with callback", ucp_put_nbx(ep, &near, sizeof(near), (uint64_t)&far[1], rkey, &told));
    told.user_data = "get";
    near           = 0;
    outcome("get with callback", ucp_get_nbx(ep, &near, sizeof(near), (uint64_t)&far[1], rkey, &told));
    say("near value: %d", (int)near);
    outcome("message", ucp_am_send_nbx(ep, 1, "ab", 2, &near, 8, &plain));
    wait_until("message", &arrived);
    outcome("flush", ucp_ep_flush_nbx(ep, &plain));
    ucp_rkey_destroy(rkey);
    outcome("close", ucp_ep_close_nbx(ep, &plain));
    must("ucp_mem_unmap", ucp_mem_unmap(context, memh));
    destroy_worker(worker);
    ucp_cleanup(context);
    return 0;
}
