/* Requests in memory of the client: used for several operations one after the other, never given to ucp_request_free. */
#include "transcript.h"

static volatile int called;
static void *handed;

static void on_completion(void *request, ucs_status_t status, void *user_data)
{
    (void)user_data;
    say("  callback: %s, for %s", status_name(status), request == handed ? "the client's request" : "another request");
    called = 1;
}

static void follow(const char *what, ucs_status_ptr_t pointer)
{
    say("%s: %s", what, form(pointer));
    if (UCS_PTR_IS_PTR(pointer)) {
        say("  it is %s", pointer == handed ? "the client's memory" : "other memory");
        say("  ends with %s", status_name(final_status(pointer)));
    }
}

int main(void)
{
    struct pair pair          = make_pair(NULL);
    ucp_context_attr_t attr   = {.field_mask = UCP_ATTR_FIELD_REQUEST_SIZE};
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_REQUEST | UCP_OP_ATTR_FIELD_CALLBACK,
                                 .cb.send      = on_completion};
    uint64_t value            = 9;
    char *memory;

    must("ucp_context_query", ucp_context_query(pair.near_context, &attr));
    memory        = malloc(attr.request_size + 64);
    handed        = memory + attr.request_size;
    param.request = handed;
    follow("put", ucp_put_nbx(pair.ep, &value, sizeof(value), (uint64_t)pair.far_memory, pair.rkey, &param));
    param.op_attr_mask |= UCP_OP_ATTR_FLAG_NO_IMM_CMPL;
    follow("put that is not immediate", ucp_put_nbx(pair.ep, &value, sizeof(value), (uint64_t)pair.far_memory, pair.rkey, &param));
    say("  status again: %s", status_name(ucp_request_check_status(handed)));
    follow("the same memory again", ucp_put_nbx(pair.ep, &value, sizeof(value), (uint64_t)pair.far_memory, pair.rkey, &param));
    follow("get", ucp_get_nbx(pair.ep, &value, sizeof(value), (uint64_t)pair.far_memory, pair.rkey, &param));
    follow("message", ucp_am_send_nbx(pair.ep, 1, NULL, 0, &value, sizeof(value), &param));
    say("  status again: %s", status_name(ucp_request_check_status(handed)));
    say("value: %d", (int)value);
    end_pair(&pair);
    free(memory);
    return 0;
}
