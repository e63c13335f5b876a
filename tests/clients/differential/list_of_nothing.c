/* A put of a list whose only element is empty: the count is not zero, the length is. */
#include "transcript.h"

int main(void)
{
    struct pair pair          = make_pair(NULL);
    char byte                 = 1;
    ucp_dt_iov_t list[]       = {{&byte, 0}};
    ucp_request_param_t plain = {.op_attr_mask = 0};
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_DATATYPE, .datatype = ucp_dt_make_iov()};

    ending("put", ucp_put_nbx(pair.ep, list, 1, (uint64_t)pair.far_memory, pair.rkey, &param));
    ending("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    end_pair(&pair);
    return 0;
}
