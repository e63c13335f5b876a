/* What a release build of UCX refuses, and what it lets pass without a word. */
/* Breaks: UCP-EP-002 UCP-AM-001 UCP-AM-002 UCP-WAK-001 */
#include "transcript.h"

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
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

static void handler(ucp_worker_h worker, const char *what, uint64_t fields, unsigned id)
{
    ucp_am_handler_param_t param = {.field_mask = fields, .id = id, .cb = on_message};

    say("handler %s: %s", what, status_name(ucp_worker_set_am_recv_handler(worker, &param)));
}

static void aligned_worker(ucp_context_h context, size_t alignment)
{
    ucp_worker_params_t params = {.field_mask = UCP_WORKER_PARAM_FIELD_AM_ALIGNMENT, .am_alignment = alignment};
    ucp_worker_h worker        = NULL;
    ucs_status_t status        = ucp_worker_create(context, &params, &worker);

    say("worker with alignment %zu: %s", alignment, status_name(status));
    if (status == UCS_OK) {
        ucp_worker_destroy(worker);
    }
}

int main(void)
{
    ucp_context_h context  = make_context(PAIR_FEATURES);
    ucp_worker_h worker    = make_worker(context);
    ucp_ep_params_t params = {.field_mask = 0};
    ucp_ep_h ep            = NULL;
    int descriptor;

    say("endpoint to nowhere: %s", status_name(ucp_ep_create(worker, &params, &ep)));
    params.field_mask = UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE;
    params.err_mode   = UCP_ERR_HANDLING_MODE_PEER;
    say("endpoint with a mode only: %s", status_name(ucp_ep_create(worker, &params, &ep)));
    handler(worker, "without anything", 0, 1);
    handler(worker, "without a callback", UCP_AM_HANDLER_PARAM_FIELD_ID, 1);
    handler(worker, "without an id", UCP_AM_HANDLER_PARAM_FIELD_CB, 1);
    handler(worker, "with both", UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, 1);
    handler(worker, "with too large an id", UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, 70000);
    aligned_worker(context, 0);
    aligned_worker(context, 1);
    aligned_worker(context, 3);
    aligned_worker(context, 4096);
    say("descriptor without the feature: %s", status_name(ucp_worker_get_efd(worker, &descriptor)));
    destroy_worker(worker);
    ucp_cleanup(context);
    return 0;
}
