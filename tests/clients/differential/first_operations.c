/* The very first put and get of an endpoint: UCX connects it under them. */
#include "transcript.h"

int main(void)
{
    struct pair pair          = open_pair(NULL);
    ucp_request_param_t plain = {.op_attr_mask = 0};
    uint64_t value            = 42;
    ucs_status_ptr_t put      = ucp_put_nbx(pair.ep, &value, sizeof(value), (uint64_t)pair.far_memory, pair.rkey, &plain);
    ucs_status_ptr_t flush    = ucp_ep_flush_nbx(pair.ep, &plain);

    outcome("put", put);
    outcome("flush", flush);
    say("far value: %d", (int)*(uint64_t *)pair.far_memory);
    value = 0;
    outcome("get", ucp_get_nbx(pair.ep, &value, sizeof(value), (uint64_t)pair.far_memory, pair.rkey, &plain));
    say("near value: %d", (int)value);
    end_pair(&pair);
    return 0;
}
