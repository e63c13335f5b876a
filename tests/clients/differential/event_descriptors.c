/* A worker on the client's own event descriptor, and the client's choice of events. */
/* Breaks: UCP-WAK-002 */
#include "transcript.h"
#include <sys/epoll.h>

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
    arrived = 1;
    return UCS_OK;
}

/* Sleeps on the client's own descriptor, as a program with one loop for everything does. */
static void wake_up_by(int set, ucp_context_h context, ucp_worker_h worker)
{
    ucp_worker_h other             = make_worker(context);
    ucp_ep_h ep                    = make_endpoint(other, worker, NULL);
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 1, .cb = on_message};
    ucp_request_param_t plain      = {.op_attr_mask = 0};
    ucs_status_t status            = UCS_ERR_BUSY;
    struct epoll_event event       = {0};

    know(worker);
    must("handler", ucp_worker_set_am_recv_handler(worker, &handler));
    connect_endpoint(ep);
    for (int round = 0; round < 10000 && status == UCS_ERR_BUSY; round++) {
        settle();
        status = ucp_worker_arm(worker);
    }
    say("  arm: %s, then %d events", status_name(status), epoll_wait(set, &event, 1, 50));
    ending("  send", ucp_am_send_nbx(ep, 1, NULL, 0, NULL, 0, &plain));
    say("  woken by %d", epoll_wait(set, &event, 1, 5000));
    say("  the client's data %s", event.data.ptr == &arrived ? "comes back" : "is lost");
    wait_until("  message", &arrived);
    close_endpoint(ep);
    destroy_worker(other);
    destroy_worker(worker);
}

int main(void)
{
    ucp_context_h context      = make_context(PAIR_FEATURES | UCP_FEATURE_WAKEUP);
    int descriptor             = -1;
    ucp_worker_params_t params = {.field_mask = UCP_WORKER_PARAM_FIELD_EVENT_FD | UCP_WORKER_PARAM_FIELD_USER_DATA,
                                  .event_fd = epoll_create1(0), .user_data = (void *)&arrived};
    ucp_worker_h worker        = NULL;

    say("worker on the client's descriptor: %s", status_name(ucp_worker_create(context, &params, &worker)));
    say("descriptor: %s", status_name(ucp_worker_get_efd(worker, &descriptor)));
    wake_up_by(params.event_fd, context, worker);
    params.field_mask = UCP_WORKER_PARAM_FIELD_EVENTS;
    params.events     = UCP_WAKEUP_TAG_RECV | UCP_WAKEUP_EDGE;
    say("worker with chosen events: %s", status_name(ucp_worker_create(context, &params, &worker)));
    say("descriptor: %s", status_name(ucp_worker_get_efd(worker, &descriptor)));
    ucp_worker_destroy(worker);
    params.field_mask = UCP_WORKER_PARAM_FIELD_EVENTS;
    params.events     = 0;
    say("worker with no event: %s", status_name(ucp_worker_create(context, &params, &worker)));
    ucp_worker_destroy(worker);
    close(params.event_fd);
    ucp_cleanup(context);
    return 0;
}
