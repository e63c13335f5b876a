/* ucp_ep_evaluate_perf: masks, and an estimate that grows with the size. */
/* Breaks: UCP-EP-016 UCP-VER-002 */
#include "transcript.h"

int main(void)
{
    struct pair pair                   = make_pair(NULL);
    ucp_ep_evaluate_perf_param_t param = {.field_mask = UCP_EP_PERF_PARAM_FIELD_MESSAGE_SIZE, .message_size = 8};
    ucp_ep_evaluate_perf_attr_t attr   = {.field_mask = UCP_EP_PERF_ATTR_FIELD_ESTIMATED_TIME, .estimated_time = -1};
    double small;

    say("8 bytes: %s", status_name(ucp_ep_evaluate_perf(pair.ep, &param, &attr)));
    small = attr.estimated_time;
    say("  more than nothing: %s, less than a second: %s", small > 0 ? "yes" : "no", small < 1 ? "yes" : "no");
    param.message_size = 100000000;
    say("100 MB: %s", status_name(ucp_ep_evaluate_perf(pair.ep, &param, &attr)));
    say("  longer: %s", attr.estimated_time > small ? "yes" : "no");
    attr.field_mask     = 0;
    attr.estimated_time = -1;
    say("asked for nothing: %s", status_name(ucp_ep_evaluate_perf(pair.ep, &param, &attr)));
    say("  %s", attr.estimated_time == -1 ? "untouched" : "written");
    attr.field_mask = UCP_EP_PERF_ATTR_FIELD_ESTIMATED_TIME | ((uint64_t)1 << 40);
    say("with an unknown bit: %s", status_name(ucp_ep_evaluate_perf(pair.ep, &param, &attr)));
    end_pair(&pair);
    return 0;
}
