/* What ucp_mem_query says of a registration, by mask; overlapping registrations; memory that UCX allocates. */
/* Breaks: UCP-VER-002 */
#include "transcript.h"

static char memory[8192];

int main(void)
{
    ucp_context_h context = make_context(UCP_FEATURE_RMA);
    ucp_mem_h whole       = map_memory(context, memory, sizeof(memory));
    ucp_mem_h part        = map_memory(context, memory + 1000, 100);
    ucp_mem_h again       = map_memory(context, memory, sizeof(memory));
    ucp_mem_h allocated;
    char *theirs = allocate_memory(context, 5000, &allocated);
    ucp_mem_attr_t attr;

    say("a second map of a range is %s", again == whole ? "the same handle" : "another handle");
    memset(&attr, 0x5a, sizeof(attr));
    attr.field_mask = UCP_MEM_ATTR_FIELD_ADDRESS;
    say("query: %s", status_name(ucp_mem_query(part, &attr)));
    say("  address %s", attr.address == memory + 1000 ? "as mapped" : "rounded");
    say("  length %s", attr.length == 0x5a5a5a5a5a5a5a5a ? "untouched" : "written");
    attr.field_mask = UCP_MEM_ATTR_FIELD_LENGTH | UCP_MEM_ATTR_FIELD_MEM_TYPE;
    say("query: %s", status_name(ucp_mem_query(part, &attr)));
    say("  length %zu, memory type %d", attr.length, (int)attr.mem_type);
    attr.field_mask = 0;
    say("query of nothing: %s", status_name(ucp_mem_query(part, &attr)));
    attr.field_mask = UCP_MEM_ATTR_FIELD_LENGTH | ((uint64_t)1 << 40);
    say("query with an unknown bit: %s", status_name(ucp_mem_query(whole, &attr)));
    say("  length %zu", attr.length);
    attr.field_mask = UCP_MEM_ATTR_FIELD_LENGTH | UCP_MEM_ATTR_FIELD_MEM_TYPE;
    say("query of allocated memory: %s", status_name(ucp_mem_query(allocated, &attr)));
    say("  at least what was asked: %s, memory type %d", attr.length >= 5000 ? "yes" : "no", (int)attr.mem_type);
    say("  address on a page: %s", (uintptr_t)theirs % 4096 == 0 ? "yes" : "no");
    memset(theirs, 1, 5000);
    say("unmap in any order: %s", status_name(ucp_mem_unmap(context, whole)));
    say("  %s", status_name(ucp_mem_unmap(context, allocated)));
    say("  %s", status_name(ucp_mem_unmap(context, part)));
    say("  %s", status_name(ucp_mem_unmap(context, again)));
    ucp_cleanup(context);
    return 0;
}
