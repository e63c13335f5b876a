/* The peer's worker is destroyed. Over TCP, where the peer's end shows by itself: the error handler runs once, and what is asked of the
 * endpoint afterwards is refused. */
#include "transcript.h"

static volatile int failed;

static void on_error(void *argument, ucp_ep_h ep, ucs_status_t status)
{
    (void)ep;
    say("  error handler, argument %s: %s", (const char *)argument, status_name(status));
    failed++;
}

static ucp_ep_h failing_endpoint(ucp_worker_h from, ucp_worker_h to, uint64_t fields)
{
    ucp_worker_attr_t attr = {.field_mask = UCP_WORKER_ATTR_FIELD_ADDRESS};
    ucp_ep_params_t params = {.field_mask  = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | fields,
                              .err_mode    = UCP_ERR_HANDLING_MODE_PEER,
                              .err_handler = {.cb = on_error, .arg = (void *)"of the handler"},
                              .user_data   = (void *)"of the endpoint"};
    ucp_ep_h ep            = NULL;

    must("ucp_worker_query", ucp_worker_query(to, &attr));
    params.address = attr.address;
    must("ucp_ep_create", ucp_ep_create(from, &params, &ep));
    ucp_worker_release_address(to, attr.address);
    return ep;
}

static void lose_peer(uint64_t fields, uint32_t close_flags)
{
    ucp_context_h near_context = tcp_context(), far_context = tcp_context();
    ucp_worker_h near_worker = make_worker(near_context), far_worker = make_worker(far_context);
    ucp_ep_h ep                = failing_endpoint(near_worker, far_worker, fields);
    ucp_request_param_t plain  = {.op_attr_mask = 0};
    ucp_request_param_t closes = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = close_flags};
    uint64_t near_value = 1, far_value = 0;
    ucp_mem_h memh  = map_memory(far_context, &far_value, sizeof(far_value));
    ucp_rkey_h rkey = make_rkey(ep, far_context, memh);

    connect_endpoint(ep);
    ending("  put", ucp_put_nbx(ep, &near_value, 8, (uint64_t)&far_value, rkey, &plain));
    ending("  flush", ucp_ep_flush_nbx(ep, &plain));
    failed = 0;
    must("ucp_mem_unmap", ucp_mem_unmap(far_context, memh));
    destroy_worker(far_worker);
    ucp_cleanup(far_context);
    say("  the peer is gone");
    wait_until("  error handler", &failed);
    ending("  message", ucp_am_send_nbx(ep, 1, NULL, 0, &near_value, 8, &plain));
    ending("  flush", ucp_ep_flush_nbx(ep, &plain));
    settle();
    say("  the handler ran %d times", failed);
    ucp_rkey_destroy(rkey);
    outcome("  close", ucp_ep_close_nbx(ep, &closes));
    settle();
    destroy_worker(near_worker);
    ucp_cleanup(near_context);
}

int main(void)
{
    const uint64_t handled = UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE | UCP_EP_PARAM_FIELD_ERR_HANDLER;

    say("forced close");
    lose_peer(handled, UCP_EP_CLOSE_FLAG_FORCE);
    say("close by flush, with the endpoint's own user data");
    lose_peer(handled | UCP_EP_PARAM_FIELD_USER_DATA, 0);
    return 0;
}
