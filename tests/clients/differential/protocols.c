/* Who decides whether a message is fetched: the sender by its flags, for buffers and for lists. */
/* Breaks: UCP-AM-007 */
#include "transcript.h"

static char data[100000];
static volatile int arrived;

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *message, size_t length,
                               const ucp_am_recv_param_t *param)
{
    (void)argument;
    (void)header;
    (void)header_length;
    (void)message;
    say("  message of %zu%s", length, param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV ? ", to be fetched" : "");
    arrived = 1;
    return UCS_OK;
}

static void one(struct pair *pair, const char *what, const void *buffer, size_t count, ucp_request_param_t *param)
{
    say("%s", what);
    arrived = 0;
    ending("  send", ucp_am_send_nbx(pair->ep, 1, NULL, 0, buffer, count, param));
    wait_until("  message", &arrived);
}

int main(void)
{
    struct pair pair               = make_pair(NULL);
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 1, .cb = on_message};
    ucp_dt_iov_t list[]            = {{data, 10}, {data + 10, sizeof(data) - 10}};
    ucp_request_param_t param      = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS};

    must("handler", ucp_worker_set_am_recv_handler(pair.far_worker, &handler));
    one(&pair, "short, the library's choice", data, 10, &param);
    one(&pair, "long, the library's choice", data, sizeof(data), &param);
    param.flags = UCP_AM_SEND_FLAG_EAGER;
    one(&pair, "long, eager", data, sizeof(data), &param);
    param.flags = UCP_AM_SEND_FLAG_RNDV;
    one(&pair, "short, rendezvous", data, 10, &param);
    param.flags = UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_RNDV;
    one(&pair, "short, both", data, 10, &param);
    one(&pair, "long, both", data, sizeof(data), &param);
    param.op_attr_mask |= UCP_OP_ATTR_FIELD_DATATYPE;
    param.datatype      = ucp_dt_make_iov();
    param.flags         = UCP_AM_SEND_FLAG_EAGER;
    one(&pair, "a list, eager", list, 2, &param);
    param.flags = UCP_AM_SEND_FLAG_RNDV;
    one(&pair, "a list, rendezvous", list, 2, &param);
    end_pair(&pair);
    return 0;
}
