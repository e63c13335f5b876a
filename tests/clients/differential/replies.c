/* Answers over the endpoint that a message brings with it. */
#include "transcript.h"

static volatile int answered;
static ucp_ep_h first_reply;

static ucs_status_t on_question(void *argument, const void *header, size_t header_length, void *data, size_t length,
                                const ucp_am_recv_param_t *param)
{
    static ucp_request_param_t plain = {.op_attr_mask = 0};
    ucs_status_ptr_t pointer;

    (void)argument;
    (void)header;
    (void)header_length;
    say("  question of %zu, reply endpoint: %s", length, param->recv_attr & UCP_AM_RECV_ATTR_FIELD_REPLY_EP ? "yes" : "no");
    if ((param->recv_attr & UCP_AM_RECV_ATTR_FIELD_REPLY_EP) == 0) {
        answered = 1;
        return UCS_OK;
    }
    say("  it is %s", first_reply == NULL ? "the first" : first_reply == param->reply_ep ? "the same again" : "another");
    first_reply = param->reply_ep;
    pointer     = ucp_am_send_nbx(param->reply_ep, 2, NULL, 0, data, length < 8 ? length : 8, &plain);
    say("  answer sent without an error: %s", UCS_PTR_IS_ERR(pointer) ? "no" : "yes");
    if (UCS_PTR_IS_PTR(pointer)) {
        ucp_request_free(pointer);
    }
    return UCS_OK;
}

static ucs_status_t on_answer(void *argument, const void *header, size_t header_length, void *data, size_t length,
                              const ucp_am_recv_param_t *param)
{
    (void)argument;
    (void)header;
    (void)header_length;
    say("  answer of %zu: %s, reply endpoint: %s", length, holds(data, length, 1), param->recv_attr & UCP_AM_RECV_ATTR_FIELD_REPLY_EP ? "yes" : "no");
    answered = 1;
    return UCS_OK;
}

static void set_handler(ucp_worker_h worker, unsigned id, ucp_am_recv_callback_t callback)
{
    ucp_am_handler_param_t param = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = id, .cb = callback};

    must("handler", ucp_worker_set_am_recv_handler(worker, &param));
}

int main(void)
{
    struct pair pair          = make_pair(NULL);
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS};
    char question[16];

    fill(question, sizeof(question), 1);
    set_handler(pair.far_worker, 1, on_question);
    set_handler(pair.near_worker, 2, on_answer);
    for (int round = 0; round < 3; round++) {
        param.flags = round < 2 ? UCP_AM_SEND_FLAG_REPLY : 0;
        answered    = 0;
        ending("question", ucp_am_send_nbx(pair.ep, 1, NULL, 0, question, sizeof(question), &param));
        wait_until("answer", &answered);
    }
    end_pair(&pair);
    return 0;
}
