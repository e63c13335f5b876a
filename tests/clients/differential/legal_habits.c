/* What clients do and may do, though it looks odd: none of it is a finding. */
#include "transcript.h"

static char near_memory[4096];

int main(void)
{
    struct pair pair          = make_pair("near");
    ucp_ep_h unused           = make_endpoint(pair.near_worker, pair.far_worker, NULL);
    ucp_request_param_t plain = {.op_attr_mask = 0};
    ucp_request_param_t held  = {.op_attr_mask = UCP_OP_ATTR_FLAG_NO_IMM_CMPL};
    uint64_t far              = (uint64_t)pair.far_memory;
    ucp_mem_h held_memory     = map_memory(pair.far_context, near_memory, sizeof(near_memory));
    ucp_rkey_h held_key       = make_rkey(pair.ep, pair.far_context, held_memory);
    ucs_status_ptr_t first, second;

    ending("flush of an endpoint that was never used", ucp_ep_flush_nbx(unused, &plain));
    ending("its close", ucp_ep_close_nbx(unused, &plain));
    first  = ucp_ep_flush_nbx(pair.ep, &plain);
    second = ucp_ep_flush_nbx(pair.ep, &plain);
    ending("a flush while another is pending", second);
    ending("the other", first);
    for (int round = 0; round < 3; round++) {
        ucs_status_ptr_t pointer = ucp_get_nbx(pair.ep, near_memory + 8 * round, 8, far, pair.rkey, &held);

        if (UCS_PTR_IS_PTR(pointer)) {
            ucp_request_free(pointer);
        }
    }
    ending("flush after requests were given back at once", ucp_ep_flush_nbx(pair.ep, &plain));
    must("ucp_mem_unmap", ucp_mem_unmap(pair.far_context, held_memory));
    ucp_rkey_destroy(held_key);
    say("a key is destroyed after its memory was unmapped");
    first = ucp_put_nbx(pair.ep, near_memory, 8, far, pair.rkey, &held);
    say("put: %s", status_name(final_status(first)));
    ucp_request_cancel(pair.near_worker, first);
    say("cancelled when complete: %s", status_name(ucp_request_check_status(first)));
    ucp_request_free(first);
    ending("put into itself", ucp_put_nbx(pair.ep, near_memory + 1, 1000, far + 3, pair.rkey, &plain));
    ending("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    end_pair(&pair);
    return 0;
}
