/* The error handler closes its own endpoint, by force, as UCX's own tests do. */
#include "transcript.h"

static volatile int failed;
static ucs_status_ptr_t closing;

static void on_error(void *argument, ucp_ep_h ep, ucs_status_t status)
{
    ucp_request_param_t force = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = UCP_EP_CLOSE_FLAG_FORCE};

    (void)argument;
    say("error handler: %s", status_name(status));
    closing = ucp_ep_close_nbx(ep, &force);
    failed++;
}

int main(void)
{
    ucp_context_h near_context = tcp_context(), far_context = tcp_context();
    ucp_worker_h near_worker = make_worker(near_context), far_worker = make_worker(far_context);
    ucp_worker_attr_t attr = {.field_mask = UCP_WORKER_ATTR_FIELD_ADDRESS};
    ucp_ep_params_t params = {.field_mask  = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                                             UCP_EP_PARAM_FIELD_ERR_HANDLER,
                              .err_mode    = UCP_ERR_HANDLING_MODE_PEER,
                              .err_handler = {.cb = on_error}};
    ucp_ep_h ep            = NULL;

    must("ucp_worker_query", ucp_worker_query(far_worker, &attr));
    params.address = attr.address;
    must("ucp_ep_create", ucp_ep_create(near_worker, &params, &ep));
    ucp_worker_release_address(far_worker, attr.address);
    connect_endpoint(ep);
    destroy_worker(far_worker);
    ucp_cleanup(far_context);
    wait_until("error handler", &failed);
    ending("close", closing);
    settle();
    say("the handler ran %d times", failed);
    destroy_worker(near_worker);
    ucp_cleanup(near_context);
    return 0;
}
