/* The text of every status, known or not. */
#include "transcript.h"

int main(void)
{
    /* Also a word to libucp: what calls nothing of it cannot be told from a program without UCX. */
    say("version %s", ucp_get_version_string());
    for (int status = 2; status >= -128; status--) {
        say("%d: %s", status, ucs_status_string((ucs_status_t)status));
    }
    return 0;
}
