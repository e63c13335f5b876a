/* The receiver goes while it holds a message that it has not fetched: the sender's request ends with an error all the same. */
/* Breaks: UCP-AM-009 */
#include "transcript.h"

static char source[100000];
static volatile int arrived, failed;

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    (void)argument;
    (void)header;
    (void)header_length;
    (void)data;
    (void)length;
    (void)param;
    arrived = 1;
    return UCS_INPROGRESS;
}

static void on_error(void *argument, ucp_ep_h ep, ucs_status_t status)
{
    (void)argument;
    (void)ep;
    say("error handler: %s", status_name(status));
    failed++;
}

int main(void)
{
    ucp_context_h near_context = tcp_context(), far_context = tcp_context();
    ucp_worker_h near_worker = make_worker(near_context), far_worker = make_worker(far_context);
    ucp_worker_attr_t attr         = {.field_mask = UCP_WORKER_ATTR_FIELD_ADDRESS};
    ucp_ep_params_t params         = {.field_mask  = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                                                     UCP_EP_PARAM_FIELD_ERR_HANDLER,
                                      .err_mode    = UCP_ERR_HANDLING_MODE_PEER,
                                      .err_handler = {.cb = on_error}};
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 1, .cb = on_message};
    ucp_request_param_t rndv       = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = UCP_AM_SEND_FLAG_RNDV};
    ucp_request_param_t force      = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = UCP_EP_CLOSE_FLAG_FORCE};
    ucs_status_ptr_t sent;
    ucp_ep_h ep = NULL;

    must("handler", ucp_worker_set_am_recv_handler(far_worker, &handler));
    must("ucp_worker_query", ucp_worker_query(far_worker, &attr));
    params.address = attr.address;
    must("ucp_ep_create", ucp_ep_create(near_worker, &params, &ep));
    ucp_worker_release_address(far_worker, attr.address);
    connect_endpoint(ep);
    sent = ucp_am_send_nbx(ep, 1, NULL, 0, source, sizeof(source), &rndv);
    say("send: %s", form(sent));
    wait_until("message", &arrived);
    destroy_worker(far_worker);
    wait_until("error handler", &failed);
    ending("send", sent);
    ending("close", ucp_ep_close_nbx(ep, &force));
    settle();
    destroy_worker(near_worker);
    ucp_cleanup(near_context);
    ucp_cleanup(far_context);
    return 0;
}
