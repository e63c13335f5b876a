/* What ucp_worker_query says, by mask, and addresses. */
/* Breaks: UCP-VER-002 */
#include "transcript.h"

static ucp_worker_h named_worker(ucp_context_h context, const char *name, ucs_thread_mode_t mode, int fields)
{
    ucp_worker_params_t params = {.field_mask = fields, .name = name, .thread_mode = mode};
    ucp_worker_h worker        = NULL;

    must("ucp_worker_create", ucp_worker_create(context, &params, &worker));
    know(worker);
    return worker;
}

int main(void)
{
    ucp_context_h context  = make_context(PAIR_FEATURES);
    ucp_worker_h worker    = named_worker(context, "this worker", UCS_THREAD_MODE_MULTI, UCP_WORKER_PARAM_FIELD_NAME | UCP_WORKER_PARAM_FIELD_THREAD_MODE);
    ucp_worker_h nameless  = named_worker(context, "a name without its bit", UCS_THREAD_MODE_MULTI, 0);
    ucp_worker_attr_t attr = {.field_mask = UCP_WORKER_ATTR_FIELD_NAME | UCP_WORKER_ATTR_FIELD_THREAD_MODE};
    ucp_worker_attr_t second;

    say("query: %s", status_name(ucp_worker_query(worker, &attr)));
    say("  name %s, thread mode %d", attr.name, attr.thread_mode);
    say("query of the nameless: %s", status_name(ucp_worker_query(nameless, &attr)));
    say("  name begins with %.2s, thread mode %d", attr.name, attr.thread_mode);
    memset(&attr, 0x5a, sizeof(attr));
    attr.field_mask = UCP_WORKER_ATTR_FIELD_MAX_AM_HEADER | UCP_WORKER_ATTR_FIELD_MAX_INFO_STRING;
    say("query: %s", status_name(ucp_worker_query(worker, &attr)));
    say("  a header of 64: %s, an info string: %s", attr.max_am_header >= 64 && attr.max_am_header < 1 << 20 ? "yes" : "no",
        attr.max_debug_string > 0 ? "yes" : "no");
    say("  thread mode is %s", (int)attr.thread_mode == 0x5a5a5a5a ? "untouched" : "written");
    attr.field_mask = UCP_WORKER_ATTR_FIELD_ADDRESS;
    second          = attr;
    say("address: %s", status_name(ucp_worker_query(worker, &attr)));
    say("again: %s", status_name(ucp_worker_query(worker, &second)));
    say("  %s addresses of %s bytes and equal lengths: %s", attr.address == second.address ? "one" : "two",
        attr.address_length > 0 && attr.address_length < 10000 ? "some" : "strange", attr.address_length == second.address_length ? "yes" : "no");
    ucp_worker_release_address(worker, attr.address);
    ucp_worker_release_address(worker, second.address);
    attr.field_mask    = UCP_WORKER_ATTR_FIELD_ADDRESS | UCP_WORKER_ATTR_FIELD_ADDRESS_FLAGS;
    attr.address_flags = UCP_WORKER_ADDRESS_FLAG_NET_ONLY;
    say("address for the net only: %s", status_name(ucp_worker_query(worker, &attr)));
    ucp_worker_release_address(worker, attr.address);
    attr.field_mask = 0;
    say("query of nothing: %s", status_name(ucp_worker_query(worker, &attr)));
    attr.field_mask = (uint64_t)1 << 40;
    say("query of an unknown field: %s", status_name(ucp_worker_query(worker, &attr)));
    say("progress of an idle worker: %u", ucp_worker_progress(worker));
    destroy_worker(worker);
    destroy_worker(nameless);
    ucp_cleanup(context);
    return 0;
}
