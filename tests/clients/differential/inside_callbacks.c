/* What a client may do inside callbacks: free the request, post more, answer, unpack and destroy keys. */
#include "transcript.h"

static struct pair pair;
static volatile int left = 5, arrived;

static void on_put(void *request, ucs_status_t status, void *user_data)
{
    ucp_request_param_t plain = {.op_attr_mask = 0};

    say("  callback of put %s: %s", (const char *)user_data, status_name(status));
    ending("  another put", ucp_put_nbx(pair.ep, user_data, 4, (uint64_t)pair.far_memory + 8, pair.rkey, &plain));
    if (request != NULL) {
        ucp_request_free(request);
    }
}

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    static ucp_request_param_t plain = {.op_attr_mask = 0};
    ucs_status_ptr_t pointer;

    (void)argument;
    (void)header;
    (void)header_length;
    (void)data;
    (void)param;
    say("  message of %zu, %d left", length, left);
    arrived++;
    if (left-- > 0) {
        pointer = ucp_am_send_nbx(pair.ep, 1, NULL, 0, "xyz", length + 1 > 3 ? 3 : length + 1, &plain);
        say("  sent from inside: %s", form(pointer));
    }
    return UCS_OK;
}

int main(void)
{
    ucp_request_param_t told       = {.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FLAG_NO_IMM_CMPL,
                                      .cb.send = on_put, .user_data = "one"};
    ucp_request_param_t plain      = {.op_attr_mask = 0};
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 1, .cb = on_message};

    pair = make_pair(NULL);
    say("put: %s", form(ucp_put_nbx(pair.ep, "abcd", 4, (uint64_t)pair.far_memory, pair.rkey, &told)));
    ending("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    say("far side: %.4s and %.4s", pair.far_memory, pair.far_memory + 8);
    must("handler", ucp_worker_set_am_recv_handler(pair.far_worker, &handler));
    ending("message", ucp_am_send_nbx(pair.ep, 1, NULL, 0, NULL, 0, &plain));
    settle();
    say("arrived: %d", arrived);
    end_pair(&pair);
    return 0;
}
