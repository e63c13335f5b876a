/* A serialized worker that two threads use by turns, and a context in which two threads register at once. */
#include "transcript.h"
#include <pthread.h>

#define ROUNDS 200

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static ucp_context_h context;
static ucp_worker_h worker;
static ucp_ep_h ep;
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

static void *send_by_turns(void *argument)
{
    ucp_request_param_t plain = {.op_attr_mask = 0};
    int *failures             = argument;

    for (int round = 0; round < ROUNDS; round++) {
        pthread_mutex_lock(&turn);
        *failures += complete(ucp_am_send_nbx(ep, 1, NULL, 0, NULL, 0, &plain)) != UCS_OK;
        ucp_worker_progress(worker);
        pthread_mutex_unlock(&turn);
    }
    return NULL;
}

static void *register_many(void *argument)
{
    static char memory[ROUNDS][4096];
    int *failures = argument;

    for (int round = 0; round < ROUNDS; round++) {
        ucp_mem_h memh = map_memory(context, memory[round], 4096);
        void *blob     = NULL;
        size_t length  = 0;

        *failures += ucp_rkey_pack(context, memh, &blob, &length) != UCS_OK;
        ucp_rkey_buffer_release(blob);
        *failures += ucp_mem_unmap(context, memh) != UCS_OK;
    }
    return NULL;
}

static void both(const char *what, void *(*routine)(void *))
{
    int failures[2] = {0, 0};
    pthread_t threads[2];

    for (int index = 0; index < 2; index++) {
        pthread_create(&threads[index], NULL, routine, &failures[index]);
    }
    for (int index = 0; index < 2; index++) {
        pthread_join(threads[index], NULL);
    }
    say("%s: %d failures", what, failures[0] + failures[1]);
}

int main(void)
{
    ucp_params_t params        = {.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_MT_WORKERS_SHARED, .features = PAIR_FEATURES,
                                  .mt_workers_shared = 1};
    ucp_worker_params_t serial = {.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE, .thread_mode = UCS_THREAD_MODE_SERIALIZED};
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 1, .cb = on_message};

    must("ucp_init", ucp_init(&params, NULL, &context));
    must("ucp_worker_create", ucp_worker_create(context, &serial, &worker));
    know(worker);
    must("handler", ucp_worker_set_am_recv_handler(worker, &handler));
    ep = make_endpoint(worker, worker, NULL);
    connect_endpoint(ep);
    both("messages by turns", send_by_turns);
    settle();
    say("arrived: %d", arrived);
    both("registrations at once", register_many);
    close_endpoint(ep);
    destroy_worker(worker);
    ucp_cleanup(context);
    return 0;
}
