/* Many small messages on one endpoint arrive in their order, each once; so do those of two endpoints, each by itself. */
#include "transcript.h"

#define MESSAGES 500

static volatile int arrived, finished;
static int next[2], misplaced;

static ucs_status_t on_message(void *argument, const void *header, size_t header_length, void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    const int *number = header;

    (void)argument;
    (void)data;
    (void)param;
    misplaced += header_length != 8 || number[1] != next[number[0]] || length != (size_t)number[1] % 64;
    next[number[0]]++;
    arrived++;
    finished = arrived == 2 * MESSAGES;
    return UCS_OK;
}

int main(void)
{
    struct pair pair               = make_pair(NULL);
    ucp_worker_h third             = make_worker(pair.near_context);
    ucp_ep_h eps[]                 = {pair.ep, make_endpoint(third, pair.far_worker, NULL)};
    ucp_am_handler_param_t handler = {.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB, .id = 1, .cb = on_message};
    ucp_request_param_t param      = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = UCP_AM_SEND_FLAG_EAGER};
    ucs_status_t worst             = UCS_OK;
    char data[64]                  = {0};

    connect_endpoint(eps[1]);
    must("handler", ucp_worker_set_am_recv_handler(pair.far_worker, &handler));
    for (int number = 0; number < MESSAGES; number++) {
        for (int endpoint = 0; endpoint < 2; endpoint++) {
            int header[]        = {endpoint, number};
            ucs_status_t status = complete(ucp_am_send_nbx(eps[endpoint], 1, header, sizeof(header), data, number % 64, &param));

            worst = status == UCS_OK ? worst : status;
        }
    }
    say("sends: %s", status_name(worst));
    wait_until("all messages", &finished);
    settle();
    say("arrived: %d, misplaced: %d", arrived, misplaced);
    close_endpoint(eps[1]);
    destroy_worker(third);
    end_pair(&pair);
    return 0;
}
