/* A NIXL program: one agent registers a buffer and gives it back, or is told that it cannot; then the process ends by `_exit`, with the
 * agent alive, as a server does that is stopped. Arguments: libnixl_capi.so. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define DRAM 0

static void *library;
static void *agent, *backend, *params, *arguments, *list;
static char buffer[4096];

/* A function of the C API; all of them answer a status, 0 for success. */
#define CALL(name, types, ...) ((int(*) types)find("nixl_capi_" name))(__VA_ARGS__)

static void *find(const char *name)
{
    void *function = dlsym(library, name);

    if (function == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        _exit(77);
    }
    return function;
}

static void expect_success(const char *what, int status)
{
    if (status != 0) {
        fprintf(stderr, "%s answered %d\n", what, status);
        _exit(77);
    }
}

int main(int argc, char **argv)
{
    int status;

    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    expect_success("dlopen", library == NULL);
    expect_success("create_agent", CALL("create_agent", (const char *, void **), "one", &agent));
    expect_success("create_params", CALL("create_params", (void **), &params));
    expect_success("create_backend",
                   CALL("create_backend", (void *, const char *, void *, void **), agent, "UCX", params, &backend));
    expect_success("create_opt_args", CALL("create_opt_args", (void **), &arguments));
    expect_success("opt_args_add_backend", CALL("opt_args_add_backend", (void *, void *), arguments, backend));
    expect_success("create_reg_dlist", CALL("create_reg_dlist", (int, void **), DRAM, &list));
    expect_success("reg_dlist_add_desc",
                   CALL("reg_dlist_add_desc", (void *, uintptr_t, size_t, uint64_t, const void *, size_t), list,
                        (uintptr_t)buffer, sizeof(buffer), 0, "", 0));
    status = CALL("register_mem", (void *, void *, void *), agent, list, arguments);
    printf("register_mem answered %d\n", status);
    fflush(stdout);
    if (status == 0) {
        expect_success("deregister_mem", CALL("deregister_mem", (void *, void *, void *), agent, list, arguments));
    }
    _exit(status != 0);
}
