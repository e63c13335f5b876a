/* ucp_ep_close_nb, the older form of closing. */
/* Breaks: UCP-EP-004 */
#include "transcript.h"

int main(void)
{
    ucp_context_h context = make_context(PAIR_FEATURES);
    ucp_worker_h near_worker = make_worker(context), far_worker = make_worker(context);
    ucp_ep_h flushed = make_endpoint(near_worker, far_worker, NULL);
    ucp_ep_h forced  = make_endpoint(near_worker, far_worker, "near");
    ucs_status_ptr_t refused;

    connect_endpoint(flushed);
    connect_endpoint(forced);
    refused = ucp_ep_close_nb(flushed, UCP_EP_CLOSE_MODE_FORCE);
    say("force without error handling: %s", form(refused));
    ending("flush", ucp_ep_close_nb(flushed, UCP_EP_CLOSE_MODE_FLUSH));
    ending("force", ucp_ep_close_nb(forced, UCP_EP_CLOSE_MODE_FORCE));
    settle();
    destroy_worker(near_worker);
    destroy_worker(far_worker);
    ucp_cleanup(context);
    return 0;
}
