/* Receiving kept data: into a larger buffer, into a list, with the length asked for, with a callback. */
#include "transcript.h"

#define BYTES 3000

static void *descriptor;
static volatile int arrived, received;

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    (void)argument;
    (void)header;
    (void)header_length;
    say("  message of %zu%s", length, param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV ? ", to be fetched" : "");
    descriptor = data;
    arrived    = 1;
    return UCS_INPROGRESS;
}

static void on_received(void *request, ucs_status_t status, size_t length, void *user_data)
{
    (void)request;
    say("  callback %s: %s, %zu bytes", (const char *)user_data, status_name(status), length);
    received = 1;
}

static void one(struct pair *pair, const char *what, uint32_t send_flags, void *buffer, size_t count, ucp_request_param_t *param)
{
    static char source[BYTES];
    ucp_request_param_t sends = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = send_flags};
    ucs_status_ptr_t sent;

    say("%s", what);
    fill(source, BYTES, 1);
    arrived = received = 0;
    sent    = ucp_am_send_nbx(pair->ep, 1, NULL, 0, source, BYTES, &sends);
    wait_until("  message", &arrived);
    outcome("  receive", ucp_am_recv_data_nbx(pair->far_worker, descriptor, buffer, count, param));
    ending("  send", sent);
}

int main(void)
{
    static char target[2 * BYTES];
    static const uint32_t WAYS[]   = {UCP_AM_SEND_FLAG_EAGER, UCP_AM_SEND_FLAG_RNDV};
    struct pair pair               = make_pair(NULL);
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB |
                                                    UCP_AM_HANDLER_PARAM_FIELD_FLAGS,
                                      .id = 1, .cb = on_message, .flags = UCP_AM_FLAG_WHOLE_MSG | UCP_AM_FLAG_PERSISTENT_DATA};
    ucp_request_param_t empty      = {.op_attr_mask = 0};
    ucp_dt_iov_t list[]            = {{target, 1000}, {target + 4000, 2000}};

    must("handler", ucp_worker_set_am_recv_handler(pair.far_worker, &handler));
    for (int way = 0; way < 2; way++) {
        size_t length              = 0;
        ucp_request_param_t plain  = {.op_attr_mask = 0};
        ucp_request_param_t listed = {.op_attr_mask = UCP_OP_ATTR_FIELD_DATATYPE, .datatype = ucp_dt_make_iov()};
        ucp_request_param_t told   = {.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FLAG_NO_IMM_CMPL,
                                      .cb.recv_am = on_received, .user_data = "with user data"};
        ucp_request_param_t sized  = {.op_attr_mask = UCP_OP_ATTR_FIELD_RECV_INFO, .recv_info.length = &length};

        memset(target, 0, sizeof(target));
        one(&pair, "a larger buffer", WAYS[way], target, sizeof(target), &plain);
        say("  %s, %s", holds(target, BYTES, 1), target[BYTES] == 0 ? "nothing behind" : "something behind");
        memset(target, 0, sizeof(target));
        one(&pair, "a list", WAYS[way], list, 2, &listed);
        memmove(target + 1000, target + 4000, 2000);
        say("  %s", holds(target, BYTES, 1));
        one(&pair, "with a callback", WAYS[way], target, sizeof(target), &told);
        one(&pair, "with the length", WAYS[way], target, sizeof(target), &sized);
        say("  length %zu", length);
    }
    one(&pair, "nothing of a message to be fetched", UCP_AM_SEND_FLAG_RNDV, target, 0, &empty);
    one(&pair, "too small a buffer for eager data", UCP_AM_SEND_FLAG_EAGER, target, BYTES - 1, &empty);
    one(&pair, "after that", UCP_AM_SEND_FLAG_EAGER, target, BYTES, &empty);
    end_pair(&pair);
    return 0;
}
