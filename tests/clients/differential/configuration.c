/* Reading and changing a configuration: known and unknown names, good and bad values. */
/* Breaks: UCP-CFG-004 */
#include "transcript.h"

static void modify(ucp_config_t *config, const char *name, const char *value)
{
    say("%s=%s: %s", name, value, status_name(ucp_config_modify(config, name, value)));
}

int main(void)
{
    ucp_config_t *config      = NULL;
    ucp_config_t *second      = NULL;
    ucp_context_h context     = NULL;
    const ucp_params_t params = {.field_mask = UCP_PARAM_FIELD_FEATURES, .features = PAIR_FEATURES};

    say("read: %s", status_name(ucp_config_read(NULL, NULL, &config)));
    say("read with a prefix: %s", status_name(ucp_config_read("PROGRAM", NULL, &second)));
    modify(config, "TLS", "tcp,self");
    modify(config, "TLS", "");
    modify(config, "UCX_TLS", "all");
    modify(config, "tls", "all");
    modify(config, "NET_DEVICES", "all");
    modify(config, "MAX_RNDV_RAILS", "1");
    modify(config, "MAX_RNDV_RAILS", "many");
    modify(config, "MAX_COMPONENT_MDS", "32");
    modify(config, "ADDRESS_VERSION", "v2");
    modify(config, "ADDRESS_VERSION", "v9");
    modify(config, "RCACHE_MAX_UNRELEASED", "1024");
    modify(config, "RNDV_THRESH", "inf");
    modify(config, "RNDV_THRESH", "auto");
    modify(config, "RNDV_THRESH", "-5");
    modify(config, "RNDV_THRESH", "");
    modify(config, "NO_SUCH_NAME", "1");
    modify(config, "", "1");
    modify(config, "PROTO_ENABLE", "y");
    modify(config, "PROTO_ENABLE", "perhaps");
    modify(config, "TLS", "all");
    say("init: %s", status_name(ucp_init(&params, config, &context)));
    ucp_config_release(config);
    say("release before cleanup is fine");
    ucp_cleanup(context);
    ucp_config_release(second);
    return 0;
}
