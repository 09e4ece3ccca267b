/* Something goes wrong in the n-th system call of one process of ours, in whichever of its threads that is.
 *
 *   nth WHO MODE CALL N TRACE -- PROGRAM ARGUMENT...
 *
 * WHO    `runner`: the program itself, with all its threads and without what it starts;
 *        `shim:STEP`: the shims that it starts for this step, each counted by itself
 * MODE   `kill`: it is killed as it makes the n-th call;  an error's number: the n-th call is not made and fails with it
 * CALL   name, blank, file: which calls are meant; every run of digits in the file's name is a `#`
 * N      counted from 1 over those; 0: nothing goes wrong
 * TRACE  every call of those below, one a line: number, tab, name, tab, file, tab, flags of an open, tab, what is written;
 *        number, tab, `!` where it goes wrong; and, once it was made, number, tab, `=`, tab, its result
 *
 * strace counts for each thread by itself, and every step runs in a thread of its own: there is no n that meets, say, the
 * second step's first fdatasync. What the program starts (git, services) is never traced.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where a call's file is named. */
enum file { NONE, FD, PATH_AT_1, PATH_AT_0 };

static const struct {
    long number;
    const char *name;
    enum file file;
} calls[] = {
#define CALL(name, file) {SYS_##name, #name, file}
    CALL(write, FD), CALL(writev, FD), CALL(pwrite64, FD), CALL(fsync, FD), CALL(fdatasync, FD), CALL(syncfs, FD),
    CALL(ftruncate, FD), CALL(fallocate, FD), CALL(flock, FD), CALL(fchmod, FD), CALL(fchown, FD),
    CALL(copy_file_range, FD), CALL(sendfile, FD), CALL(openat, PATH_AT_1), CALL(openat2, PATH_AT_1),
    CALL(renameat2, PATH_AT_1), CALL(unlinkat, PATH_AT_1), CALL(mkdirat, PATH_AT_1), CALL(linkat, PATH_AT_1),
    CALL(symlinkat, PATH_AT_0), CALL(fchmodat, PATH_AT_1), CALL(utimensat, PATH_AT_1), CALL(execve, PATH_AT_0),
    CALL(read, FD), CALL(pread64, FD), CALL(clone, NONE), CALL(clone3, NONE), CALL(kill, NONE), CALL(setsid, NONE),
#ifdef SYS_renameat
    CALL(renameat, PATH_AT_1),
#endif
#ifdef SYS_rename
    CALL(open, PATH_AT_0), CALL(rename, PATH_AT_0), CALL(unlink, PATH_AT_0), CALL(mkdir, PATH_AT_0),
    CALL(rmdir, PATH_AT_0), CALL(chmod, PATH_AT_0), CALL(symlink, PATH_AT_0), CALL(link, PATH_AT_0),
    CALL(fork, NONE), CALL(vfork, NONE),
#endif
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A thread that is traced. */
struct thread {
    pid_t id;       /* 0: free */
    int counts;     /* its calls are counted */
    long made;      /* number of the call that it is in, 0: one that is not counted */
    int fails_with; /* that call is not made */
};

static struct thread threads[4096];
static const char *step;
static FILE *trace;
static const char *meant;
static long made, met, wanted;
static int error_number;

static void die(const char *what) {
    perror(what);
    exit(99);
}

static struct thread *find(pid_t id) {
    for (size_t at = 0; at < COUNT(threads); at++)
        if (threads[at].id == id) return &threads[at];
    return NULL;
}

static struct thread *known(pid_t id) {
    struct thread *thread = find(id);
    if (thread) return thread;
    thread = find(0);
    if (!thread) die("too many threads");
    memset(thread, 0, sizeof *thread);
    thread->id = id;
    return thread;
}

static ssize_t peek(pid_t id, unsigned long from, char *to, size_t most) {
    struct iovec ours = {to, most}, theirs = {(void *)from, most};
    ssize_t got = process_vm_readv(id, &ours, 1, &theirs, 1, 0);
    if (got >= 0) return got;
    /* It ends in a page that is not there. */
    theirs.iov_len = 4096 - from % 4096 < most ? 4096 - from % 4096 : most;
    return process_vm_readv(id, &ours, 1, &theirs, 1, 0);
}

static void put_text(const char *text, ssize_t length) {
    for (ssize_t at = 0; at < length; at++) {
        unsigned char c = (unsigned char)text[at];
        if (c == '\n') fputs("\\n", trace);
        else if (c == '\t') fputs("\\t", trace);
        else if (c < ' ' || c > '~') fputc('?', trace);
        else fputc(c, trace);
    }
}

/* Whether a call is one of those that are meant: what is numbered anew in each run does not matter. */
static int is_meant(const char *name, const char *file) {
    size_t length = strlen(name);
    if (strncmp(meant, name, length) || meant[length] != ' ') return 0;
    const char *want = meant + length + 1;
    while (*file) {
        if (*file >= '0' && *file <= '9') {
            while (*file >= '0' && *file <= '9') file++;
            if (*want++ != '#') return 0;
        } else if (*want++ != *file++) {
            return 0;
        }
    }
    return !*want;
}

/* Writes a call down; says whether it is meant. */
static int describe(struct thread *thread, size_t call, const struct __ptrace_syscall_info *info) {
    static char text[65536];
    char link[64], path[4097] = "";
    const uint64_t *args = info->entry.args;
    if (calls[call].file == FD) {
        snprintf(link, sizeof link, "/proc/%d/fd/%d", thread->id, (int)args[0]);
        if (readlink(link, path, sizeof path - 1) < 0) path[0] = 0;
    } else if (calls[call].file != NONE) {
        char name[2049] = "";
        ssize_t got = peek(thread->id, args[calls[call].file == PATH_AT_1], name, sizeof name - 1), above = 0;
        name[got < 0 ? 0 : got] = 0;
        if (calls[call].file == PATH_AT_1 && name[0] != '/') {
            snprintf(link, sizeof link, "/proc/%d/fd/%d", thread->id, (int)args[0]);
            above = readlink(link, path, sizeof path - sizeof name - 1);
            if (above < 0) above = 0;
            if (above) path[above++] = '/';
        }
        memcpy(path + above, name, strlen(name) + 1);
    }
    fprintf(trace, "%ld\t%s\t", thread->made, calls[call].name);
    put_text(path, (ssize_t)strlen(path));
    uint64_t flags = 0;
    if (calls[call].number == SYS_openat) flags = args[2];
#ifdef SYS_open
    if (calls[call].number == SYS_open) flags = args[1];
#endif
    if (calls[call].number == SYS_openat2) {
        struct open_how how = {0};
        if (peek(thread->id, args[2], (char *)&how, sizeof how) > 0) flags = how.flags;
    }
    fprintf(trace, "\t%s%s\t", flags & O_CREAT ? "creat" : "", flags & (O_WRONLY | O_RDWR) ? "write" : "");
    if (calls[call].number == SYS_write || calls[call].number == SYS_pwrite64) {
        size_t length = args[2] < sizeof text ? args[2] : sizeof text;
        put_text(text, peek(thread->id, args[1], text, length));
    }
    fputc('\n', trace);
    fflush(trace);
    return is_meant(calls[call].name, path);
}

/* The call is not made: its number becomes one that no call has. */
static void leave_out(pid_t id) {
#if defined(__x86_64__)
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, id, 0, &regs)) die("PTRACE_GETREGS");
    regs.orig_rax = (unsigned long)-1;
    if (ptrace(PTRACE_SETREGS, id, 0, &regs)) die("PTRACE_SETREGS");
