/* A worker that was told to forgive requests that are never given back. */
#include "transcript.h"

int main(void)
{
    ucp_context_h context      = make_context(PAIR_FEATURES);
    ucp_worker_params_t params = {.field_mask = UCP_WORKER_PARAM_FIELD_FLAGS, .flags = UCP_WORKER_FLAG_IGNORE_REQUEST_LEAK};
    ucp_request_param_t param  = {.op_attr_mask = UCP_OP_ATTR_FLAG_NO_IMM_CMPL};
    ucp_worker_h worker        = NULL;
    ucs_status_ptr_t pointer;
    ucp_ep_h ep;

    say("worker: %s", status_name(ucp_worker_create(context, &params, &worker)));
    know(worker);
    ep = make_endpoint(worker, worker, NULL);
    connect_endpoint(ep);
    pointer = ucp_am_send_nbx(ep, IGNORED, NULL, 0, "x", 1, &param);
    say("message: %s, ends with %s", form(pointer), status_name(final_status(pointer)));
    close_endpoint(ep);
    destroy_worker(worker);
    say("destroyed");
    ucp_cleanup(context);
    return 0;
}
