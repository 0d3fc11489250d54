/* Ends the process, or leaves no room on the disk, at the N-th change of a file below a folder.
   INTERRUPT_BELOW the folder, INTERRUPT_AT N, INTERRUPT_HOW kill or full. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long seen;

static int below(const char *path) {
    const char *folder = getenv("INTERRUPT_BELOW");
    return folder && path && !strncmp(path, folder, strlen(folder));
}

static int below_fd(int fd) {
    char link[64], path[PATH_MAX];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (n < 0) return 0;
    path[n] = 0;
    return below(path);
}

/* Whether this change fails for want of room; does not return where the process ends. */
static int hit(int writes) {
    const char *at = getenv("INTERRUPT_AT");
    if (!at) return 0;
    long n = __atomic_add_fetch(&seen, 1, __ATOMIC_SEQ_CST), wanted = atol(at);
    if (n < wanted) return 0;
    if (!strcmp(getenv("INTERRUPT_HOW"), "kill")) { kill(getpid(), SIGKILL); pause(); }
    /* From here on the disk is full: what needs no room goes on. */
    if (writes) errno = ENOSPC;
    return writes;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *b, size_t n) { return below_fd(fd) && hit(1) ? -1 : REAL(write)(fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { return below_fd(fd) && hit(1) ? -1 : REAL(pwrite)(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { return below_fd(fd) && hit(1) ? -1 : REAL(pwrite64)(fd, b, n, o); }
ssize_t copy_file_range(int i, off64_t *io, int o, off64_t *oo, size_t n, unsigned f) {
    return below_fd(o) && hit(1) ? -1 : REAL(copy_file_range)(i, io, o, oo, n, f);
}
int fsync(int fd) { return below_fd(fd) && hit(0) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return below_fd(fd) && hit(0) ? -1 : REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t n) { return below_fd(fd) && hit(0) ? -1 : REAL(ftruncate)(fd, n); }
int ftruncate64(int fd, off64_t n) { return below_fd(fd) && hit(0) ? -1 : REAL(ftruncate64)(fd, n); }
int rename(const char *a, const char *b) { return below(a) && hit(0) ? -1 : REAL(rename)(a, b); }
int unlink(const char *a) { return below(a) && hit(0) ? -1 : REAL(unlink)(a); }
int linkat(int d, const char *a, int e, const char *b, int f) { return below(a) && hit(1) ? -1 : REAL(linkat)(d, a, e, b, f); }
