/* The C control API of libmock_ucx.so: what a test asks of the mock while it runs.
 * Generated from src/control/api.rs by the test `header`; do not edit. */

#ifndef MOCK_UCX_H
#define MOCK_UCX_H

#include <stdint.h>

/**
 * Nothing went wrong.
 */
#define MOCK_UCX_OK 0

/**
 * An argument means nothing: a null pointer, or the name of no kind of object.
 */
#define MOCK_UCX_ERROR_ARGUMENT -1

/**
 * The file cannot be written.
 */
#define MOCK_UCX_ERROR_FILE -2

/**
 * The mock failed; a bug of ours.
 */
#define MOCK_UCX_ERROR_INTERNAL -3

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Version of the mock itself, such as "0.1.0". Never null.
 */
const char *mock_ucx_version(void);

/**
 * Id of this build, equal in the library and the program that belong together. Never null.
 */
const char *mock_ucx_build_id(void);

/**
 * Counts the objects that this process holds: those of one kind ("config", "context", "worker", "address", "endpoint",
 * "memory_handle", "rkey_buffer", "rkey", "request", "am_data", "mem_list"), or all of them if `kind` is null.
 *
 * # Safety
 * `kind` is null or a terminated string, `live` is writable.
 */
int mock_ucx_census(const char *kind,
                    uint64_t *live);

/**
 * Says that operation number `operation` of the client begins now; 0 = none. What is created and ended, and what goes wrong, is
 * reported with the operation it happened in. Without effect before the first call of UCX.
 */
void mock_ucx_mark_operation(uint32_t operation);

/**
 * Writes what this process holds and which rules it broke, as text, to the file `path`, or to stderr if that is null.
 *
 * # Safety
 * `path` is null or a terminated string.
 */
int mock_ucx_report(const char *path);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MOCK_UCX_H */
