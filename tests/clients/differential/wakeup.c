/* The event descriptor: arm, what makes it readable, busy, and what needs the feature. */
#include "transcript.h"
#include <poll.h>

static volatile int arrived;

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    (void)argument;
    (void)header;
    (void)header_length;
    (void)data;
    (void)length;
    (void)param;
    arrived++;
    return UCS_OK;
}

/* Arms an idle worker: it may be busy at first, not for ever. */
static ucs_status_t arm(ucp_worker_h worker)
{
    ucs_status_t status = UCS_ERR_BUSY;

    for (int round = 0; round < 10000 && status == UCS_ERR_BUSY; round++) {
        settle();
        status = ucp_worker_arm(worker);
    }
    return status;
}

static const char *readable(int descriptor, int wait_ms)
{
    struct pollfd poller = {.fd = descriptor, .events = POLLIN};

    return poll(&poller, 1, wait_ms) == 1 ? "readable" : "silent";
}

int main(void)
{
    ucp_context_h context          = make_context(PAIR_FEATURES | UCP_FEATURE_WAKEUP);
    ucp_worker_h near_worker       = make_worker(context);
    ucp_worker_h far_worker        = make_worker(context);
    ucp_ep_h ep                    = make_endpoint(near_worker, far_worker, NULL);
    ucp_request_param_t plain      = {.op_attr_mask = 0};
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 1, .cb = on_message};
    int descriptor = -1, again = -1;

    must("handler", ucp_worker_set_am_recv_handler(far_worker, &handler));
    connect_endpoint(ep);
    say("descriptor: %s", status_name(ucp_worker_get_efd(far_worker, &descriptor)));
    say("again: %s, %s", status_name(ucp_worker_get_efd(far_worker, &again)), descriptor == again ? "the same" : "another");
    for (int round = 0; round < 3; round++) {
        arrived = 0;
        say("arm: %s", status_name(arm(far_worker)));
        say("  %s", readable(descriptor, 50));
        ending("  send", ucp_am_send_nbx(ep, 1, NULL, 0, NULL, 0, &plain));
        say("  %s", readable(descriptor, 5000));
        say("  arrived before progress: %s", arrived ? "yes" : "no");
        say("  arm with something to do: %s", status_name(ucp_worker_arm(far_worker)));
        wait_until("  message", &arrived);
    }
    say("arm twice: %s", status_name(arm(far_worker)));
    say("  %s", status_name(ucp_worker_arm(far_worker)));
    close_endpoint(ep);
    destroy_worker(near_worker);
    destroy_worker(far_worker);
    ucp_cleanup(context);
    return 0;
}
