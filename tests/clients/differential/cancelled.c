/* ucp_request_cancel on operations that do not heed it: put, get, a message, a rendezvous, and on what is complete. */
#include "transcript.h"

static char source[100000];
static void *descriptor;
static volatile int arrived;

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

static void on_completion(void *request, ucs_status_t status, void *user_data)
{
    (void)request;
    say("  callback of %s: %s", (const char *)user_data, status_name(status));
}

static void cancel(struct pair *pair, const char *what, ucs_status_ptr_t pointer)
{
    say("%s: %s", what, form(pointer));
    ucp_request_cancel(pair->near_worker, pointer);
    ending("  cancelled", pointer);
}

int main(void)
{
    struct pair pair               = make_pair(NULL);
    ucp_request_param_t param      = {.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FLAG_NO_IMM_CMPL |
                                                      UCP_OP_ATTR_FIELD_FLAGS,
                                      .cb.send = on_completion};
    ucp_request_param_t plain      = {.op_attr_mask = 0};
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 1, .cb = on_message};
    uint64_t value                 = 3;
    ucs_status_ptr_t pointer;

    must("handler", ucp_worker_set_am_recv_handler(pair.far_worker, &handler));
    param.user_data = "put";
    cancel(&pair, "put", ucp_put_nbx(pair.ep, &value, 8, (uint64_t)pair.far_memory, pair.rkey, &param));
    param.user_data = "empty message";
    cancel(&pair, "empty message", ucp_am_send_nbx(pair.ep, IGNORED, NULL, 0, NULL, 0, &param));
    ending("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    say("far value: %d", (int)*(uint64_t *)pair.far_memory);
    param.user_data    = "rendezvous";
    param.flags        = UCP_AM_SEND_FLAG_RNDV;
    param.op_attr_mask &= ~UCP_OP_ATTR_FLAG_NO_IMM_CMPL;
    pointer            = ucp_am_send_nbx(pair.ep, 1, NULL, 0, source, sizeof(source), &param);
    wait_until("message", &arrived);
    ucp_request_cancel(pair.near_worker, pointer);
    settle();
    say("cancelled rendezvous: %s", status_name(ucp_request_check_status(pointer)));
    ucp_am_data_release(pair.far_worker, descriptor);
    ending("released", pointer);
    end_pair(&pair);
    return 0;
}
