// Loaded into a process before it: makes each sync take longer, as a memory card does, and writes down when each was.
// KIOS_SYNC_MS: how much longer. KIOS_SYNC_LOG: a file that gets a line `begin end` (CLOCK_MONOTONIC, ns) for each sync.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void nap(void) {
  const char *text = getenv("KIOS_SYNC_MS");
  double ms = text == NULL ? 0 : atof(text);
  if (ms <= 0) return;
  struct timespec span = {(time_t)(ms / 1000), (long)((ms - 1000 * (long)(ms / 1000)) * 1e6)};
  nanosleep(&span, NULL);
}

static void note(long long begin) {
  static int log_fd = -2;
  if (log_fd == -2) {
    const char *path = getenv("KIOS_SYNC_LOG");
    log_fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
  if (log_fd < 0) return;
  char line[64];
  int length = snprintf(line, sizeof line, "%lld %lld\n", begin, now());
  if (write(log_fd, line, (size_t)length) < 0) log_fd = -1;
}

static int slow(const char *name, int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  long long begin = now();
  nap();
  int result = real(fd);
  note(begin);
  return result;
}

int fsync(int fd) { return slow("fsync", fd); }

int fdatasync(int fd) { return slow("fdatasync", fd); }
