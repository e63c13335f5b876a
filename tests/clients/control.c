/* Asks the mock by its C control API, and says what is not as it should be. */
#include "common.h"
#include "mock_ucx.h"

static int failures;

static void expect(const char *kind, int answer, uint64_t live)
{
    uint64_t found = 12345;
    int answered   = mock_ucx_census(kind, &found);

    if (answered != answer || (answer == MOCK_UCX_OK && found != live)) {
        printf("census of %s: answer %d, %llu live; expected %d and %llu\n", kind ? kind : "all", answered,
               (unsigned long long)found, answer, (unsigned long long)live);
        failures++;
    }
}

int main(int argc, char **argv)
{
    ucp_mem_h memh;

    expect(NULL, MOCK_UCX_OK, 0);
    begin();
    mock_ucx_mark_operation(41);
    memh = map_buffer();
    mock_ucx_mark_operation(42);
    map_buffer();
    expect("memory_handle", MOCK_UCX_OK, 2);
    expect("worker", MOCK_UCX_OK, 1);
    expect("endpoint", MOCK_UCX_OK, 0);
    expect(NULL, MOCK_UCX_OK, 4);
    ucp_mem_unmap(context, memh);
    expect("memory_handle", MOCK_UCX_OK, 1);
    expect("memory_handel", MOCK_UCX_ERROR_ARGUMENT, 0);
    if (mock_ucx_census(NULL, NULL) != MOCK_UCX_ERROR_ARGUMENT) {
        printf("a null pointer is taken\n");
        failures++;
    }
    if (mock_ucx_report(argv[1]) != MOCK_UCX_OK || mock_ucx_report("/no/such/folder/x") != MOCK_UCX_ERROR_FILE) {
        printf("the report goes elsewhere\n");
        failures++;
    }
    printf("version %s build %s\n", mock_ucx_version(), mock_ucx_build_id());
    return argc < 2 || failures > 0;
}
