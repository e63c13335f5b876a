/* A put of lists on both sides. */
#include "transcript.h"

int main(void)
{
    struct pair pair = make_pair(NULL);
    char near_memory[300];
    ucp_mem_h memh             = map_memory(pair.near_context, near_memory, sizeof(near_memory));
    void *buffers[]            = {near_memory, near_memory + 100, near_memory + 200};
    size_t lengths[]           = {100, 50, 100};
    ucp_mem_h memhs[]          = {memh, memh, memh};
    uint64_t addresses[]       = {(uint64_t)pair.far_memory, (uint64_t)pair.far_memory + 1000, (uint64_t)pair.far_memory + 500};
    ucp_rkey_h rkeys[]         = {pair.rkey, pair.rkey, pair.rkey};
    ucp_dt_local_sgl_t local   = {.field_mask = UCP_DT_LOCAL_SGL_FIELD_BUFFERS | UCP_DT_LOCAL_SGL_FIELD_LENGTHS | UCP_DT_LOCAL_SGL_FIELD_MEMHS,
                                  .buffers = buffers, .lengths = lengths, .memhs = memhs};
    ucp_dt_remote_sgl_t remote = {.field_mask = UCP_DT_REMOTE_SGL_FIELD_REMOTE_ADDRS | UCP_DT_REMOTE_SGL_FIELD_RKEYS | UCP_DT_REMOTE_SGL_FIELD_LENGTHS,
                                  .remote_addrs = addresses, .rkeys = rkeys, .lengths = lengths};
    ucp_request_param_t param  = {.op_attr_mask = UCP_OP_ATTR_FIELD_DATATYPE | UCP_OP_ATTR_FIELD_REMOTE_DATATYPE | UCP_OP_ATTR_FIELD_REMOTE,
                                  .datatype = ucp_dt_make_sgl(), .remote_datatype = ucp_dt_make_sgl(), .remote = &remote};
    ucp_request_param_t plain  = {.op_attr_mask = 0};

    fill(near_memory, sizeof(near_memory), 1);
    ending("put", ucp_put_nbx(pair.ep, &local, 3, UCP_REMOTE_ADDR_INVALID, UCP_RKEY_INVALID, &param));
    ending("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    say("far side: %s", memcmp(pair.far_memory, near_memory, 100) == 0 && memcmp(pair.far_memory + 1000, near_memory + 100, 50) == 0 &&
                                memcmp(pair.far_memory + 500, near_memory + 200, 100) == 0
                            ? "the bytes" : "other bytes");
    must("ucp_mem_unmap", ucp_mem_unmap(pair.near_context, memh));
    end_pair(&pair);
    return 0;
}
