/* Datatypes: elements of several bytes, and lists of buffers, in put, get and active messages. */
#include "transcript.h"

static char parts[3][1000];

static void on_list(const char *what, ucs_status_ptr_t pointer, const char *bytes, unsigned seed)
{
    ending(what, pointer);
    if (bytes != NULL) {
        say("  %s", holds(bytes, 1310, seed));
    }
}

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    (void)header;
    (void)param;
    say("  message: header of %zu, data of %zu: %s", header_length, length, holds(data, length, 3));
    *(volatile int *)argument = 1;
    return UCS_OK;
}

int main(void)
{
    struct pair pair           = make_pair(NULL);
    static ucp_dt_iov_t LIST[] = {{parts[0], 1000}, {parts[1], 0}, {parts[2], 310}};
    ucp_request_param_t plain  = {.op_attr_mask = 0};
    ucp_request_param_t list   = {.op_attr_mask = UCP_OP_ATTR_FIELD_DATATYPE, .datatype = ucp_dt_make_iov()};
    ucp_request_param_t words  = {.op_attr_mask = UCP_OP_ATTR_FIELD_DATATYPE, .datatype = ucp_dt_make_contig(8)};
    volatile int arrived       = 0;
    char whole[1310];
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB |
                                                    UCP_AM_HANDLER_PARAM_FIELD_ARG,
                                      .id  = 1,
                                      .cb  = on_message,
                                      .arg = (void *)&arrived};

    fill(whole, sizeof(whole), 3);
    memcpy(parts[0], whole, 1000);
    memcpy(parts[2], whole + 1000, 310);
    on_list("put of a list", ucp_put_nbx(pair.ep, LIST, 3, (uint64_t)pair.far_memory, pair.rkey, &list), NULL, 0);
    on_list("flush", ucp_ep_flush_nbx(pair.ep, &plain), pair.far_memory, 3);
    fill(pair.far_memory, 1310, 4);
    on_list("get into a list", ucp_get_nbx(pair.ep, LIST, 3, (uint64_t)pair.far_memory, pair.rkey, &list), NULL, 0);
    memcpy(whole, parts[0], 1000);
    memcpy(whole + 1000, parts[2], 310);
    say("  %s", holds(whole, 1310, 4));
    outcome("put of an empty list", ucp_put_nbx(pair.ep, LIST, 0, (uint64_t)pair.far_memory, pair.rkey, &list));
    fill(whole, 80, 5);
    on_list("put of ten words", ucp_put_nbx(pair.ep, whole, 10, (uint64_t)pair.far_memory, pair.rkey, &words), NULL, 0);
    ending("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    say("  the first 80 are %s, the rest is %s", holds(pair.far_memory, 80, 5),
        holds(pair.far_memory + 80, 1, 4) ? "as before" : "changed");
    must("handler", ucp_worker_set_am_recv_handler(pair.far_worker, &handler));
    fill(whole, sizeof(whole), 3);
    memcpy(parts[0], whole, 1000);
    memcpy(parts[2], whole + 1000, 310);
    ending("message of a list", ucp_am_send_nbx(pair.ep, 1, NULL, 0, LIST, 3, &list));
    wait_until("  message", &arrived);
    arrived = 0;
    ending("message of ten words with a header", ucp_am_send_nbx(pair.ep, 1, "head", 4, whole, 10, &words));
    wait_until("  message", &arrived);
    end_pair(&pair);
    return 0;
}
