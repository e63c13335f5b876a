/* Flushes an endpoint to its own worker, polls until that is complete, and prints how many progress calls it took. */
#include "common.h"

int main(void)
{
    ucp_worker_attr_t attr  = {UCP_WORKER_ATTR_FIELD_ADDRESS};
    ucp_ep_params_t params  = {UCP_EP_PARAM_FIELD_REMOTE_ADDRESS, NULL, {0}};
    ucp_request_param_t how = {0};
    unsigned long calls     = 0;
    ucs_status_ptr_t request;
    ucp_ep_h ep;

    begin();
    CHECK(ucp_worker_query(worker, &attr));
    params.address = attr.address;
    CHECK(ucp_ep_create(worker, &params, &ep));
    ucp_worker_release_address(worker, attr.address);
    request = ucp_ep_flush_nbx(ep, &how);
    if (request != NULL) {
        while (ucp_request_check_status(request) == UCS_INPROGRESS) {
            ucp_worker_progress(worker);
            calls++;
        }
        ucp_request_free(request);
    }
    if (ucp_ep_close_nbx(ep, &how) != NULL) {
        return 1;
    }
    finish();
    printf("%lu\n", calls);
    return 0;
}
