/* Registrations, keys and operations of no bytes. */
#include "transcript.h"

int main(void)
{
    struct pair pair          = make_pair(NULL);
    ucp_request_param_t plain = {.op_attr_mask = 0};
    ucp_mem_attr_t attr       = {.field_mask = UCP_MEM_ATTR_FIELD_LENGTH | UCP_MEM_ATTR_FIELD_MEM_TYPE};
    char byte                 = 5;
    ucp_mem_h first           = map_memory(pair.far_context, &byte, 0);
    ucp_mem_h second          = map_memory(pair.far_context, NULL, 0);
    void *blobs[2]            = {NULL, NULL};
    size_t lengths[2]         = {0, 0};
    ucp_rkey_h rkey           = NULL;

    say("two handles are %s", first == second ? "one" : "two");
    must("ucp_mem_query", ucp_mem_query(first, &attr));
    say("length %zu, memory type %s", attr.length, attr.mem_type == UCS_MEMORY_TYPE_HOST ? "host" : "another");
    say("pack: %s", status_name(ucp_rkey_pack(pair.far_context, first, &blobs[0], &lengths[0])));
    say("pack again: %s", status_name(ucp_rkey_pack(pair.far_context, second, &blobs[1], &lengths[1])));
    say("two blobs are %s", blobs[0] == blobs[1] ? "one" : "two");
    say("unpack: %s", status_name(ucp_ep_rkey_unpack(pair.ep, blobs[0], &rkey)));
    ucp_rkey_buffer_release(blobs[0]);
    ucp_rkey_buffer_release(blobs[1]);
    outcome("put of nothing with its key", ucp_put_nbx(pair.ep, &byte, 0, (uint64_t)&byte, rkey, &plain));
    ucp_rkey_destroy(rkey);
    outcome("put of nothing", ucp_put_nbx(pair.ep, &byte, 0, (uint64_t)pair.far_memory, pair.rkey, &plain));
    outcome("put of nothing from null", ucp_put_nbx(pair.ep, NULL, 0, (uint64_t)pair.far_memory, pair.rkey, &plain));
    outcome("put of nothing past the end", ucp_put_nbx(pair.ep, &byte, 0, (uint64_t)pair.far_memory + (FAR_BYTES << 4), pair.rkey, &plain));
    outcome("get of nothing", ucp_get_nbx(pair.ep, &byte, 0, (uint64_t)pair.far_memory, pair.rkey, &plain));
    outcome("message of nothing", ucp_am_send_nbx(pair.ep, 1, NULL, 0, NULL, 0, &plain));
    outcome("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    say("unmap: %s", status_name(ucp_mem_unmap(pair.far_context, first)));
    say("unmap again: %s", status_name(ucp_mem_unmap(pair.far_context, second)));
    end_pair(&pair);
    return 0;
}
