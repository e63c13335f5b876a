/* Closing an endpoint: in both modes, on endpoints with and without error handling, used and unused. */
/* Breaks: UCP-EP-004 */
#include "transcript.h"

static void close_one(const char *what, int with_handler, int used, uint32_t flags)
{
    struct pair pair          = open_pair(with_handler ? "near" : NULL);
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = flags};
    ucs_status_ptr_t pointer;

    say("%s", what);
    if (used) {
        connect_endpoint(pair.ep);
    }
    ucp_rkey_destroy(pair.rkey);
    pair.rkey = NULL;
    pointer   = ucp_ep_close_nbx(pair.ep, &param);
    say("  close: %s", UCS_PTR_IS_ERR(pointer) ? form(pointer) : "accepted");
    if (UCS_PTR_IS_ERR(pointer)) {
        param.op_attr_mask = 0;
        ending("  still open: put of nothing", ucp_am_send_nbx(pair.ep, IGNORED, NULL, 0, NULL, 0, &param));
        ending("  close again", ucp_ep_close_nbx(pair.ep, &param));
    } else {
        ending("  close", pointer);
    }
    pair.ep = NULL;
    settle();
    end_pair(&pair);
}

static void on_closed(void *request, ucs_status_t status, void *user_data)
{
    (void)request;
    (void)user_data;
    say("  callback of close: %s", status_name(status));
}

int main(void)
{
    const uint32_t force      = UCP_EP_CLOSE_FLAG_FORCE;
    struct pair pair          = make_pair("near");
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FLAG_NO_IMM_CMPL, .cb.send = on_closed};

    say("with a callback and NO_IMM_CMPL");
    ending("  close", ucp_ep_close_nbx(pair.ep, &param));
    pair.ep = NULL;
    end_pair(&pair);
    close_one("flush, no error handling, unused", 0, 0, 0);
    close_one("flush, no error handling, used", 0, 1, 0);
    close_one("flush, error handling, unused", 1, 0, 0);
    close_one("flush, error handling, used", 1, 1, 0);
    close_one("force, no error handling, unused", 0, 0, force);
    close_one("force, no error handling, used", 0, 1, force);
    close_one("force, error handling, unused", 1, 0, force);
    close_one("force, error handling, used", 1, 1, force);
    return 0;
}
