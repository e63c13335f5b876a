/* A worker that is destroyed with an endpoint still open: UCX disconnects it. The other side goes on. */
/* Breaks: UCP-WRK-003 */
#include "transcript.h"

int main(void)
{
    struct pair pair          = make_pair(NULL);
    ucp_worker_h third        = make_worker(pair.far_context);
    ucp_ep_h other            = make_endpoint(third, pair.far_worker, NULL);
    ucp_request_param_t plain = {.op_attr_mask = 0};

    ucp_rkey_destroy(pair.rkey);
    pair.rkey = NULL;
    pair.ep   = NULL;
    destroy_worker(pair.near_worker);
    say("the worker is destroyed, its endpoint is not closed");
    settle();
    connect_endpoint(other);
    ending("a message between the others", ucp_am_send_nbx(other, IGNORED, NULL, 0, "x", 1, &plain));
    close_endpoint(other);
    destroy_worker(third);
    pair.near_worker = make_worker(pair.near_context);
    end_pair(&pair);
    return 0;
}
