/* NO_IMM_CMPL and FORCE_IMM_CMPL on put, get, flush and active messages: the form of the answer, and when the callback runs. */
#include "transcript.h"

static const char *where;
static volatile int called;

static void on_completion(void *request, ucs_status_t status, void *user_data)
{
    (void)request;
    say("    callback of %s %s: %s", (const char *)user_data, where, status_name(status));
    called = 1;
}

/* Says what came back, lets it end, and whether its callback ran at all. */
static void follow(const char *what, ucs_status_ptr_t pointer)
{
    say("  %s: %s", what, form(pointer));
    where = "during progress";
    if (UCS_PTR_IS_PTR(pointer)) {
        wait_until("    callback", &called);
    }
    say("    ends with %s%s", status_name(complete(pointer)), called ? "" : ", no callback");
    called = 0;
    where  = "inside the call";
}

static void all_operations(struct pair *pair, uint32_t flags)
{
    static uint64_t value     = 7;
    ucp_request_param_t param = {
        .op_attr_mask = flags | UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA, .cb.send = on_completion};

    where           = "inside the call";
    param.user_data = "put";
    follow("put", ucp_put_nbx(pair->ep, &value, sizeof(value), (uint64_t)pair->far_memory, pair->rkey, &param));
    param.user_data = "message";
    follow("message", ucp_am_send_nbx(pair->ep, 3, NULL, 0, &value, sizeof(value), &param));
    param.user_data = "flush";
    follow("flush", ucp_ep_flush_nbx(pair->ep, &param));
    param.user_data = "empty put";
    follow("empty put", ucp_put_nbx(pair->ep, &value, 0, (uint64_t)pair->far_memory, pair->rkey, &param));
    param.user_data = "empty get";
    follow("empty get", ucp_get_nbx(pair->ep, &value, 0, (uint64_t)pair->far_memory, pair->rkey, &param));
    param.user_data = "empty message";
    follow("empty message", ucp_am_send_nbx(pair->ep, 3, NULL, 0, NULL, 0, &param));
}

int main(void)
{
    struct pair pair = make_pair(NULL);

    say("no flag");
    all_operations(&pair, 0);
    say("NO_IMM_CMPL");
    all_operations(&pair, UCP_OP_ATTR_FLAG_NO_IMM_CMPL);
    say("FORCE_IMM_CMPL");
    all_operations(&pair, UCP_OP_ATTR_FLAG_FORCE_IMM_CMPL);
    say("MULTI_SEND and FAST_CMPL");
    all_operations(&pair, UCP_OP_ATTR_FLAG_MULTI_SEND);
    all_operations(&pair, UCP_OP_ATTR_FLAG_FAST_CMPL);
    end_pair(&pair);
    return 0;
}