#elif defined(__aarch64__)
    int none = -1;
    struct iovec part = {&none, sizeof none};
    if (ptrace(PTRACE_SETREGSET, id, NT_ARM_SYSTEM_CALL, &part)) die("PTRACE_SETREGSET");
#else
#error "another processor: say here how a system call's number is changed"
#endif
}

static void give_result(pid_t id, long result) {
#if defined(__x86_64__)
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, id, 0, &regs)) die("PTRACE_GETREGS");
    regs.rax = (unsigned long)result;
    if (ptrace(PTRACE_SETREGS, id, 0, &regs)) die("PTRACE_SETREGS");
#elif defined(__aarch64__)
    struct user_regs_struct regs;
    struct iovec all = {&regs, sizeof regs};
    if (ptrace(PTRACE_GETREGSET, id, NT_PRSTATUS, &all)) die("PTRACE_GETREGSET");
    regs.regs[0] = (unsigned long)result;
    if (ptrace(PTRACE_SETREGSET, id, NT_PRSTATUS, &all)) die("PTRACE_SETREGSET");
#endif
}

static pid_t process_of(pid_t thread) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", thread);
    FILE *status = fopen(path, "r");
    int process = thread;
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "Tgid: %d", &process) == 1) break;
    if (status) fclose(status);
    return process;
}

