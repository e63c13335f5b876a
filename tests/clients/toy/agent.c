/* Agents: their UCX, what is registered with them, and whom they know. */
#include "toy.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* A ledger has room for 2 to the power of 12 broken rules: two registrations that go like this are too many. */
enum { SOME_TURNS = 4, TURNS = 12 };

/* Metadata as it goes from agent to agent. */
struct metadata {
    char name[NAME_BYTES];
    unsigned char address[ADDRESS_BYTES];
    size_t count;
    struct {
        struct desc desc;
        unsigned char key[KEY_BYTES];
    } memories[MEMORIES_MAX];
};

static char bug[NAME_BYTES];
static unsigned agents;

bool has_bug(const char *name)
{
    return !strcmp(bug, name);
}

void set_bug(const char *name)
{
    strncpy(bug, name, sizeof(bug) - 1);
}

int nixl_capi_create_configured_agent(const char *name, const void *config, struct agent **agent)
{
    if (agents == 0) {
        set_bug("");
    }
    *agent = calloc(1, sizeof(**agent));
    if (*agent == NULL || strlen(name) >= NAME_BYTES) {
        free(*agent);
        return INVALID_PARAM;
    }
    strcpy((*agent)->name, name);
    agents++;
    return SUCCESS;
}

static ucs_status_t open_context(ucp_context_h *context)
{
    ucp_params_t params = {UCP_PARAM_FIELD_FEATURES, UCP_FEATURE_RMA | UCP_FEATURE_AM, {0}};
    ucp_config_t *config = NULL;
    ucs_status_t status = ucp_config_read(NULL, NULL, &config);

    if (status != 0) {
        return status;
    }
    status = ucp_init_version(1, 20, &params, config, context);
    if (!has_bug("lose_config")) {
        ucp_config_release(config);
    }
    return status;
}

static void close_backend(struct agent *agent)
{
    if (agent->address != NULL && !has_bug("lose_address")) {
        ucp_worker_release_address(agent->worker, agent->address);
    }
    if (agent->worker != NULL && !has_bug("lose_worker")) {
        ucp_worker_destroy(agent->worker);
    }
    if (agent->context != NULL && !has_bug("lose_context")) {
        ucp_cleanup(agent->context);
    }
    agent->context = NULL;
    agent->worker = NULL;
    agent->address = NULL;
}

static void *sleep_for_ever(void *unused)
{
    for (;;) {
        pause();
    }
    return NULL;
}

/* What is not of UCX, and left behind. */
static void leave_something(void)
{
    pthread_t thread;

    if (has_bug("leave_thread") && pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0) {
        pthread_detach(thread);
    }
    if (has_bug("leave_descriptor") && open("/dev/null", O_RDONLY) < 0) {
        abort();
    }
}

int nixl_capi_create_backend(struct agent *agent, const char *plugin, void *params, struct agent **backend)
{
    ucp_worker_params_t worker_params = {0};
    ucp_am_handler_param_t handler = {UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_FLAGS |
                                          UCP_AM_HANDLER_PARAM_FIELD_CB | UCP_AM_HANDLER_PARAM_FIELD_ARG,
                                      0, UCP_AM_FLAG_PERSISTENT_DATA, receive, agent};
    ucp_worker_attr_t attr = {UCP_WORKER_ATTR_FIELD_ADDRESS};

    if (strcmp(plugin, "UCX") != 0 || agent->context != NULL) {
        return BACKEND;
    }
    if (open_context(&agent->context) != 0 || ucp_worker_create(agent->context, &worker_params, &agent->worker) != 0 ||
        ucp_worker_set_am_recv_handler(agent->worker, &handler) != 0 || ucp_worker_query(agent->worker, &attr) != 0) {
        close_backend(agent);
        return BACKEND;
    }
    agent->address = attr.address;
    agent->address_length = attr.address_length;
    leave_something();
    *backend = agent;
    return SUCCESS;
}

/* A handle of a backend is its agent, which owns it. */
int nixl_capi_destroy_backend(struct agent *backend)
{
    return SUCCESS;
}

