/* Transfers and notifications. Each post is done when it returns. */
#include "toy.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 16

struct transfer {
    struct agent *agent;
    char peer[NAME_BYTES];
    int operation;
    struct list local, remote;
    struct arguments arguments;
    int status;
    bool released;
};

ucs_status_t finish(ucp_worker_h worker, ucs_status_ptr_t request)
{
    ucs_status_t status;

    if (request == NULL || (intptr_t)request < 0) {
        return (ucs_status_t)(intptr_t)request;
    }
    while ((status = ucp_request_check_status(request)) == UCS_INPROGRESS) {
        ucp_worker_progress(worker);
    }
    if (!has_bug("lose_request")) {
        ucp_request_free(request);
    }
    return status;
}

int nixl_capi_create_xfer_req(struct agent *agent, int operation, struct list *local, struct list *remote, const char *name,
                              struct transfer **transfer, struct arguments *arguments)
{
    struct peer *peer = find_peer(agent, name);

    if (peer == NULL) {
        return NOT_FOUND;
    }
    for (size_t index = 0; index < local->count; index++) {
        if (find_memory(agent, local->descs[index]) == NULL || find_remote(peer, remote->descs[index]) == NULL) {
            return NOT_FOUND;
        }
    }
    *transfer = calloc(1, sizeof(**transfer));
    if (*transfer == NULL) {
        return BACKEND;
    }
    **transfer = (struct transfer){.agent = agent, .operation = operation, .local = *local, .remote = *remote};
    strcpy((*transfer)->peer, name);
    if (arguments != NULL) {
        (*transfer)->arguments = *arguments;
    }
    (*transfer)->status = INVALID_STATE;
    return SUCCESS;
}

static ucs_status_t notify(struct agent *agent, struct peer *peer, struct message *message)
{
    ucp_request_param_t param = {UCP_OP_ATTR_FIELD_FLAGS, UCP_AM_SEND_FLAG_EAGER, {0}};

    return finish(agent->worker, ucp_am_send_nbx(peer->ep, 0, agent->name, strlen(agent->name) + 1, message->data,
                                                 message->length, &param));
}

static ucs_status_t move(struct agent *agent, struct peer *peer, int operation, struct desc local, struct desc remote)
{
    ucp_request_param_t param = {UCP_OP_ATTR_FLAG_NO_IMM_CMPL, 0, {0}};
    struct remote *known = find_remote(peer, remote);
    size_t length = has_bug("move_too_little") ? local.length - 1 : local.length;
    ucs_status_ptr_t request;

    if (has_bug("use_after_release")) {
        ucp_rkey_destroy(known->rkey);
    }
    if (operation == OP_READ) {
        request = ucp_get_nbx(peer->ep, (void *)local.address, length, remote.address, known->rkey, &param);
    } else {
        request = ucp_put_nbx(peer->ep, (void *)local.address, length, remote.address, known->rkey, &param);
        if (has_bug("write_late")) {
            agent->late_ep = peer->ep;
            agent->late_rkey = known->rkey;
            agent->late_from = local;
            agent->late_to = remote;
        }
    }
    return finish(agent->worker, request);
}

/* The same notification as the client's, or what a bug makes of it. */
static ucs_status_t tell(struct agent *agent, struct peer *peer, struct message *message)
{
    struct message other = {5, "wrong"};

    if (has_bug("lose_notification")) {
        return 0;
    }
    if (has_bug("notify_twice") && notify(agent, peer, message) != 0) {
        return -1;
    }
    if (has_bug("notify_unasked") && notify(agent, peer, &other) != 0) {
        return -1;
    }
    return notify(agent, peer, message);
}

