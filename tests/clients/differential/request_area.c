/* The client's own bytes at each request: set up once per object, back in the client's hands as it left them, cleaned up with the worker. */
#include "transcript.h"

struct area {
    uint64_t set_up;
    uint64_t uses;
};

static int set_ups, clean_ups, wrong_clean_ups;

static void on_init(void *request)
{
    struct area *area = request;

    area->set_up = 0x1234;
    area->uses   = 0;
    set_ups++;
}

static void on_cleanup(void *request)
{
    struct area *area = request;

    wrong_clean_ups += area->set_up != 0x1234;
    clean_ups++;
}

int main(void)
{
    ucp_params_t params = {.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_REQUEST_SIZE |
                                         UCP_PARAM_FIELD_REQUEST_INIT | UCP_PARAM_FIELD_REQUEST_CLEANUP,
                           .features        = PAIR_FEATURES,
                           .request_size    = sizeof(struct area),
                           .request_init    = on_init,
                           .request_cleanup = on_cleanup};
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FLAG_NO_IMM_CMPL};
    ucp_context_h context     = NULL;
    ucp_worker_h worker;
    ucp_ep_h ep;
    ucp_mem_h memh;
    ucp_rkey_h rkey;
    char *memory;
    char byte     = 1;
    uint64_t uses = 0;

    must("ucp_init", ucp_init(&params, NULL, &context));
    worker = make_worker(context);
    ep     = make_endpoint(worker, worker, NULL);
    memory = allocate_memory(context, 4096, &memh);
    rkey   = make_rkey(ep, context, memh);
    connect_endpoint(ep);
    for (int round = 0; round < 3; round++) {
        struct area *area = ucp_put_nbx(ep, &byte, 1, (uint64_t)memory, rkey, &param);

        say("put: %s", form(area));
        say("  set up: %s", area->set_up == 0x1234 ? "yes" : "no");
        area->uses++;
        say("  ends with %s", status_name(final_status(area)));
        uses = area->uses;
        ucp_request_free(area);
    }
    say("the last area was used %d times", (int)uses);
    say("set up at least once: %s", set_ups > 0 ? "yes" : "no");
    ucp_rkey_destroy(rkey);
    close_endpoint(ep);
    must("ucp_mem_unmap", ucp_mem_unmap(context, memh));
    say("cleaned up before the worker's end: %d", clean_ups);
    destroy_worker(worker);
    say("cleaned up as often as set up: %s", clean_ups == set_ups ? "yes" : "no");
    say("areas that were not set up when cleaned up: %d", wrong_clean_ups);
    ucp_cleanup(context);
    return 0;
}
