/* What is only kept and handed on: parameters, optional arguments, descriptor lists, notifications that were taken. */
#include "toy.h"

#include <stdlib.h>

static int make(void **place, size_t size)
{
    *place = calloc(1, size);
    return *place == NULL ? BACKEND : SUCCESS;
}

int nixl_capi_create_params(void **params)
{
    return make(params, 1);
}

/* The only parameter is the bug. */
int nixl_capi_params_add(void *params, const char *key, const char *value)
{
    if (strcmp(key, "bug") != 0) {
        return INVALID_PARAM;
    }
    set_bug(value);
    return SUCCESS;
}

int nixl_capi_destroy_params(void *params)
{
    free(params);
    return SUCCESS;
}

int nixl_capi_create_opt_args(struct arguments **arguments)
{
    return make((void **)arguments, sizeof(**arguments));
}

int nixl_capi_destroy_opt_args(struct arguments *arguments)
{
    free(arguments);
    return SUCCESS;
}

int nixl_capi_opt_args_add_backend(struct arguments *arguments, void *backend)
{
    return SUCCESS;
}

int nixl_capi_opt_args_set_notif_msg(struct arguments *arguments, const void *data, size_t length)
{
    if (length > MESSAGE_BYTES) {
        return INVALID_PARAM;
    }
    arguments->notif.length = length;
    memcpy(arguments->notif.data, data, length);
    return SUCCESS;
}

int nixl_capi_opt_args_set_has_notif(struct arguments *arguments, bool has_notif)
{
    arguments->has_notif = has_notif;
    return SUCCESS;
}

static int add(struct list *list, uintptr_t address, size_t length)
{
    if (list->count == DESCS_MAX) {
        return INVALID_PARAM;
    }
    list->descs[list->count++] = (struct desc){address, length};
    return SUCCESS;
}

int nixl_capi_create_xfer_dlist(int type, struct list **list)
{
    return make((void **)list, sizeof(**list));
}

int nixl_capi_destroy_xfer_dlist(struct list *list)
{
    free(list);
    return SUCCESS;
}

int nixl_capi_xfer_dlist_add_desc(struct list *list, uintptr_t address, size_t length, uint64_t device)
{
    return add(list, address, length);
}

int nixl_capi_create_reg_dlist(int type, struct list **list)
{
    return make((void **)list, sizeof(**list));
}

int nixl_capi_destroy_reg_dlist(struct list *list)
{
    free(list);
    return SUCCESS;
}

int nixl_capi_reg_dlist_add_desc(struct list *list, uintptr_t address, size_t length, uint64_t device, const void *metadata,
                                 size_t metadata_length)
{
    return add(list, address, length);
}

int nixl_capi_create_notif_map(struct letters **map)
{
    return make((void **)map, sizeof(**map));
}

int nixl_capi_destroy_notif_map(struct letters *map)
{
    free(map);
    return SUCCESS;
}

int nixl_capi_notif_map_clear(struct letters *map)
{
    map->count = 0;
    return SUCCESS;
}

/* Whether a letter is the first of its sender. */
static bool is_first(const struct letters *map, size_t index)
{
    for (size_t before = 0; before < index; before++) {
        if (!strcmp(map->letters[before].sender, map->letters[index].sender)) {
            return false;
        }
    }
    return true;
}

int nixl_capi_notif_map_size(struct letters *map, size_t *size)
{
    *size = 0;
    for (size_t index = 0; index < map->count; index++) {
        *size += is_first(map, index);
    }
    return SUCCESS;
}

int nixl_capi_notif_map_get_agent_at(struct letters *map, size_t wanted, const char **name)
{
    for (size_t index = 0; index < map->count; index++) {
        if (is_first(map, index) && wanted-- == 0) {
            *name = map->letters[index].sender;
            return SUCCESS;
        }
    }
    return INVALID_PARAM;
}

int nixl_capi_notif_map_get_notifs_size(struct letters *map, const char *name, size_t *size)
{
    *size = 0;
    for (size_t index = 0; index < map->count; index++) {
        *size += !strcmp(map->letters[index].sender, name);
    }
    return SUCCESS;
}

int nixl_capi_notif_map_get_notif(struct letters *map, const char *name, size_t wanted, const void **data, size_t *length)
{
    for (size_t index = 0; index < map->count; index++) {
        struct letter *letter = &map->letters[index];

        if (!strcmp(letter->sender, name) && wanted-- == 0) {
            *data = letter->message.data;
            *length = letter->message.length;
            return SUCCESS;
        }
    }
    return INVALID_PARAM;
}
