/* Eager active messages: header and data by length, flags, ids, handlers that are replaced or missing. */
/* Breaks: UCP-AM-003 */
#include "transcript.h"

static volatile int arrived;

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    /* Without PERSISTENT_DATA the transport decides whether data may be kept: that flag says nothing here. */
    say("    %s: header %zu %s, data %zu %s, attributes%s%s", (const char *)argument, header_length,
        header_length == 0 ? "-" : holds(header, header_length, 1), length, length == 0 ? "-" : holds(data, length, 2),
        param->recv_attr & UCP_AM_RECV_ATTR_FIELD_REPLY_EP ? " REPLY_EP" : "", param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV ? " RNDV" : "");
    arrived++;
    return UCS_OK;
}

static void set_handler(ucp_worker_h worker, unsigned id, ucp_am_recv_callback_t callback, const char *argument)
{
    ucp_am_handler_param_t param = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB |
                                                  UCP_AM_HANDLER_PARAM_FIELD_ARG,
                                    .id = id, .cb = callback, .arg = (void *)argument};

    say("handler %u: %s", id, status_name(ucp_worker_set_am_recv_handler(worker, &param)));
}

static void send_message(struct pair *pair, unsigned id, size_t header_length, size_t length, uint32_t flags)
{
    static char header[4096], data[65536];
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = flags | UCP_AM_SEND_FLAG_EAGER};

    fill(header, sizeof(header), 1);
    fill(data, sizeof(data), 2);
    arrived = 0;
    ending("  send", ucp_am_send_nbx(pair->ep, id, header, header_length, data, length, &param));
    wait_until("    message", &arrived);
}

int main(void)
{
    struct pair pair           = make_pair(NULL);
    ucp_request_param_t plain  = {.op_attr_mask = 0};
    static const size_t HEAD[] = {0, 1, 8, 200, 1000};
    static const size_t DATA[] = {0, 1, 8, 1000, 9000, 65536};

    set_handler(pair.far_worker, 7, on_message, "first");
    for (size_t header = 0; header < sizeof(HEAD) / sizeof(HEAD[0]); header++) {
        for (size_t data = 0; data < sizeof(DATA) / sizeof(DATA[0]); data++) {
            say("header of %zu, data of %zu", HEAD[header], DATA[data]);
            send_message(&pair, 7, HEAD[header], DATA[data], 0);
        }
    }
    say("with a copied header");
    send_message(&pair, 7, 100, 100, UCP_AM_SEND_FLAG_COPY_HEADER);
    set_handler(pair.far_worker, 7, on_message, "second");
    send_message(&pair, 7, 1, 1, 0);
    set_handler(pair.far_worker, 65535, on_message, "largest id");
    send_message(&pair, 65535, 1, 1, 0);
    set_handler(pair.far_worker, 0, on_message, "id 0");
    send_message(&pair, 0, 1, 1, 0);
    set_handler(pair.far_worker, 7, NULL, NULL);
    set_handler(pair.far_worker, 8, NULL, NULL);
    arrived = 0;
    outcome("send to a removed handler", ucp_am_send_nbx(pair.ep, 7, NULL, 0, "x", 1, &plain));
    outcome("send to no handler", ucp_am_send_nbx(pair.ep, 999, NULL, 0, "x", 1, &plain));
    settle();
    say("arrived: %d", arrived);
    send_message(&pair, 0, 1, 1, 0);
    end_pair(&pair);
    return 0;
}
