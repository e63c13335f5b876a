/* An endpoint to a worker that is gone: either it cannot be made, or what is asked of it fails. */
#include "transcript.h"

static volatile int failed;

static void on_error(void *argument, ucp_ep_h ep, ucs_status_t status)
{
    (void)argument;
    (void)ep;
    say("  error handler: %s", status_name(status));
    failed++;
}

int main(void)
{
    ucp_context_h near_context = tcp_context(), far_context = tcp_context();
    ucp_worker_h near_worker = make_worker(near_context), far_worker = make_worker(far_context);
    ucp_worker_attr_t attr    = {.field_mask = UCP_WORKER_ATTR_FIELD_ADDRESS};
    ucp_ep_params_t params    = {.field_mask  = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                                                UCP_EP_PARAM_FIELD_ERR_HANDLER,
                                 .err_mode    = UCP_ERR_HANDLING_MODE_PEER,
                                 .err_handler = {.cb = on_error}};
    ucp_request_param_t plain = {.op_attr_mask = 0};
    ucp_request_param_t force = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = UCP_EP_CLOSE_FLAG_FORCE};
    ucp_ep_h ep               = NULL;
    ucs_status_t status;
    void *copy;

    must("ucp_worker_query", ucp_worker_query(far_worker, &attr));
    copy = malloc(attr.address_length);
    memcpy(copy, attr.address, attr.address_length);
    ucp_worker_release_address(far_worker, attr.address);
    destroy_worker(far_worker);
    params.address = copy;
    status         = ucp_ep_create(near_worker, &params, &ep);
    say("endpoint: %s", status_name(status));
    free(copy);
    if (status != UCS_OK) {
        goto end;
    }
    ending("message", ucp_am_send_nbx(ep, IGNORED, NULL, 0, "x", 1, &plain));
    wait_until("error handler", &failed);
    ending("flush", ucp_ep_flush_nbx(ep, &plain));
    ending("close", ucp_ep_close_nbx(ep, &force));
    settle();
    say("the handler ran %d times", failed);
end:
    destroy_worker(near_worker);
    ucp_cleanup(near_context);
    ucp_cleanup(far_context);
    return 0;
}