static void at_call(struct thread *thread) {
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread->id, sizeof info, &info) <= 0) return;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
        if (thread->fails_with) give_result(thread->id, -thread->fails_with);
        long result = thread->fails_with ? -thread->fails_with : (long)info.exit.rval;
        if (thread->made) fprintf(trace, "%ld\t=\t%ld\n", thread->made, result);
        fflush(trace);
        thread->made = 0;
        thread->fails_with = 0;
        return;
    }
    thread->made = 0;
    for (size_t call = 0; call < COUNT(calls); call++) {
        if (calls[call].number != (long)info.entry.nr) continue;
        thread->made = ++made;
        if (!describe(thread, call, &info) || ++met != wanted) return;
        fprintf(trace, "%ld\t!\n", thread->made);
        fflush(trace);
        if (!error_number) {
            kill(process_of(thread->id), SIGKILL);
            return;
        }
        thread->fails_with = error_number;
        leave_out(thread->id);
        return;
    }
}

/* Whether a process that was just executed is the shim of the step that is looked for. */
static int is_wanted_shim(pid_t id) {
    char path[64], words[16384];
    snprintf(path, sizeof path, "/proc/%d/cmdline", id);
    int file = open(path, O_RDONLY);
    ssize_t length = file < 0 ? 0 : read(file, words, sizeof words - 1);
    if (file >= 0) close(file);
    words[length < 0 ? 0 : length] = 0;
    const char *word = words, *end = words + length;
    for (int at = 0; word < end; at++, word += strlen(word) + 1) {
        if (at == 1 && strcmp(word, "__step")) return 0;
        if (at != 2) continue;
        const char *name = strrchr(word, '/');
        name = name ? strchr(name, '-') : NULL;
        return name && !strcmp(name + 1, step);
    }
    return 0;
}

static int goes_on_with_calls(const struct thread *thread) {
    return thread->counts ? PTRACE_SYSCALL : PTRACE_CONT;
}

/* What hangs would have the whole sweep wait: it is killed, and counts as broken. */
#define PATIENCE 120
static pid_t watched;

static void late(int signal) {
    (void)signal;
    if (watched > 0) kill(watched, SIGKILL);
    _exit(97);
}

int main(int argc, char **argv) {
    if (argc < 8 || strcmp(argv[6], "--")) {
        fprintf(stderr, "nth WHO MODE CALL N TRACE -- PROGRAM ARGUMENT...\n");
        return 99;
    }
    if (!strncmp(argv[1], "shim:", 5)) step = argv[1] + 5;
    error_number = strcmp(argv[2], "kill") ? atoi(argv[2]) : 0;
    meant = argv[3];
    wanted = atol(argv[4]);
    trace = fopen(argv[5], "we");
    if (!trace) die(argv[5]);

    pid_t first = fork();
    if (first < 0) die("fork");
    if (!first) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execvp(argv[7], argv + 7);
        die(argv[7]);
    }
    watched = first;
    signal(SIGALRM, late);
    alarm(PATIENCE);
    int status;
    if (waitpid(first, &status, 0) != first) die("waitpid");
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    if (step) options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
    if (ptrace(PTRACE_SETOPTIONS, first, 0, options)) die("PTRACE_SETOPTIONS");
    known(first);
    if (ptrace(PTRACE_CONT, first, 0, 0)) die("PTRACE_CONT");

    for (;;) {
        pid_t id = waitpid(-1, &status, __WALL);
        if (id < 0 && errno == EINTR) continue;
        if (id < 0) return 98;
        if (!WIFSTOPPED(status)) {
            struct thread *gone = find(id);
            if (gone) gone->id = 0;
            /* What is still traced goes on by itself. */
            if (id == first) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        int is_new = !find(id), pass = 0;
        struct thread *thread = known(id);
        int signal = WSTOPSIG(status), event = status >> 16;
        if (is_new) {
            /* A thread counts as its process does; a process of its own counts once it is known what it executes. */
            struct thread *process = find(process_of(id));
            thread->counts = process && process != thread && process->counts;
        }
        if (signal == (SIGTRAP | 0x80)) {
            at_call(thread);
        } else if (event == PTRACE_EVENT_EXEC) {
            if (id == first) {
                thread->counts = !step;
            } else if (is_wanted_shim(id)) {
                thread->counts = 1;
                made = met = 0;
            } else {
                thread->id = 0;
                ptrace(PTRACE_DETACH, id, 0, 0);
                continue;
            }
        } else if (!event && signal != SIGTRAP && !(is_new && signal == SIGSTOP)) {
            pass = signal;
        }
        ptrace(goes_on_with_calls(thread), id, 0, pass);
    }
}
