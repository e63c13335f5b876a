/* Registers memory once, and then has memory given back in the way that its argument says, with a call of UCX each time. */
#define _GNU_SOURCE
#include "common.h"

#include <malloc.h>
#include <sys/mman.h>

#define BLOCK 65536
#define ROUNDS 1500

/* The C library unmaps a large block inside of free. */
__attribute__((noinline)) void give_back_by_free(int round)
{
    (void)round;
    char *block = malloc(BLOCK);
    block[0] = 1;
    free(block);
}

/* Each block lies behind the one before, with a gap. */
__attribute__((noinline)) void give_back_scattered(int round)
{
    char *at    = (char*)0x500000000000 + (size_t)round * 2 * BLOCK;
    char *block = mmap(at, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(block, BLOCK);
}

int main(int count, char **arguments)
{
    const char *how = count > 1 ? arguments[1] : "free";
    int last        = !strcmp(how, "early") ? ROUNDS / 5 : ROUNDS;
    ucp_mem_h handle;

    mallopt(M_MMAP_THRESHOLD, BLOCK / 2);
    begin();
    handle = map_buffer();
    for (int round = 0; round < ROUNDS; round++) {
        if (round < last) {
            (!strcmp(how, "scattered") ? give_back_scattered : give_back_by_free)(round);
        }
        ucp_worker_progress(worker);
        if (!strcmp(how, "registering") && round % 100 == 0) {
            CHECK(ucp_mem_unmap(context, handle));
            handle = map_buffer();
        }
    }
    CHECK(ucp_mem_unmap(context, handle));
    finish();
    return 0;
}
