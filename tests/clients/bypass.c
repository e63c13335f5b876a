/* Calls a libucp that it opens by itself, and asks that library alone for the function: no preloaded library can be in between. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    void *library                = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    unsigned (*progress)(void *) = library ? (unsigned (*)(void *))dlsym(library, "ucp_worker_progress") : NULL;

    if (progress == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 77;
    }
    progress(NULL);
    return 0;
}
