/* Drives UCX and the C control API together, as C and as C++, and says what is not as it should be. */
#include "common.h"
#include "mock_ucx.h"

static int failures;

static void answered(const char *what, int answer, int expected, const char *words)
{
    const char *message = mock_ucx_message();

    if (answer != expected || (words == NULL) != (message[0] == '\0') || (words && !strstr(message, words))) {
        printf("%s: answer %d, \"%s\"; expected %d, \"%s\"\n", what, answer, message, expected, words ? words : "");
        failures++;
    }
}

#define EXPECT(call, expected, words) answered(#call, call, expected, words)
#define OK(call) EXPECT(call, MOCK_UCX_OK, NULL)

static void equal(const char *what, long long found, long long expected)
{
    if (found != expected) {
        printf("%s: %lld; expected %lld\n", what, found, expected);
        failures++;
    }
}

static ucs_status_t try_to_map(ucp_mem_h *made)
{
    ucp_mem_map_params_t params = {UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH, buffer,
                                   sizeof(buffer)};

    return ucp_mem_map(context, &params, made);
}

static void before_the_first_call_of_ucx(void)
{
    uint64_t mark = 99;

    EXPECT(mock_ucx_heal(), MOCK_UCX_ERROR_STATE, "never called");
    EXPECT(mock_ucx_fired(1, &mark), MOCK_UCX_ERROR_STATE, "never called");
    OK(mock_ucx_reset());
    OK(mock_ucx_mark(&mark));
    equal("the first mark", mark, 0);
    OK(mock_ucx_expect_nothing_lost(mark));
}

static void wrong_specifications(void)
{
    static char text[70000];

    memset(text, ' ', sizeof(text) - 1);
    EXPECT(mock_ucx_faults(NULL), MOCK_UCX_ERROR_ARGUMENT, "null");
    EXPECT(mock_ucx_faults("ucp_mem_map@2=NO_MEMRY"), MOCK_UCX_ERROR_FAULTS, "column 15: `NO_MEMRY` is no outcome; did you mean");
    EXPECT(mock_ucx_faults("cancel.effect=canceled"), MOCK_UCX_ERROR_FAULTS, "MOCK_UCX_PARANOID=1");
    EXPECT(mock_ucx_faults("\xff"), MOCK_UCX_ERROR_FAULTS, "UTF-8");
    EXPECT(mock_ucx_faults(text), MOCK_UCX_ERROR_TOO_LONG, "65536 bytes");
    EXPECT(mock_ucx_faults("@/no/such/file"), MOCK_UCX_ERROR_FILE, "/no/such/file");
}

static void faults_happen_and_are_counted(void)
{
    ucp_mem_h first, second = NULL;
    uint64_t times = 99;

    OK(mock_ucx_faults("ucp_mem_map@2=NO_MEMORY; ucp_mem_map@9=NO_MEMORY"));
    begin();
    first = map_buffer();
    equal("the second registration", try_to_map(&second), -4);
    second = map_buffer();
    OK(mock_ucx_fired(1, &times));
    equal("times of the first fault", times, 1);
    OK(mock_ucx_fired(2, &times));
    equal("times of the second fault", times, 0);
    EXPECT(mock_ucx_fired(0, &times), MOCK_UCX_ERROR_ARGUMENT, "no fault number 0");
    EXPECT(mock_ucx_fired(3, &times), MOCK_UCX_ERROR_ARGUMENT, "2 are in force");
    EXPECT(mock_ucx_fired(1, NULL), MOCK_UCX_ERROR_ARGUMENT, "`times` is null");
    OK(mock_ucx_faults("ucp_mem_map@1=IO_ERROR"));
    equal("the first registration since", try_to_map(&first), -3);
    EXPECT(mock_ucx_faults("nonsense"), MOCK_UCX_ERROR_FAULTS, "neither");
    OK(mock_ucx_fired(1, &times));
    equal("what was in force stays", times, 1);
    ucp_mem_unmap(context, first);
    ucp_mem_unmap(context, second);
}

static void what_is_not_given_back_is_named(void)
{
    ucp_mem_h memh;
    uint64_t mark = 0;

    OK(mock_ucx_mark(&mark));
    OK(mock_ucx_expect_nothing_lost(mark));
    memh = map_buffer();
    EXPECT(mock_ucx_expect_nothing_lost(mark), MOCK_UCX_ERROR_LOST, "memh#3 of ucp_mem_map");
    ucp_mem_unmap(context, memh);
    OK(mock_ucx_expect_nothing_lost(mark));
    EXPECT(mock_ucx_expect_nothing_lost(0), MOCK_UCX_ERROR_LOST, "context#1 of ucp_init_version, worker#1");
    EXPECT(mock_ucx_expect_nothing_lost(1ULL << 60), MOCK_UCX_ERROR_ARGUMENT, "no mark");
    EXPECT(mock_ucx_mark(NULL), MOCK_UCX_ERROR_ARGUMENT, "`mark` is null");
    OK(mock_ucx_mark(&mark));
}

static void a_healed_adversary_begins_anew_with_new_faults(void)
{
    OK(mock_ucx_faults("worker#1.progress.count=busy"));
    equal("progress before the healing", ucp_worker_progress(worker), 1);
    OK(mock_ucx_heal());
    equal("progress after the healing", ucp_worker_progress(worker), 0);
    OK(mock_ucx_faults("worker#1.progress.count=busy"));
    equal("progress with new faults", ucp_worker_progress(worker), 1);
    OK(mock_ucx_seed(7));
}

static void a_reset_begins_at_the_start(void)
{
    ucp_mem_h memh;
    uint64_t left = 99;

    EXPECT(mock_ucx_reset(), MOCK_UCX_ERROR_STATE, "context#1 of ucp_init_version");
    OK(mock_ucx_faults(""));
    finish();
    OK(mock_ucx_reset());
    OK(mock_ucx_census(NULL, &left));
    equal("objects after the reset", left, 0);
    OK(mock_ucx_faults("context#1.ucp_mem_map=NO_MEMORY"));
    begin();
    equal("a registration of the first context since the reset", try_to_map(&memh), -4);
    finish();
}

/* The process began with faults and a seed: what the program asks for would contradict them. */
static int given(void)
{
    begin();
    EXPECT(mock_ucx_faults("ucp_mem_map=NO_MEMORY"), MOCK_UCX_ERROR_STATE, "leave one or the other out");
    EXPECT(mock_ucx_seed(1), MOCK_UCX_ERROR_STATE, "leave one or the other out");
    finish();
    return failures > 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "given") == 0) {
        return given();
    }
    before_the_first_call_of_ucx();
    wrong_specifications();
    faults_happen_and_are_counted();
    what_is_not_given_back_is_named();
    a_healed_adversary_begins_anew_with_new_faults();
    a_reset_begins_at_the_start();
    return failures > 0;
}