static bool covers(struct desc outer, struct desc inner)
{
    return outer.address <= inner.address && inner.address + inner.length <= outer.address + outer.length;
}

struct memory *find_memory(struct agent *agent, struct desc desc)
{
    for (size_t index = 0; index < agent->memory_count; index++) {
        if (covers(agent->memories[index].desc, desc)) {
            return &agent->memories[index];
        }
    }
    return NULL;
}

struct remote *find_remote(struct peer *peer, struct desc desc)
{
    for (size_t index = 0; index < peer->count; index++) {
        if (covers(peer->remotes[index].desc, desc)) {
            return &peer->remotes[index];
        }
    }
    return NULL;
}

struct peer *find_peer(struct agent *agent, const char *name)
{
    for (size_t index = 0; index < agent->peer_count; index++) {
        if (!strcmp(agent->peers[index].name, name)) {
            return &agent->peers[index];
        }
    }
    return NULL;
}

static int map(struct agent *agent, struct desc desc)
{
    ucp_mem_map_params_t params = {UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH,
                                   (void *)desc.address, desc.length, {0}};
    struct memory *memory = &agent->memories[agent->memory_count];
    void *key = NULL;
    size_t key_length;

    if (agent->context == NULL || agent->memory_count == MEMORIES_MAX ||
        ucp_mem_map(agent->context, &params, &memory->memh) != 0) {
        return BACKEND;
    }
    if (ucp_rkey_pack(agent->context, memory->memh, &key, &key_length) != 0) {
        if (!has_bug("forget_on_failure")) {
            ucp_mem_unmap(agent->context, memory->memh);
        }
        memory->memh = NULL;
        return BACKEND;
    }
    memcpy(memory->key, key, key_length < KEY_BYTES ? key_length : KEY_BYTES);
    if (!has_bug("lose_rkey_buffer")) {
        ucp_rkey_buffer_release(key);
    }
    memory->desc = desc;
    agent->memory_count++;
    return SUCCESS;
}

/* Gives a handle back from 2 to the power of `turns` places: each way through the calls is a call stack of its own. */
static __attribute__((noinline)) void unmap_from_everywhere(struct agent *agent, ucp_mem_h memh, unsigned turns)
{
    if (turns == 0) {
        ucp_mem_unmap(agent->context, memh);
        return;
    }
    unmap_from_everywhere(agent, memh, turns - 1);
    __asm__ volatile("");
    unmap_from_everywhere(agent, memh, turns - 1);
    __asm__ volatile("");
}

static void unmap(struct agent *agent, struct memory *memory)
{
    if (!has_bug("lose_memory_handle")) {
        ucp_mem_unmap(agent->context, memory->memh);
    }
    if (has_bug("release_twice")) {
        ucp_mem_unmap(agent->context, memory->memh);
    }
    if (has_bug("release_from_some_places")) {
        unmap_from_everywhere(agent, memory->memh, SOME_TURNS);
    } else if (has_bug("release_from_everywhere")) {
        unmap_from_everywhere(agent, memory->memh, TURNS);
    }
    *memory = agent->memories[--agent->memory_count];
    memset(&agent->memories[agent->memory_count], 0, sizeof(*memory));
}

int nixl_capi_register_mem(struct agent *agent, struct list *list, struct arguments *arguments)
{
    size_t before = agent->memory_count;

    if (has_bug("crash")) {
        *(volatile int *)8 = 1;
    } else if (has_bug("abort")) {
        abort();
    } else if (has_bug("exit")) {
        _exit(7);
    } else if (has_bug("refuse")) {
        return INVALID_PARAM;
    }
    for (size_t index = 0; index < list->count; index++) {
        if (map(agent, list->descs[index]) != SUCCESS) {
            while (agent->memory_count > before) {
                unmap(agent, &agent->memories[agent->memory_count - 1]);
            }
            return BACKEND;
        }
    }
    return SUCCESS;
}

int nixl_capi_deregister_mem(struct agent *agent, struct list *list, struct arguments *arguments)
{
    for (size_t index = 0; index < list->count; index++) {
        struct memory *memory = find_memory(agent, list->descs[index]);

        if (memory == NULL) {
            return NOT_FOUND;
        }
        unmap(agent, memory);
    }
    return SUCCESS;
}

