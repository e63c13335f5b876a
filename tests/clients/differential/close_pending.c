/* Closing an endpoint while a message waits to be fetched, in both modes: what becomes of the message, and of its sender's request. */
#include "transcript.h"

static char source[100000], target[100000];
static volatile int arrived;
static void *descriptor;

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    (void)argument;
    (void)header;
    (void)header_length;
    (void)param;
    say("  message of %zu", length);
    descriptor = data;
    arrived    = 1;
    return UCS_INPROGRESS;
}

static void on_sent(void *request, ucs_status_t status, void *user_data)
{
    (void)request;
    (void)user_data;
    say("  sender's callback: %s", status_name(status));
}

static void close_while_pending(uint32_t flags, int let_arrive)
{
    struct pair pair               = make_pair("near");
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 1, .cb = on_message};
    ucp_request_param_t rndv       = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS | UCP_OP_ATTR_FIELD_CALLBACK,
                                      .flags = UCP_AM_SEND_FLAG_RNDV, .cb.send = on_sent};
    ucp_request_param_t plain      = {.op_attr_mask = 0};
    ucp_request_param_t param      = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = flags};
    ucs_status_ptr_t sent, closed;

    arrived = 0;
    must("handler", ucp_worker_set_am_recv_handler(pair.far_worker, &handler));
    sent = ucp_am_send_nbx(pair.ep, 1, NULL, 0, source, sizeof(source), &rndv);
    say("  send: %s", form(sent));
    if (let_arrive) {
        wait_until("message", &arrived);
    }
    ucp_rkey_destroy(pair.rkey);
    pair.rkey = NULL;
    closed    = ucp_ep_close_nbx(pair.ep, &param);
    pair.ep   = NULL;
    say("  close: %s", UCS_PTR_IS_ERR(closed) ? form(closed) : "accepted");
    /* The far side first: nothing says which of two workers is told before the other. */
    while (!arrived) {
        ucp_worker_progress(pair.far_worker);
    }
    settle();
    say("  closed before the fetch: %s", !UCS_PTR_IS_PTR(closed) || ucp_request_check_status(closed) != UCS_INPROGRESS ? "yes" : "no");
    say("  sender before the fetch: %s", status_name(ucp_request_check_status(sent)));
    if (flags & UCP_EP_CLOSE_FLAG_FORCE) {
        /* A fetch may now fail or never end. */
        ucp_am_data_release(pair.far_worker, descriptor);
    } else {
        ucs_status_t fetched = complete(ucp_am_recv_data_nbx(pair.far_worker, descriptor, target, sizeof(target), &plain));

        settle();
        say("  fetch ended with %s", status_name(fetched));
    }
    ending("  sender", sent);
    ending("  close", closed);
    end_pair(&pair);
}

int main(void)
{
    say("flush, after the message arrived");
    close_while_pending(0, 1);
    say("force, after the message arrived");
    close_while_pending(UCP_EP_CLOSE_FLAG_FORCE, 1);
    say("force, before the message arrived");
    close_while_pending(UCP_EP_CLOSE_FLAG_FORCE, 0);
    return 0;
}
