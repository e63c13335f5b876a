/* A small client of UCX that has the part of NIXL's C API in front of it that scenarios with one list a side need. It is right, unless the
 * backend is made with the parameter `bug=NAME`: then it has that one bug, until all agents are gone. What NIXL does that no scenario of
 * these tests asks for, it refuses. */
#ifndef TOY_H
#define TOY_H

#include "../ucx_min.h"

#include <stdbool.h>
#include <string.h>

#define NAME_BYTES 32
#define MESSAGE_BYTES 64
#define DESCS_MAX 8
#define MEMORIES_MAX 64
#define PEERS_MAX 4
#define INBOX_MAX 64
/* More than UCX packs into a key or an address, also when it is long. */
#define KEY_BYTES 4096
#define ADDRESS_BYTES 4096

/* nixl_capi_status_t */
enum { SUCCESS = 0, IN_PROGRESS = 1, INVALID_PARAM = -1, BACKEND = -2, INVALID_STATE = -3, NOT_FOUND = -6 };

/* nixl_capi_xfer_op_t */
enum { OP_READ = 0, OP_WRITE = 1 };

struct message {
    size_t length;
    unsigned char data[MESSAGE_BYTES];
};

struct letter {
    char sender[NAME_BYTES];
    struct message message;
};

struct desc {
    uintptr_t address;
    size_t length;
};

struct list {
    size_t count;
    struct desc descs[DESCS_MAX];
};

struct arguments {
    bool has_notif;
    struct message notif;
};

/* Letters in the order of their arrival. */
struct letters {
    size_t count;
    struct letter letters[INBOX_MAX];
};

/* A registration, and what a peer needs to use it. */
struct memory {
    struct desc desc;
    ucp_mem_h memh;
    unsigned char key[KEY_BYTES];
};

struct remote {
    struct desc desc;
    ucp_rkey_h rkey;
};

struct peer {
    char name[NAME_BYTES];
    ucp_ep_h ep;
    size_t count;
    struct remote remotes[MEMORIES_MAX];
};

struct agent {
    char name[NAME_BYTES];
    ucp_context_h context;
    ucp_worker_h worker;
    ucp_address_t *address;
    size_t address_length;
    size_t memory_count;
    struct memory memories[MEMORIES_MAX];
    size_t peer_count;
    struct peer peers[PEERS_MAX];
    struct letters inbox;
    /* The last of what a bug lets grow. */
    void *kept;
    /* For the bug `write_late`: what was written last, and the end of it that may be written again. */
    ucp_ep_h late_ep;
    ucp_rkey_h late_rkey;
    struct desc late_from, late_to;
    /* For the bug `keep_endpoint`: that of the peer that was forgotten last. */
    ucp_ep_h kept_ep;
};

/* Whether the toy has this bug. */
bool has_bug(const char *name);
void set_bug(const char *name);

/* Waits until an operation of UCX is done, gives its request back and answers its status. */
ucs_status_t finish(ucp_worker_h worker, ucs_status_ptr_t request);

/* Closes the endpoint that a bug keeps, if there is one. */
void close_kept(struct agent *agent);

struct peer *find_peer(struct agent *agent, const char *name);
struct memory *find_memory(struct agent *agent, struct desc desc);
struct remote *find_remote(struct peer *peer, struct desc desc);

/* The handler of notifications; `arg` is the agent. */
ucs_status_t receive(void *arg, const void *header, size_t header_length, void *data, size_t length,
                     const ucp_am_recv_param_t *param);

#endif
