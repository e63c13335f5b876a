/* Several endpoints of one worker to the same and to other workers: each lives by itself. */
#include "transcript.h"

int main(void)
{
    struct pair pair          = make_pair("the first");
    ucp_worker_h third        = make_worker(pair.far_context);
    ucp_ep_h twin             = make_endpoint(pair.near_worker, pair.far_worker, "the twin");
    ucp_ep_h other            = make_endpoint(pair.near_worker, third, "the other");
    ucp_ep_h back             = make_endpoint(pair.far_worker, pair.near_worker, "the way back");
    ucp_rkey_h twin_key       = make_rkey(twin, pair.far_context, pair.memh);
    ucp_rkey_h other_key      = make_rkey(other, pair.far_context, pair.memh);
    ucp_request_param_t plain = {.op_attr_mask = 0};
    ucp_request_param_t force = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = UCP_EP_CLOSE_FLAG_FORCE};
    uint64_t value            = 11;

    say("an endpoint to the same worker is %s", twin == pair.ep ? "the same" : "another");
    connect_endpoint(twin);
    connect_endpoint(other);
    connect_endpoint(back);
    ending("put on the twin", ucp_put_nbx(twin, &value, 8, (uint64_t)pair.far_memory, twin_key, &plain));
    ending("put on the other", ucp_put_nbx(other, &value, 8, (uint64_t)pair.far_memory + 8, other_key, &plain));
    ending("flush of the twin", ucp_ep_flush_nbx(twin, &plain));
    ending("flush of the other", ucp_ep_flush_nbx(other, &plain));
    say("far values: %d %d", (int)((uint64_t *)pair.far_memory)[0], (int)((uint64_t *)pair.far_memory)[1]);
    ucp_rkey_destroy(twin_key);
    ending("close of the twin", ucp_ep_close_nbx(twin, &plain));
    value = 12;
    ending("put on the first", ucp_put_nbx(pair.ep, &value, 8, (uint64_t)pair.far_memory, pair.rkey, &plain));
    ending("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    say("far value: %d", (int)*(uint64_t *)pair.far_memory);
    ucp_rkey_destroy(other_key);
    ending("forced close of the other", ucp_ep_close_nbx(other, &force));
    ending("message back", ucp_am_send_nbx(back, IGNORED, NULL, 0, "x", 1, &plain));
    ending("close of the way back", ucp_ep_close_nbx(back, &plain));
    settle();
    destroy_worker(third);
    end_pair(&pair);
    return 0;
}
