/* Stands for the real libucp that a client is linked against: the loader maps it, and whoever gets to it gets UCS_ERR_UNSUPPORTED. */
#include "ucx_min.h"

#define UNSUPPORTED (-22)

ucs_status_t ucp_init_version(unsigned major, unsigned minor, const ucp_params_t *params, const ucp_config_t *config,
                              ucp_context_h *context)
{
    return UNSUPPORTED;
}

void ucp_cleanup(ucp_context_h context)
{
}

ucs_status_t ucp_worker_create(ucp_context_h context, const ucp_worker_params_t *params, ucp_worker_h *worker)
{
    return UNSUPPORTED;
}

void ucp_worker_destroy(ucp_worker_h worker)
{
}

unsigned ucp_worker_progress(ucp_worker_h worker)
{
    return 0;
}

ucs_status_t ucp_mem_map(ucp_context_h context, const ucp_mem_map_params_t *params, ucp_mem_h *memh)
{
    return UNSUPPORTED;
}

ucs_status_t ucp_mem_unmap(ucp_context_h context, ucp_mem_h memh)
{
    return UNSUPPORTED;
}
