/* Preloaded into the real hub: its n-th sync of the store fails once with EIO. n comes from CODI2_TEST_FAIL_SYNC.
   The program under test has no code for this. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int count;

int fdatasync(int fd) {
  static int (*real)(int);
  char link[64], path[4096];
  const char *nth = getenv("CODI2_TEST_FAIL_SYNC");
  ssize_t length;
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, sizeof path - 1);
  if (nth && length > 5 && memcmp(path + length - 5, ".redb", 5) == 0 &&
      __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST) == atoi(nth)) {
    errno = EIO;
    return -1;
  }
  return real(fd);
}
