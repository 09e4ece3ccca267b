/* Shifts the wall clock of the one program it is preloaded into by CLOCK_SHIFT seconds. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *at) {
    long said = syscall(SYS_clock_gettime, clock, at);
    const char *shift = getenv("CLOCK_SHIFT");
    if (said == 0 && clock == CLOCK_REALTIME && shift != NULL) {
        at->tv_sec += atol(shift);
    }
    return (int)said;
}