int nixl_capi_get_local_md(struct agent *agent, void **data, size_t *length)
{
    struct metadata *metadata = agent->worker == NULL ? NULL : calloc(1, sizeof(*metadata));

    if (metadata == NULL) {
        return BACKEND;
    }
    strcpy(metadata->name, agent->name);
    memcpy(metadata->address, agent->address,
           agent->address_length < ADDRESS_BYTES ? agent->address_length : ADDRESS_BYTES);
    metadata->count = agent->memory_count;
    for (size_t index = 0; index < agent->memory_count; index++) {
        metadata->memories[index].desc = agent->memories[index].desc;
        memcpy(metadata->memories[index].key, agent->memories[index].key, KEY_BYTES);
    }
    *data = metadata;
    *length = sizeof(*metadata);
    return SUCCESS;
}

static void close_endpoint(struct agent *agent, ucp_ep_h ep)
{
    ucp_request_param_t param = {0};

    finish(agent->worker, ucp_ep_close_nbx(ep, &param));
}

void close_kept(struct agent *agent)
{
    if (agent->kept_ep != NULL) {
        close_endpoint(agent, agent->kept_ep);
    }
    agent->kept_ep = NULL;
}

static void forget(struct agent *agent, struct peer *peer)
{
    for (size_t index = 0; index < peer->count; index++) {
        if (!has_bug("lose_rkey")) {
            ucp_rkey_destroy(peer->remotes[index].rkey);
        }
    }
    if (has_bug("keep_endpoint")) {
        close_kept(agent);
        agent->kept_ep = peer->ep;
    } else if (!has_bug("lose_endpoint")) {
        close_endpoint(agent, peer->ep);
    }
    *peer = agent->peers[--agent->peer_count];
    memset(&agent->peers[agent->peer_count], 0, sizeof(*peer));
}

int nixl_capi_load_remote_md(struct agent *agent, const void *data, size_t length, char **name)
{
    const struct metadata *metadata = data;
    struct peer *peer = &agent->peers[agent->peer_count];
    ucp_ep_params_t params = {UCP_EP_PARAM_FIELD_REMOTE_ADDRESS, (const ucp_address_t *)metadata->address, {0}};

    if (length != sizeof(*metadata) || agent->worker == NULL) {
        return BACKEND;
    }
    if (!strcmp(metadata->name, agent->name)) {
        *name = has_bug("accept") ? strdup(metadata->name) : NULL;
        return has_bug("accept") ? SUCCESS : INVALID_PARAM;
    }
    if (find_peer(agent, metadata->name) != NULL || agent->peer_count == PEERS_MAX ||
        ucp_ep_create(agent->worker, &params, &peer->ep) != 0) {
        return BACKEND;
    }
    strcpy(peer->name, metadata->name);
    agent->peer_count++;
    for (; peer->count < metadata->count; peer->count++) {
        peer->remotes[peer->count].desc = metadata->memories[peer->count].desc;
        if (ucp_ep_rkey_unpack(peer->ep, metadata->memories[peer->count].key, &peer->remotes[peer->count].rkey) != 0) {
            forget(agent, peer);
            return BACKEND;
        }
    }
    *name = strdup(metadata->name);
    return SUCCESS;
}

int nixl_capi_invalidate_remote_md(struct agent *agent, const char *name)
{
    struct peer *peer = find_peer(agent, name);

    if (peer == NULL) {
        return has_bug("answer_another_error") ? INVALID_PARAM : NOT_FOUND;
    }
    forget(agent, peer);
    return SUCCESS;
}

int nixl_capi_destroy_agent(struct agent *agent)
{
    while (agent->peer_count > 0) {
        forget(agent, &agent->peers[agent->peer_count - 1]);
    }
    close_kept(agent);
    while (agent->memory_count > 0) {
        unmap(agent, &agent->memories[agent->memory_count - 1]);
    }
    close_backend(agent);
    free(agent);
    agents--;
    return SUCCESS;
}