/* What grows with each transfer. */
static void grow(struct agent *agent, struct desc local)
{
    struct memory *more = &agent->memories[agent->memory_count];
    ucp_mem_map_params_t params = {UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH,
                                   (void *)local.address, local.length, {0}};

    if (has_bug("grow_heap")) {
        agent->kept = malloc(100);
    } else if (has_bug("grow_mapping")) {
        agent->kept = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    } else if (has_bug("grow_registrations") && agent->memory_count < MEMORIES_MAX &&
               ucp_mem_map(agent->context, &params, &more->memh) == 0) {
        more->desc = local;
        agent->memory_count++;
    } else if (has_bug("grow_registration_cache")) {
        /* Where nothing was before, so that no two of the ranges that are unmapped touch each other. */
        char *room = mmap(NULL, PAGES * 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        for (size_t page = 0; page < PAGES; page++) {
            munmap(room + page * 8192, 4096);
        }
    }
}

int nixl_capi_post_xfer_req(struct agent *agent, struct transfer *transfer, struct arguments *arguments)
{
    struct peer *peer = find_peer(agent, transfer->peer);
    ucp_request_param_t param = {0};

    if (peer == NULL) {
        return NOT_FOUND;
    }
    if (has_bug("spin")) {
        for (;;) {
        }
    } else if (has_bug("block")) {
        for (;;) {
            pause();
        }
    }
    grow(agent, transfer->local.descs[0]);
    transfer->arguments = arguments == NULL ? transfer->arguments : *arguments;
    transfer->status = BACKEND;
    for (size_t index = 0; index < transfer->local.count; index++) {
        if (move(agent, peer, transfer->operation, transfer->local.descs[index], transfer->remote.descs[index]) != 0) {
            return BACKEND;
        }
    }
    if (finish(agent->worker, ucp_ep_flush_nbx(peer->ep, &param)) != 0) {
        return BACKEND;
    }
    if (transfer->arguments.has_notif && tell(agent, peer, &transfer->arguments.notif) != 0) {
        return BACKEND;
    }
    transfer->status = SUCCESS;
    return SUCCESS;
}

int nixl_capi_get_xfer_status(struct agent *agent, struct transfer *transfer)
{
    ucp_worker_progress(agent->worker);
    return has_bug("stay_busy") ? IN_PROGRESS : transfer->status;
}

int nixl_capi_release_xfer_req(struct agent *agent, struct transfer *transfer)
{
    close_kept(agent);
    transfer->released = true;
    return SUCCESS;
}

int nixl_capi_destroy_xfer_req(struct transfer *transfer)
{
    if (!transfer->released) {
        return INVALID_STATE;
    }
    free(transfer);
    return SUCCESS;
}

ucs_status_t receive(void *arg, const void *header, size_t header_length, void *data, size_t length,
                     const ucp_am_recv_param_t *param)
{
    struct agent *agent = arg;
    struct letter *letter = &agent->inbox.letters[agent->inbox.count];

    if (agent->inbox.count == INBOX_MAX || header_length > NAME_BYTES || length > MESSAGE_BYTES) {
        return 0;
    }
    memcpy(letter->sender, header, header_length);
    memcpy(letter->message.data, data, length);
    letter->message.length = length;
    agent->inbox.count++;
    return has_bug("lose_am_data") ? UCS_INPROGRESS : 0;
}

int nixl_capi_gen_notif(struct agent *agent, const char *name, const void *data, size_t length, struct arguments *arguments)
{
    struct peer *peer = find_peer(agent, name);
    struct message message = {length, {0}};

    if (peer == NULL || length > MESSAGE_BYTES) {
        return peer == NULL ? NOT_FOUND : INVALID_PARAM;
    }
    memcpy(message.data, data, length);
    return tell(agent, peer, &message) == 0 ? SUCCESS : BACKEND;
}

int nixl_capi_get_notifs(struct agent *agent, struct letters *map, struct arguments *arguments)
{
    ucp_request_param_t param = {0};
    size_t taken = 0;

    if (agent->late_ep != NULL) {
        finish(agent->worker, ucp_put_nbx(agent->late_ep, (void *)agent->late_from.address, agent->late_from.length,
                                          agent->late_to.address, agent->late_rkey, &param));
        agent->late_ep = NULL;
    }
    if (agent->worker != NULL) {
        ucp_worker_progress(agent->worker);
    }
    while (taken < agent->inbox.count && map->count < INBOX_MAX) {
        map->letters[map->count++] = agent->inbox.letters[taken++];
    }
    agent->inbox.count -= taken;
    memmove(agent->inbox.letters, agent->inbox.letters + taken, agent->inbox.count * sizeof(struct letter));
    return SUCCESS;
}
