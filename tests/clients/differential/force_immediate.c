/* FORCE_IMM_CMPL: complete at once, or NO_RESOURCE; never a request. */
#include "transcript.h"

static char memory[1 << 16];

int main(void)
{
    struct pair pair         = make_pair(NULL);
    ucp_request_param_t now  = {.op_attr_mask = UCP_OP_ATTR_FLAG_FORCE_IMM_CMPL};
    ucp_request_param_t list = {.op_attr_mask = UCP_OP_ATTR_FLAG_FORCE_IMM_CMPL | UCP_OP_ATTR_FIELD_DATATYPE,
                                .datatype     = ucp_dt_make_iov()};
    ucp_request_param_t rndv = {.op_attr_mask = UCP_OP_ATTR_FLAG_FORCE_IMM_CMPL | UCP_OP_ATTR_FIELD_FLAGS,
                                .flags        = UCP_AM_SEND_FLAG_RNDV};
    ucp_dt_iov_t pieces[]    = {{memory, 8}, {memory + 100, 8}};
    uint64_t far             = (uint64_t)pair.far_memory;

    outcome("put of 8", ucp_put_nbx(pair.ep, memory, 8, far, pair.rkey, &now));
    outcome("put of 65536", ucp_put_nbx(pair.ep, memory, sizeof(memory), far, pair.rkey, &now));
    outcome("put of a list", ucp_put_nbx(pair.ep, pieces, 2, far, pair.rkey, &list));
    outcome("get of 8", ucp_get_nbx(pair.ep, memory, 8, far, pair.rkey, &now));
    outcome("get of 65536", ucp_get_nbx(pair.ep, memory, sizeof(memory), far, pair.rkey, &now));
    outcome("get of nothing", ucp_get_nbx(pair.ep, memory, 0, far, pair.rkey, &now));
    outcome("message of 8", ucp_am_send_nbx(pair.ep, IGNORED, NULL, 0, memory, 8, &now));
    outcome("message of 65536", ucp_am_send_nbx(pair.ep, IGNORED, NULL, 0, memory, sizeof(memory), &now));
    outcome("message of a list", ucp_am_send_nbx(pair.ep, IGNORED, NULL, 0, pieces, 2, &list));
    outcome("rendezvous", ucp_am_send_nbx(pair.ep, IGNORED, NULL, 0, memory, 8, &rndv));
    outcome("flush", ucp_ep_flush_nbx(pair.ep, &now));
    end_pair(&pair);
    return 0;
}
