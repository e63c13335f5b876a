/* Put and get of several sizes on a connected endpoint, each flushed, each with its bytes. */
#include "transcript.h"

static char near_memory[1 << 20];

int main(void)
{
    static const size_t SIZES[] = {1, 8, 100, 4096, 65536, 1 << 20};
    struct pair pair            = make_pair(NULL);
    ucp_request_param_t plain   = {.op_attr_mask = 0};

    for (size_t index = 0; index < sizeof(SIZES) / sizeof(SIZES[0]); index++) {
        size_t size = SIZES[index];

        fill(near_memory, size, 1 + index);
        say("%zu bytes", size);
        outcome("  put", ucp_put_nbx(pair.ep, near_memory, size, (uint64_t)pair.far_memory, pair.rkey, &plain));
        ending("  flush", ucp_ep_flush_nbx(pair.ep, &plain));
        say("  the far side has %s", holds(pair.far_memory, size, 1 + index));
        fill(pair.far_memory, size, 101 + index);
        outcome("  get", ucp_get_nbx(pair.ep, near_memory, size, (uint64_t)pair.far_memory, pair.rkey, &plain));
        say("  the near side has %s", holds(near_memory, size, 101 + index));
    }
    end_pair(&pair);
    return 0;
}
