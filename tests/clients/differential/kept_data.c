/* Data that a handler keeps (PERSISTENT_DATA): read later, released or received, once. */
#include "transcript.h"

static void *kept[3];
static size_t lengths[3];
static volatile int arrived;

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    int keeps = (param->recv_attr & UCP_AM_RECV_ATTR_FLAG_DATA) != 0;

    (void)argument;
    (void)header;
    (void)header_length;
    say("  message of %zu: may be kept: %s", length, keeps ? "yes" : "no");
    if (keeps && arrived < 3) {
        kept[arrived]    = data;
        lengths[arrived] = length;
    }
    arrived++;
    return keeps ? UCS_INPROGRESS : UCS_OK;
}

int main(void)
{
    struct pair pair               = make_pair(NULL);
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB |
                                                    UCP_AM_HANDLER_PARAM_FIELD_FLAGS,
                                      .id = 2, .cb = on_message, .flags = UCP_AM_FLAG_WHOLE_MSG | UCP_AM_FLAG_PERSISTENT_DATA};
    ucp_request_param_t eager      = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = UCP_AM_SEND_FLAG_EAGER};
    ucp_request_param_t plain      = {.op_attr_mask = 0};
    char data[500], target[500];

    must("handler", ucp_worker_set_am_recv_handler(pair.far_worker, &handler));
    fill(data, sizeof(data), 1);
    ending("send", ucp_am_send_nbx(pair.ep, 2, NULL, 0, data, 500, &eager));
    wait_until("message", &arrived);
    memset(data, 0, sizeof(data));
    fill(data, sizeof(data), 2);
    ending("send another", ucp_am_send_nbx(pair.ep, 2, NULL, 0, data, 300, &eager));
    while (arrived < 2) {
        progress();
    }
    memset(data, 0, sizeof(data));
    settle();
    say("the first holds %s, the second %s", holds(kept[0], lengths[0], 1), holds(kept[1], lengths[1], 2));
    outcome("receive of the first", ucp_am_recv_data_nbx(pair.far_worker, kept[0], target, sizeof(target), &plain));
    say("  %s", holds(target, 500, 1));
    ucp_am_data_release(pair.far_worker, kept[1]);
    ending("send of nothing", ucp_am_send_nbx(pair.ep, 2, NULL, 0, NULL, 0, &eager));
    while (arrived < 3) {
        progress();
    }
    say("it has an address: %s", kept[2] != NULL ? "yes" : "no");
    ucp_am_data_release(pair.far_worker, kept[2]);
    end_pair(&pair);
    return 0;
}
