/* Which combinations of address, length and flags ucp_mem_map takes. */
/* Breaks: UCP-MEM-002 UCP-MEM-003 UCP-VER-002 */
#include "transcript.h"

static char *page;

static void attempt(ucp_context_h context, const char *what, uint64_t mask, void *address, size_t length, unsigned flags)
{
    ucp_mem_map_params_t params = {.field_mask = mask, .address = address, .length = length, .flags = flags};
    ucp_mem_h memh              = NULL;
    ucs_status_t status         = ucp_mem_map(context, &params, &memh);

    say("%s: %s", what, status_name(status));
    if (status == UCS_OK) {
        say("  unmap: %s", status_name(ucp_mem_unmap(context, memh)));
    }
}

int main(void)
{
    enum { ADDRESS = UCP_MEM_MAP_PARAM_FIELD_ADDRESS, LENGTH = UCP_MEM_MAP_PARAM_FIELD_LENGTH, FLAGS = UCP_MEM_MAP_PARAM_FIELD_FLAGS };
    const uint64_t all    = ADDRESS | LENGTH | FLAGS;
    ucp_context_h context = make_context(UCP_FEATURE_RMA);
    char *memory          = malloc(3 * 4096);

    page = (char *)(((uintptr_t)memory + 4095) & ~(uintptr_t)4095);
    attempt(context, "nothing", 0, NULL, 0, 0);
    attempt(context, "address only", ADDRESS, page, 64, 0);
    attempt(context, "length only", LENGTH, NULL, 64, 0);
    attempt(context, "length 0 only", LENGTH, NULL, 0, 0);
    attempt(context, "address and length", ADDRESS | LENGTH, page, 64, 0);
    attempt(context, "null address and length", ADDRESS | LENGTH, NULL, 64, 0);
    attempt(context, "ALLOCATE without address", LENGTH | FLAGS, NULL, 64, UCP_MEM_MAP_ALLOCATE);
    attempt(context, "ALLOCATE of null", all, NULL, 64, UCP_MEM_MAP_ALLOCATE);
    attempt(context, "ALLOCATE of nothing", all, NULL, 0, UCP_MEM_MAP_ALLOCATE);
    attempt(context, "ALLOCATE near an address", all, page, 64, UCP_MEM_MAP_ALLOCATE);
    attempt(context, "FIXED", all, page, 64, UCP_MEM_MAP_FIXED);
    attempt(context, "FIXED off the page", all, page + 8, 64, UCP_MEM_MAP_FIXED);
    attempt(context, "FIXED of nothing", all, page, 0, UCP_MEM_MAP_FIXED);
    attempt(context, "FIXED of nothing off the page", all, page + 8, 0, UCP_MEM_MAP_FIXED);
    attempt(context, "FIXED and ALLOCATE off the page", all, page + 8, 64, UCP_MEM_MAP_FIXED | UCP_MEM_MAP_ALLOCATE);
    attempt(context, "FIXED and ALLOCATE of null", all, NULL, 64, UCP_MEM_MAP_FIXED | UCP_MEM_MAP_ALLOCATE);
    attempt(context, "FIXED and ALLOCATE without address", LENGTH | FLAGS, NULL, 64, UCP_MEM_MAP_FIXED | UCP_MEM_MAP_ALLOCATE);
    attempt(context, "NONBLOCK", all, page, 64, UCP_MEM_MAP_NONBLOCK);
    attempt(context, "LOCK", all, page, 64, UCP_MEM_MAP_LOCK);
    attempt(context, "NONBLOCK and LOCK", all, page, 64, UCP_MEM_MAP_NONBLOCK | UCP_MEM_MAP_LOCK);
    attempt(context, "NONBLOCK and LOCK of nothing", all, page, 0, UCP_MEM_MAP_NONBLOCK | UCP_MEM_MAP_LOCK);
    attempt(context, "SYMMETRIC_RKEY", all, page, 64, UCP_MEM_MAP_SYMMETRIC_RKEY);
    attempt(context, "an unknown flag", all, page, 64, 1u << 30);
    attempt(context, "flags without their bit", ADDRESS | LENGTH, page, 64, UCP_MEM_MAP_FIXED);
    attempt(context, "past the end of the address space", ADDRESS | LENGTH, page, SIZE_MAX - 10, 0);
    ucp_cleanup(context);
    free(memory);
    return 0;
}
