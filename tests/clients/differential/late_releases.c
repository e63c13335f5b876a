/* Things given back later than one would: blobs after their memory was unmapped, keys after that, a configuration after two contexts. */
#include "transcript.h"

static char memory[4096];

int main(void)
{
    ucp_params_t params   = {.field_mask = UCP_PARAM_FIELD_FEATURES, .features = PAIR_FEATURES};
    ucp_config_t *config  = NULL;
    ucp_context_h context = NULL, second = NULL;
    ucp_worker_h worker;
    ucp_ep_h ep;
    ucp_mem_h memh;
    ucp_rkey_h rkey = NULL;
    void *blob      = NULL;
    size_t length   = 0;
    uint64_t value  = 5;
    ucp_request_param_t plain = {.op_attr_mask = 0};

    must("ucp_config_read", ucp_config_read(NULL, NULL, &config));
    say("first context: %s", status_name(ucp_init(&params, config, &context)));
    say("second context: %s", status_name(ucp_init(&params, config, &second)));
    worker = make_worker(context);
    ep     = make_endpoint(worker, worker, NULL);
    connect_endpoint(ep);
    for (int round = 0; round < 3; round++) {
        memh = map_memory(context, memory, sizeof(memory));
        say("pack: %s", status_name(ucp_rkey_pack(context, memh, &blob, &length)));
        say("unpack: %s", status_name(ucp_ep_rkey_unpack(ep, blob, &rkey)));
        value += round;
        ending("put", ucp_put_nbx(ep, &value, 8, (uint64_t)memory, rkey, &plain));
        ending("flush", ucp_ep_flush_nbx(ep, &plain));
        say("value: %d", (int)*(uint64_t *)memory);
        say("unmap: %s", status_name(ucp_mem_unmap(context, memh)));
        ucp_rkey_buffer_release(blob);
        ucp_rkey_destroy(rkey);
    }
    close_endpoint(ep);
    destroy_worker(worker);
    ucp_cleanup(context);
    ucp_cleanup(second);
    ucp_config_release(config);
    say("the configuration goes last");
    return 0;
}
