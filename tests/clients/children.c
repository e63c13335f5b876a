/* Makes a child in the way that its argument names, waits for it, and gives everything back. */
#include "common.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

/* Not a variable of `main`: those are gone when it has returned. */
static ucp_mem_h memh;

static int wait_for(pid_t child)
{
    int status = 0;

    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 77;
}

/* Runs `body` in a forked child that ends without handlers, as Python's multiprocessing does. */
static int forked(void (*body)(void))
{
    pid_t child = fork();

    if (child == 0) {
        body();
        _exit(0);
    }
    return wait_for(child);
}

static void do_nothing(void)
{
}

static void use_what_is_inherited(void)
{
    ucp_worker_progress(worker);
}

static void make_ones_own_and_keep_it(void)
{
    context = make_context();
    memh    = map_buffer();
}

static int spawned(const char *program)
{
    char *arguments[] = {(char *)program, "leaf", NULL};
    pid_t child       = 0;

    if (posix_spawn(&child, program, NULL, NULL, arguments, environ) != 0) {
        return 77;
    }
    return wait_for(child);
}

/* A grandchild that outlives its parent, and begins before that ends. */
static void leave_an_orphan(void)
{
    int ends[2];
    char byte = 0;

    if (pipe(ends) != 0) {
        _exit(77);
    }
    if (fork() == 0) {
        make_ones_own_and_keep_it();
        if (write(ends[1], &byte, 1) != 1) {
            _exit(77);
        }
        usleep(300 * 1000);
        _exit(0);
    }
    if (read(ends[0], &byte, 1) != 1) {
        _exit(77);
    }
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    int status      = 77;

    begin();
    memh = map_buffer();
    if (!strcmp(how, "fork")) {
        status = forked(do_nothing);
    } else if (!strcmp(how, "inherit")) {
        status = forked(use_what_is_inherited);
    } else if (!strcmp(how, "own")) {
        status = forked(make_ones_own_and_keep_it);
    } else if (!strcmp(how, "spawn")) {
        status = spawned(argv[0]);
    } else if (!strcmp(how, "orphan")) {
        status = forked(leave_an_orphan);
    } else if (!strcmp(how, "leaf")) {
        return 0;
    }
    ucp_mem_unmap(context, memh);
    finish();
    return status;
}
