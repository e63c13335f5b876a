/* Active messages that the receiver fetches: at once, later, not at all; and how the sender learns it. */
/* Breaks: UCP-AM-003 */
#include "transcript.h"

enum answer { LATER, DROPS, REFUSES, FETCHES_INSIDE };

#define BYTES 100000

static char source[BYTES], target[BYTES];
static enum answer how;
static volatile int arrived, sent, fetched;
static void *descriptor;
static struct pair pair;

static void on_fetched(void *request, ucs_status_t status, size_t length, void *user_data)
{
    (void)user_data;
    say("    fetched %zu: %s", length, status_name(status));
    fetched = 1;
    ucp_request_free(request);
}

static void fetch(uint32_t flags)
{
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | flags, .cb.recv_am = on_fetched};
    ucs_status_ptr_t pointer  = ucp_am_recv_data_nbx(pair.far_worker, descriptor, target, BYTES, &param);

    if (pointer == NULL) {
        say("    fetched at once");
        fetched = 1;
    } else if (UCS_PTR_IS_ERR(pointer)) {
        say("    fetch refused: %s", form(pointer));
        fetched = 1;
    }
}

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    (void)argument;
    say("    message: header %zu %s, length %zu, attributes%s%s", header_length, header_length ? holds(header, header_length, 1) : "-",
        length, param->recv_attr & UCP_AM_RECV_ATTR_FLAG_DATA ? " DATA" : "", param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV ? " RNDV" : "");
    arrived = 1;
    switch (how) {
    case LATER:
        descriptor = data;
        return UCS_INPROGRESS;
    case DROPS:
        return UCS_OK;
    case REFUSES:
        return UCS_ERR_CANCELED;
    default:
        descriptor = data;
        fetch(UCP_OP_ATTR_FLAG_NO_IMM_CMPL);
        return UCS_INPROGRESS;
    }
}

static void on_sent(void *request, ucs_status_t status, void *user_data)
{
    (void)request;
    (void)user_data;
    say("    sender's callback: %s", status_name(status));
    sent = 1;
}

static ucs_status_ptr_t announce(unsigned id, enum answer answer)
{
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_FLAGS,
                                 .cb.send      = on_sent,
                                 .flags        = UCP_AM_SEND_FLAG_RNDV};
    ucs_status_ptr_t pointer;

    how     = answer;
    arrived = sent = fetched = 0;
    memset(target, 0, sizeof(target));
    pointer = ucp_am_send_nbx(pair.ep, id, source, 10, source, BYTES, &param);
    say("  send: %s", form(pointer));
    return pointer;
}

int main(void)
{
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 4, .cb = on_message};
    ucs_status_ptr_t pointer;

    pair = make_pair(NULL);
    fill(source, BYTES, 1);
    must("handler", ucp_worker_set_am_recv_handler(pair.far_worker, &handler));
    say("fetched later");
    pointer = announce(4, LATER);
    wait_until("message", &arrived);
    settle();
    say("  the sender is told before: %s", sent ? "yes" : "no");
    fetch(0);
    wait_until("fetch", &fetched);
    say("  ends with %s, %s", status_name(complete(pointer)), holds(target, BYTES, 1));
    say("fetched inside the handler");
    pointer = announce(4, FETCHES_INSIDE);
    wait_until("fetch", &fetched);
    say("  ends with %s, %s", status_name(complete(pointer)), holds(target, BYTES, 1));
    say("dropped");
    say("  ends with %s", status_name(complete(announce(4, DROPS))));
    say("refused");
    say("  ends with %s", status_name(complete(announce(4, REFUSES))));
    say("kept, then released");
    pointer = announce(4, LATER);
    wait_until("message", &arrived);
    ucp_am_data_release(pair.far_worker, descriptor);
    say("  ends with %s", status_name(complete(pointer)));
    say("no handler");
    say("  ends with %s", status_name(complete(announce(5, DROPS))));
    end_pair(&pair);
    return 0;
}
