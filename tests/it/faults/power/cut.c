/* Cuts the power of one filesystem at the moment when a program is about to make something durable, or has just done so.
 *
 *   cut REPORT MOUNT before|after N PROGRAM ARGUMENT…
 *
 * Of the program itself and its threads (not of what it starts) the calls that make something durable are counted: fsync,
 * fdatasync, syncfs, rename. At the N-th the filesystem at MOUNT is shut down as if the plug were pulled (nothing that was
 * not durable by then ever will be), and the program is killed. REPORT tells which call that was, or how many there were. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHUTDOWN 0x8004587d
#define NOTHING_FLUSHED 2
#define MOST_THREADS 4096

static const char *durable(uint64_t call) {
    switch (call) {
    case SYS_fsync: return "fsync";
    case SYS_fdatasync: return "fdatasync";
    case SYS_syncfs: return "syncfs";
#ifdef SYS_rename
    case SYS_rename: return "rename";
#endif
    case SYS_renameat: return "renameat";
    case SYS_renameat2: return "renameat2";
    default: return NULL;
    }
}

static pid_t known[MOST_THREADS];
static int threads;

/* Whether this thread was seen before; a new one begins with a stop of its own. */
static int is_known(pid_t thread) {
    for (int i = 0; i < threads; i++) {
        if (known[i] == thread) return 1;
    }
    if (threads < MOST_THREADS) known[threads++] = thread;
    return 0;
}

int main(int count, char **words) {
    if (count < 6) return 2;
    FILE *report = fopen(words[1], "w");
    int disk = open(words[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int after = strcmp(words[3], "after") == 0;
    long wanted = atol(words[4]), seen = 0;
    if (report == NULL || disk < 0) return 2;
    fcntl(fileno(report), F_SETFD, FD_CLOEXEC);
    pid_t program = fork();
    if (program == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execvp(words[5], words + 5);
        _exit(127);
    }
    int status;
    waitpid(program, &status, 0);
    is_known(program);
    ptrace(PTRACE_SETOPTIONS, program, 0,
           PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
    ptrace(PTRACE_SYSCALL, program, 0, 0);
    pid_t due = 0;
    for (;;) {
        pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0) return 2;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (thread != program) continue;
            fprintf(report, "%ld calls\n", seen);
            fclose(report);
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        int stop = WSTOPSIG(status), pass = 0;
        if (stop == (SIGTRAP | 0x80)) {
            struct ptrace_syscall_info info;
            memset(&info, 0, sizeof info);
            ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info);
            const char *call = info.op == PTRACE_SYSCALL_INFO_ENTRY ? durable(info.entry.nr) : NULL;
            if (call != NULL && ++seen == wanted) {
                fprintf(report, "%s call %ld, %s\n", words[3], wanted, call);
                due = thread;
            }
            if (due == thread && (info.op == PTRACE_SYSCALL_INFO_EXIT || !after)) {
                uint32_t how = NOTHING_FLUSHED;
                int failed = ioctl(disk, SHUTDOWN, &how);
                kill(program, SIGKILL);
                /* Its end is told once all of its threads have been asked. */
                do {
                    thread = waitpid(-1, &status, __WALL);
                } while (thread > 0 && (thread != program || !(WIFSIGNALED(status) || WIFEXITED(status))));
                if (failed) fprintf(report, "not cut: this filesystem cannot be shut down\n");
                fclose(report);
                return failed ? 2 : 199;
            }
        } else if (status >> 16 == 0 && (stop != SIGSTOP || is_known(thread))) {
            pass = stop;
        } else {
            is_known(thread);
        }
        ptrace(PTRACE_SYSCALL, thread, 0, pass);
    }
}
