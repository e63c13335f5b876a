/* Operations that name the registration of their buffer. */
#include "transcript.h"

static char near_memory[4096];

int main(void)
{
    struct pair pair          = make_pair(NULL);
    ucp_mem_h memh            = map_memory(pair.near_context, near_memory, sizeof(near_memory));
    ucp_mem_h part            = map_memory(pair.near_context, near_memory + 100, 50);
    ucp_request_param_t named = {.op_attr_mask = UCP_OP_ATTR_FIELD_MEMH, .memh = memh};
    ucp_request_param_t plain = {.op_attr_mask = 0};
    uint64_t far              = (uint64_t)pair.far_memory;

    fill(near_memory, sizeof(near_memory), 1);
    ending("put of all", ucp_put_nbx(pair.ep, near_memory, sizeof(near_memory), far, pair.rkey, &named));
    ending("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    say("  %s", holds(pair.far_memory, sizeof(near_memory), 1));
    ending("get of all", ucp_get_nbx(pair.ep, near_memory, sizeof(near_memory), far, pair.rkey, &named));
    ending("message", ucp_am_send_nbx(pair.ep, IGNORED, NULL, 0, near_memory, 100, &named));
    named.memh = part;
    ending("put of a part", ucp_put_nbx(pair.ep, near_memory + 100, 50, far, pair.rkey, &named));
    ending("put of less", ucp_put_nbx(pair.ep, near_memory + 110, 10, far, pair.rkey, &named));
    named.op_attr_mask |= UCP_OP_ATTR_FIELD_MEMORY_TYPE;
    named.memory_type   = UCS_MEMORY_TYPE_HOST;
    ending("put with its memory type", ucp_put_nbx(pair.ep, near_memory + 110, 10, far, pair.rkey, &named));
    ending("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    must("ucp_mem_unmap", ucp_mem_unmap(pair.near_context, part));
    must("ucp_mem_unmap", ucp_mem_unmap(pair.near_context, memh));
    end_pair(&pair);
    return 0;
}
