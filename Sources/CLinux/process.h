// SPDX-License-Identifier: Apache-2.0
//
// What a long-running process asks of Linux about itself: signals, daemon, title, limits.
#ifndef MEMD_PROCESS_H
#define MEMD_PROCESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

/// The write end of the pipe that signals are reported through; -1 while nobody watches.
static volatile int memd_signal_pipe = -1;

/// Reports a signal as one byte. A full pipe loses nothing: the loop has unread signals already.
static void memd_signal_received(int number) {
  int saved = errno;
  unsigned char byte = (unsigned char)number;
  if (memd_signal_pipe >= 0) {
    ssize_t written = write(memd_signal_pipe, &byte, 1);
    (void)written;
  }
  errno = saved;
}

/// Routes `number` into the pipe `descriptor`. Called from one Swift file only: the variable above
/// is private to the object file that uses it.
static inline int memd_watch_signal(int number, int descriptor) {
  memd_signal_pipe = descriptor;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = memd_signal_received;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  return sigaction(number, &action, NULL);
}

/// Stops reporting if the pipe is still `descriptor`, and gives `number` its default action back.
static inline void memd_unwatch_signal(int number, int descriptor) {
  if (memd_signal_pipe == descriptor) memd_signal_pipe = -1;
  signal(number, SIG_DFL);
}

/// Ignores `number` from now on.
static inline void memd_ignore_signal(int number) { signal(number, SIG_IGN); }

/// The range of real-time signals that the C library leaves to programs.
static inline int memd_first_realtime_signal(void) { return SIGRTMIN; }
static inline int memd_last_realtime_signal(void) { return SIGRTMAX; }

/// Blocks every signal in the calling thread but those that a fault raises; for helper threads.
static inline int memd_block_signals(void) {
  sigset_t set;
  sigfillset(&set);
  sigdelset(&set, SIGSEGV);
  sigdelset(&set, SIGBUS);
  sigdelset(&set, SIGFPE);
  sigdelset(&set, SIGILL);
  sigdelset(&set, SIGTRAP);
  sigdelset(&set, SIGABRT);
  return pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/// Puts a shared lock of the open file on one byte of `descriptor`, a directory or not; -1 with
/// errno. Functions of fixed arity, as Swift can't call fcntl(2) with a lock.
static inline int memd_share_byte(int descriptor, int64_t offset) {
  struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
  return fcntl(descriptor, F_OFD_SETLK, &lock);
}

/// Whether another open file has a lock on the byte: 1 or 0; -1 with errno.
static inline int memd_byte_is_shared(int descriptor, int64_t offset) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
  return fcntl(descriptor, F_OFD_GETLK, &lock) < 0 ? -1 : lock.l_type != F_UNLCK;
}

/// fork(2), which Swift hides. The child of a threaded process may only do what is signal safe.
static inline int memd_fork(void) { return fork(); }

/// Points standard input, output and error at /dev/null.
static inline void memd_silence_standard_streams(void) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return;
  dup2(null, STDIN_FILENO);
  dup2(null, STDOUT_FILENO);
  dup2(null, STDERR_FILENO);
  if (null > STDERR_FILENO) close(null);
}

/// Names the calling thread (15 bytes are shown).
static inline int memd_set_thread_name(const char *name) { return prctl(PR_SET_NAME, name); }

/// Copies the environment's texts to the heap, so that the memory of the originals can be reused.
static inline void memd_move_environment(void) {
  extern char **environ;
  for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
    char *copy = strdup(*entry);
    if (copy != NULL) *entry = copy;
  }
}

/// Forbids or allows transparent huge pages for the process.
static inline int memd_disable_huge_pages(int disabled) {
  return prctl(PR_SET_THP_DISABLE, (unsigned long)disabled, 0UL, 0UL, 0UL);
}

/// One line to the system log; a function of fixed arity, as Swift can't call variadic ones.
static inline void memd_syslog(int priority, const char *line) { syslog(priority, "%s", line); }

/// One datagram to a unix socket; a leading '@' means an abstract address. -1 with errno.
static inline int memd_send_datagram(const char *path, const void *bytes, size_t byte_count) {
  struct sockaddr_un address;
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof address.sun_path) {
    errno = EINVAL;
    return -1;
  }
  memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = 0;
  socklen_t count = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  ssize_t sent =
      sendto(descriptor, bytes, byte_count, MSG_NOSIGNAL, (struct sockaddr *)&address, count);
  int saved = errno;
  close(descriptor);
  errno = saved;
  return sent == (ssize_t)byte_count ? 0 : -1;
}

#endif
