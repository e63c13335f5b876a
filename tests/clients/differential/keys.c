/* Packed keys and unpacked keys: several of one registration, on several endpoints, given back in any order. */
#include "transcript.h"

int main(void)
{
    struct pair pair          = make_pair(NULL);
    ucp_request_param_t plain = {.op_attr_mask = 0};
    ucp_worker_h third        = make_worker(pair.near_context);
    ucp_ep_h other            = make_endpoint(third, pair.far_worker, NULL);
    uint64_t value            = 1;
    void *blobs[2]            = {NULL, NULL};
    size_t lengths[2]         = {0, 0};
    ucp_rkey_h keys[3]        = {NULL, NULL, NULL};
    char copy[4096];

    connect_endpoint(other);
    say("pack: %s", status_name(ucp_rkey_pack(pair.far_context, pair.memh, &blobs[0], &lengths[0])));
    say("pack again: %s", status_name(ucp_rkey_pack(pair.far_context, pair.memh, &blobs[1], &lengths[1])));
    say("the blobs are %s, of %s lengths, %s", blobs[0] == blobs[1] ? "one" : "two", lengths[0] == lengths[1] ? "equal" : "different",
        lengths[0] > 0 && lengths[0] < sizeof(copy) ? "small" : "strange");
    memcpy(copy, blobs[0], lengths[0]);
    ucp_rkey_buffer_release(blobs[0]);
    say("unpack of a copy: %s", status_name(ucp_ep_rkey_unpack(pair.ep, copy, &keys[0])));
    say("unpack again: %s", status_name(ucp_ep_rkey_unpack(pair.ep, copy, &keys[1])));
    say("unpack on another endpoint: %s", status_name(ucp_ep_rkey_unpack(other, blobs[1], &keys[2])));
    memset(copy, 0, sizeof(copy));
    ucp_rkey_buffer_release(blobs[1]);
    say("two keys are %s", keys[0] == keys[1] ? "one" : "two");
    for (int index = 0; index < 3; index++) {
        ucp_ep_h ep = index == 2 ? other : pair.ep;

        value = 100 + index;
        outcome("put", ucp_put_nbx(ep, &value, sizeof(value), (uint64_t)pair.far_memory + 8 * index, keys[index], &plain));
        ending("flush", ucp_ep_flush_nbx(ep, &plain));
        say("far value: %d", (int)((uint64_t *)pair.far_memory)[index]);
    }
    ucp_rkey_destroy(keys[1]);
    value = 7;
    outcome("put after the other key went", ucp_put_nbx(pair.ep, &value, sizeof(value), (uint64_t)pair.far_memory, keys[0], &plain));
    ending("flush", ucp_ep_flush_nbx(pair.ep, &plain));
    ucp_rkey_destroy(keys[0]);
    ucp_rkey_destroy(keys[2]);
    close_endpoint(other);
    destroy_worker(third);
    end_pair(&pair);
    return 0;
}
