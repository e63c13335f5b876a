/* Registers memory while its context lives on, and holds the handle, or does not, as its argument says. */
#include "common.h"

/* The handle lies behind what malloc writes into a free block. */
struct node {
    char name[40];
    ucp_mem_h memh;
};

static struct node *kept;

/* Has what lies below on the stack overwritten, so that no stale copy is left there. */
static void __attribute__((noinline)) scrub_stack(void)
{
    volatile char room[8192];

    memset((char *)room, 0x11, sizeof(room));
}

static struct node *__attribute__((noinline)) make_node(void)
{
    struct node *node = malloc(sizeof(*node));

    node->memh = map_buffer();
    return node;
}

static void __attribute__((noinline)) forget_a_registration(void)
{
    free(make_node());
}

static void __attribute__((noinline)) keep_a_registration(void)
{
    kept = make_node();
}

static void drop_the_node(void)
{
    free(kept);
    kept = NULL;
}

static void unmap_the_node(void)
{
    ucp_mem_unmap(context, kept->memh);
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";

    if (!strcmp(how, "dropped-at-exit")) {
        atexit(drop_the_node);
    } else if (!strcmp(how, "unmapped-at-exit")) {
        atexit(unmap_the_node);
    }
    begin();
    if (!strcmp(how, "forgotten") || !strcmp(how, "forgotten-_exit")) {
        forget_a_registration();
    } else {
        keep_a_registration();
        if (!strcmp(how, "dropped-late")) {
            /* More contexts later, so that the library is told of it. */
            atexit(drop_the_node);
            ucp_cleanup(make_context());
        }
    }
    scrub_stack();
    if (!strcmp(how, "forgotten-_exit")) {
        _exit(0);
    }
    return 0;
}
