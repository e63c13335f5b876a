/* Received data lies at a multiple of what the worker asked for. */
#include "transcript.h"

static volatile int arrived;
static size_t alignment;

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    (void)argument;
    (void)header;
    (void)header_length;
    (void)param;
    say("  message of %zu, %s", length, (uintptr_t)data % alignment == 0 ? "aligned" : "not aligned");
    arrived = 1;
    return UCS_OK;
}

int main(void)
{
    static const size_t SIZES[] = {1, 100, 5000};
    static char data[5000];
    ucp_context_h context          = make_context(PAIR_FEATURES);
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB |
                                                    UCP_AM_HANDLER_PARAM_FIELD_FLAGS,
                                      .id = 1, .cb = on_message, .flags = UCP_AM_FLAG_WHOLE_MSG | UCP_AM_FLAG_PERSISTENT_DATA};
    ucp_request_param_t eager      = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = UCP_AM_SEND_FLAG_EAGER};

    for (alignment = 1; alignment <= 4096; alignment *= 16) {
        ucp_worker_params_t params = {.field_mask = UCP_WORKER_PARAM_FIELD_AM_ALIGNMENT, .am_alignment = alignment};
        ucp_worker_h far_worker    = NULL;
        ucp_worker_h near_worker   = make_worker(context);
        ucp_ep_h ep;

        say("alignment of %zu: %s", alignment, status_name(ucp_worker_create(context, &params, &far_worker)));
        know(far_worker);
        ep = make_endpoint(near_worker, far_worker, NULL);
        must("handler", ucp_worker_set_am_recv_handler(far_worker, &handler));
        connect_endpoint(ep);
        for (int index = 0; index < 3; index++) {
            arrived = 0;
            ending("  send", ucp_am_send_nbx(ep, 1, "abc", 3, data, SIZES[index], &eager));
            wait_until("  message", &arrived);
        }
        close_endpoint(ep);
        destroy_worker(near_worker);
        destroy_worker(far_worker);
    }
    ucp_cleanup(context);
    return 0;
}
