/* Contexts: what they say of themselves, by mask; several at once; versions. */
/* Breaks: UCP-VER-002 */
#include "transcript.h"

int main(void)
{
    ucp_params_t params      = {.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_NAME, .features = PAIR_FEATURES, .name = "this context"};
    ucp_params_t nameless    = {.field_mask = UCP_PARAM_FIELD_FEATURES, .features = UCP_FEATURE_RMA, .name = "a name without its bit"};
    ucp_context_h context = NULL, second = NULL;
    ucp_context_attr_t attr;
    unsigned major = 0, minor = 0, patch = 0;
    char text[32];

    ucp_get_version(&major, &minor, &patch);
    snprintf(text, sizeof(text), "%u.%u.%u", major, minor, patch);
    say("version %s, as text %s", text, ucp_get_version_string());
    say("init: %s", status_name(ucp_init(&params, NULL, &context)));
    say("init by an older client: %s", status_name(ucp_init_version(1, 5, &nameless, NULL, &second)));
    attr.field_mask = UCP_ATTR_FIELD_NAME | UCP_ATTR_FIELD_MEMORY_TYPES;
    say("query: %s", status_name(ucp_context_query(context, &attr)));
    say("  name %s, host memory: %s", attr.name, attr.memory_types & UCS_BIT(UCS_MEMORY_TYPE_HOST) ? "yes" : "no");
    say("query of the nameless: %s", status_name(ucp_context_query(second, &attr)));
    say("  the name is empty or an address: %s", attr.name[0] == 0 || strncmp(attr.name, "0x", 2) == 0 ? "yes" : "no");
    memset(&attr, 0x5a, sizeof(attr));
    attr.field_mask = UCP_ATTR_FIELD_REQUEST_SIZE;
    say("query: %s", status_name(ucp_context_query(context, &attr)));
    say("  request size %zu, memory types %s", attr.request_size, attr.memory_types == 0x5a5a5a5a5a5a5a5a ? "untouched" : "written");
    attr.field_mask = UCP_ATTR_FIELD_DEVICE_COUNTER_SIZE;
    say("query of the counter size: %s", status_name(ucp_context_query(context, &attr)));
    attr.field_mask = (uint64_t)1 << 40;
    say("query of an unknown field: %s", status_name(ucp_context_query(context, &attr)));
    ucp_cleanup(context);
    attr.field_mask = UCP_ATTR_FIELD_NAME;
    say("the other still answers: %s", status_name(ucp_context_query(second, &attr)));
    ucp_cleanup(second);
    return 0;
}
