/* Thread modes: asked of a worker, of a context, of the library; and a worker in MULTI mode used by two threads. */
#include "transcript.h"
#include <pthread.h>

static struct pair pair;

static void ask(ucp_context_h context, const char *what, ucs_thread_mode_t mode, uint64_t fields)
{
    ucp_worker_params_t params = {.field_mask = fields, .thread_mode = mode};
    ucp_worker_attr_t attr     = {.field_mask = UCP_WORKER_ATTR_FIELD_THREAD_MODE};
    ucp_worker_h worker        = NULL;

    must("ucp_worker_create", ucp_worker_create(context, &params, &worker));
    must("ucp_worker_query", ucp_worker_query(worker, &attr));
    say("worker %s: granted %d", what, attr.thread_mode);
    ucp_worker_destroy(worker);
}

static void context_mode(int shared)
{
    ucp_params_t params = {.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_MT_WORKERS_SHARED, .features = UCP_FEATURE_RMA,
                           .mt_workers_shared = shared};
    ucp_context_attr_t attr = {.field_mask = UCP_ATTR_FIELD_THREAD_MODE};
    ucp_context_h context   = NULL;

    must("ucp_init", ucp_init(&params, NULL, &context));
    must("ucp_context_query", ucp_context_query(context, &attr));
    say("context with shared workers %d: thread mode %d", shared, attr.thread_mode);
    ucp_cleanup(context);
}

static void *put_many(void *argument)
{
    ucp_request_param_t plain = {.op_attr_mask = 0};
    uint64_t *numbers         = argument;

    for (int round = 0; round < 1000; round++) {
        numbers[1] += UCS_OK != complete(ucp_put_nbx(pair.ep, numbers, 8, (uint64_t)pair.far_memory + 8 * (numbers[0] - 1), pair.rkey, &plain));
        ucp_worker_progress(pair.near_worker);
    }
    return NULL;
}

int main(void)
{
    ucp_lib_attr_t attr        = {.field_mask = UCP_LIB_ATTR_FIELD_MAX_THREAD_LEVEL};
    ucp_context_h context      = make_context(PAIR_FEATURES);
    ucp_worker_params_t params = {.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE, .thread_mode = UCS_THREAD_MODE_MULTI};
    ucp_request_param_t plain  = {.op_attr_mask = 0};
    uint64_t numbers[2][2]     = {{1, 0}, {2, 0}};
    pthread_t threads[2];

    say("library: %s, level %d", status_name(ucp_lib_query(&attr)), attr.max_thread_level);
    ask(context, "without a wish", UCS_THREAD_MODE_MULTI, 0);
    ask(context, "SINGLE", UCS_THREAD_MODE_SINGLE, UCP_WORKER_PARAM_FIELD_THREAD_MODE);
    ask(context, "SERIALIZED", UCS_THREAD_MODE_SERIALIZED, UCP_WORKER_PARAM_FIELD_THREAD_MODE);
    ask(context, "MULTI", UCS_THREAD_MODE_MULTI, UCP_WORKER_PARAM_FIELD_THREAD_MODE);
    context_mode(0);
    context_mode(1);
    pair.near_context = context;
    pair.far_context  = make_context(PAIR_FEATURES);
    must("ucp_worker_create", ucp_worker_create(context, &params, &pair.near_worker));
    know(pair.near_worker);
    pair.far_worker = make_worker(pair.far_context);
    pair.ep         = make_endpoint(pair.near_worker, pair.far_worker, NULL);
    pair.far_memory = allocate_memory(pair.far_context, 4096, &pair.memh);
    pair.rkey       = make_rkey(pair.ep, pair.far_context, pair.memh);
    connect_endpoint(pair.ep);
    /* From here on only the near worker is used, by both threads. */
    workers[1] = NULL;
    for (int index = 0; index < 2; index++) {
        pthread_create(&threads[index], NULL, put_many, numbers[index]);
    }
    for (int index = 0; index < 2; index++) {
        pthread_join(threads[index], NULL);
    }
    ending("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    say("failed puts: %d and %d", (int)numbers[0][1], (int)numbers[1][1]);
    say("far values: %d and %d", (int)((uint64_t *)pair.far_memory)[0], (int)((uint64_t *)pair.far_memory)[1]);
    know(pair.far_worker);
    end_pair(&pair);
    return 0;
}
