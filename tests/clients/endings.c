/* Holds a context, a worker, two registrations, and ends in the way that its argument names. */
#include "common.h"

#include <signal.h>
#include <sys/syscall.h>

static ucp_mem_h held[2];

static void keep_two_registrations(void)
{
    held[0] = map_buffer();
    held[1] = map_buffer();
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "return";

    begin();
    keep_two_registrations();
    printf("ready\n");
    fflush(stdout);
    if (!strcmp(how, "return")) {
        return 5;
    } else if (!strcmp(how, "exit")) {
        exit(6);
    } else if (!strcmp(how, "_exit")) {
        _exit(7);
    } else if (!strcmp(how, "exit_group")) {
        syscall(SYS_exit_group, 8);
    } else if (!strcmp(how, "abort")) {
        abort();
    } else if (!strcmp(how, "kill")) {
        raise(SIGKILL);
    } else if (!strcmp(how, "hang")) {
        for (;;) {
            pause();
        }
    } else if (!strcmp(how, "exec")) {
        execl(argv[0], argv[0], "clean", (char *)NULL);
    } else if (!strcmp(how, "exec-other")) {
        execl("/bin/sh", "sh", "-c", "exit 9", (char *)NULL);
    } else if (!strcmp(how, "clean")) {
        ucp_mem_unmap(context, held[0]);
        ucp_mem_unmap(context, held[1]);
        finish();
        return 0;
    }
    return 77;
}
