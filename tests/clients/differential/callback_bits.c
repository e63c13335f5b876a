/* The bits for callback and user data, one without the other, and members whose bit is clear. */
#include "transcript.h"

static volatile int called;

static void on_completion(void *request, ucs_status_t status, void *user_data)
{
    (void)request;
    say("  callback: %s, user data %s", status_name(status), user_data == NULL ? "null" : (const char *)user_data);
    called = 1;
}

static void forbidden(void *request, ucs_status_t status, void *user_data)
{
    (void)request;
    (void)status;
    (void)user_data;
    say("  a callback whose bit is clear was called");
}

static void put(struct pair *pair, const char *what, const ucp_request_param_t *param)
{
    uint64_t value           = 1;
    ucs_status_ptr_t pointer = ucp_put_nbx(pair->ep, &value, sizeof(value), (uint64_t)pair->far_memory, pair->rkey, param);

    outcome(what, pointer);
    settle();
}

int main(void)
{
    struct pair pair = make_pair(NULL);
    /* Members without their bit are never looked at: they may hold anything. */
    ucp_request_param_t param;

    memset(&param, 0xa5, sizeof(param));
    param.op_attr_mask = UCP_OP_ATTR_FLAG_NO_IMM_CMPL;
    param.cb.send      = forbidden;
    put(&pair, "neither", &param);
    param.op_attr_mask = UCP_OP_ATTR_FLAG_NO_IMM_CMPL | UCP_OP_ATTR_FIELD_USER_DATA;
    param.user_data    = "set";
    put(&pair, "user data only", &param);
    param.op_attr_mask = UCP_OP_ATTR_FLAG_NO_IMM_CMPL | UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA;
    param.cb.send      = on_completion;
    put(&pair, "both", &param);
    param.op_attr_mask = UCP_OP_ATTR_FLAG_NO_IMM_CMPL | UCP_OP_ATTR_FIELD_CALLBACK;
    put(&pair, "callback only", &param);
    param.op_attr_mask = 0;
    put(&pair, "no bit at all", &param);
    say("called: %d", called);
    end_pair(&pair);
    return 0;
}
