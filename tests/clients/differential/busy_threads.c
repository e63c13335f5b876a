/* A worker in multi-thread mode that two threads progress while messages arrive and a third sends: each message is handled once. */
#include "transcript.h"
#include <pthread.h>

#define MESSAGES 2000

static ucp_worker_h near_worker, far_worker;
static ucp_ep_h ep;
static volatile int arrived, inside, overlaps;

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    (void)argument;
    (void)header;
    (void)header_length;
    (void)data;
    (void)length;
    (void)param;
    overlaps += inside++ != 0;
    arrived++;
    inside--;
    return UCS_OK;
}

static void *receive(void *argument)
{
    time_t begun = time(NULL);

    while (arrived < MESSAGES && !too_late(begun)) {
        ucp_worker_progress(far_worker);
    }
    return argument;
}

static ucp_worker_h shared_worker(ucp_context_h context)
{
    ucp_worker_params_t params = {.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE, .thread_mode = UCS_THREAD_MODE_MULTI};
    ucp_worker_h worker        = NULL;

    must("ucp_worker_create", ucp_worker_create(context, &params, &worker));
    know(worker);
    return worker;
}

int main(void)
{
    ucp_context_h context          = make_context(PAIR_FEATURES);
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 1, .cb = on_message};
    ucp_request_param_t plain      = {.op_attr_mask = 0};
    ucs_status_t worst             = UCS_OK;
    pthread_t threads[2];

    near_worker = shared_worker(context);
    far_worker  = shared_worker(context);
    ep          = make_endpoint(near_worker, far_worker, NULL);
    must("handler", ucp_worker_set_am_recv_handler(far_worker, &handler));
    connect_endpoint(ep);
    for (int index = 0; index < 2; index++) {
        pthread_create(&threads[index], NULL, receive, NULL);
    }
    for (int number = 0; number < MESSAGES; number++) {
        ucs_status_t status = complete(ucp_am_send_nbx(ep, 1, NULL, 0, "x", 1, &plain));

        worst = status == UCS_OK ? worst : status;
    }
    for (int index = 0; index < 2; index++) {
        pthread_join(threads[index], NULL);
    }
    say("sends: %s", status_name(worst));
    say("arrived: %d, at once: %d", arrived, overlaps);
    close_endpoint(ep);
    destroy_worker(near_worker);
    destroy_worker(far_worker);
    ucp_cleanup(context);
    return 0;
}
