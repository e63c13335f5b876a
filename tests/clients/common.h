/* What every client of these tests begins with: a context, a worker, registrations. */
#ifndef COMMON_H
#define COMMON_H

#include "ucx_min.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        ucs_status_t status_ = (call);                                                                                 \
        if (status_ != 0) {                                                                                            \
            fprintf(stderr, "%s answered %d\n", #call, status_);                                                       \
            exit(77);                                                                                                  \
        }                                                                                                              \
    } while (0)

static ucp_context_h context;
static ucp_worker_h worker;
static char buffer[4096];

static inline ucp_context_h make_context(void)
{
    ucp_params_t params = {UCP_PARAM_FIELD_FEATURES, UCP_FEATURE_RMA, {0}};
    ucp_context_h made = NULL;

    CHECK(ucp_init_version(1, 20, &params, NULL, &made));
    return made;
}

static inline ucp_worker_h make_worker(ucp_context_h of)
{
    ucp_worker_params_t params = {0};
    ucp_worker_h made = NULL;

    CHECK(ucp_worker_create(of, &params, &made));
    return made;
}

static inline ucp_mem_h map_buffer(void)
{
    ucp_mem_map_params_t params = {UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH, buffer,
                                   sizeof(buffer)};
    ucp_mem_h made = NULL;

    CHECK(ucp_mem_map(context, &params, &made));
    return made;
}

static inline void begin(void)
{
    context = make_context();
    worker  = make_worker(context);
}

static inline void finish(void)
{
    ucp_worker_destroy(worker);
    ucp_cleanup(context);
}

#endif
