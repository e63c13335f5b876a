/* Requests that are given back while their operation runs: it goes on, and its callback does not run. */
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
    (void)length;
    (void)param;
    descriptor = data;
    arrived    = 1;
    return UCS_INPROGRESS;
}

static void on_sent(void *request, ucs_status_t status, void *user_data)
{
    (void)request;
    (void)user_data;
    say("a callback of a freed request ran: %s", status_name(status));
}

int main(void)
{
    struct pair pair               = make_pair(NULL);
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 1, .cb = on_message};
    ucp_request_param_t rndv       = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS | UCP_OP_ATTR_FIELD_CALLBACK,
                                      .flags = UCP_AM_SEND_FLAG_RNDV, .cb.send = on_sent};
    ucp_request_param_t plain      = {.op_attr_mask = 0};
    ucs_status_ptr_t pointer;

    must("handler", ucp_worker_set_am_recv_handler(pair.far_worker, &handler));
    fill(source, sizeof(source), 6);
    pointer = ucp_am_send_nbx(pair.ep, 1, NULL, 0, source, sizeof(source), &rndv);
    say("send: %s", form(pointer));
    ucp_request_free(pointer);
    wait_until("message", &arrived);
    ending("fetch", ucp_am_recv_data_nbx(pair.far_worker, descriptor, target, sizeof(target), &plain));
    settle();
    say("fetched %s", holds(target, sizeof(target), 6));
    ending("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    end_pair(&pair);
    return 0;
}
