/*
 * Allocates in all the ways that are counted, in threads and in a forked child, and leaves behind what its tests look for.
 * Arguments: how many blocks and mappings to leave.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u

static __attribute__((noinline)) void *left_in_heap(size_t bytes)
{
    void *block = malloc(bytes);
    memset(block, 1, bytes);
    return block;
}

static __attribute__((noinline)) void *left_mapped(size_t bytes)
{
    void *made = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return made == MAP_FAILED ? NULL : made;
}

/* Every function of the family; nothing of it is left. */
static void balanced(unsigned round)
{
    void *block = NULL;
    if (posix_memalign(&block, 64, 100) == 0) {
        free(block);
    }
    volatile size_t odd = 3;
    if (posix_memalign(&block, odd, 100) == 0) {
        abort();
    }
    free(aligned_alloc(64, 128));
    free(memalign(256, 100));
    free(valloc(10));
    free(pvalloc(10));
    free(strdup("of libc"));
    block = calloc(round % 7 + 1, 33);
    block = realloc(block, 1000);
    block = reallocarray(block, 100, 20);
    free(block);
    free(NULL);
    volatile size_t too_many = (size_t)-1;
    if (reallocarray(NULL, too_many, 16) != NULL) {
        abort();
    }
    char *made = left_mapped(4 * PAGE);
    munmap(made + PAGE, PAGE);
    munmap(made, PAGE);
    munmap(made + 2 * PAGE, 2 * PAGE);
    made = left_mapped(PAGE);
    made = mremap(made, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    munmap(made, 3 * PAGE);
}

static void *work(void *unused)
{
    for (unsigned round = 0; round < 300; round++) {
        balanced(round);
    }
    return unused;
}

int main(int count, char **words)
{
    int left = count > 1 ? atoi(words[1]) : 0;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, work, NULL);
    }
    for (int i = 0; i < 5; i++) {
        pid_t child = fork();
        if (child == 0) {
            for (int j = 0; j < 10; j++) {
                left_in_heap(50);
            }
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    for (int i = 0; i < left; i++) {
        left_in_heap(77);
        left_mapped(2 * PAGE);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    puts("done");
    return 0;
}
