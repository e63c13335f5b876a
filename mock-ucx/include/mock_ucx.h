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
 * An argument means nothing: a null pointer, the name of no kind of object, a number that is out of range.
 */
#define MOCK_UCX_ERROR_ARGUMENT -1

/**
 * The file cannot be read or written.
 */
#define MOCK_UCX_ERROR_FILE -2

/**
 * The mock failed; a bug of ours.
 */
#define MOCK_UCX_ERROR_INTERNAL -3

/**
 * Not now: UCX was never called, objects are alive, or what is asked for contradicts the environment.
 */
#define MOCK_UCX_ERROR_STATE -4

/**
 * The text is no fault specification.
 */
#define MOCK_UCX_ERROR_FAULTS -5

/**
 * The text is too long.
 */
#define MOCK_UCX_ERROR_TOO_LONG -6

/**
 * Objects were not given back.
 */
#define MOCK_UCX_ERROR_LOST -7

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
 * What was wrong with the last call of this API in this thread, and what to do; "" if nothing was. Never null; valid until this
 * thread's next call of this API.
 */
const char *mock_ucx_message(void);

/**
 * Counts the objects that this process holds: those of one kind ("config", "context", "worker", "address", "endpoint",
 * "memory_handle", "rkey_buffer", "rkey", "request", "am_data", "mem_list"), or all of them if `kind` is null.
 *
 * # Safety
 * `kind` is null or a terminated string, `live` is null or writable.
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

/**
 * From now on the faults of the specification `text` happen, and no others; "" for none; "@FILE" reads a file. Occurrences are counted
 * from this call on, objects from the start of the process or the last reset. Before the first call of UCX, too. If the specification
 * is refused, what was in force stays.
 *
 * # Safety
 * `text` is null or a terminated string.
 */
int mock_ucx_faults(const char *text);

/**
 * How often fault number `number`, from 1, of the specification in force has happened.
 *
 * # Safety
 * `times` is null or writable.
 */
int mock_ucx_fired(uint32_t number, uint64_t *times);

/**
 * From now on the library deviates, wherever UCX permits it, as a swarm drawn from `seed`; faults come first. Before the first call of
 * UCX, too.
 */
int mock_ucx_seed(uint64_t seed);

/**
 * The adversary heals: from now on nothing deviates but calls that a specification fails, and what was withheld comes. Faults or a seed that are set later begin anew.
 */
int mock_ucx_heal(void);

/**
 * Everything is as at the start of the process: faults, seed, counts, numbers of objects, and the adversary is not healed. What was
 * recorded stays in the report. Only when no object is alive.
 */
int mock_ucx_reset(void);

/**
 * Remembers this moment as `*mark`, for `mock_ucx_expect_nothing_lost`.
 *
 * # Safety
 * `mark` is null or writable.
 */
int mock_ucx_mark(uint64_t *mark);

/**
 * Whether each object that was made since `mark` (0: ever) was given back, and none was lost with its parent; else
 * MOCK_UCX_ERROR_LOST, and the message says which.
 */
int mock_ucx_expect_nothing_lost(uint64_t mark);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MOCK_UCX_H */
