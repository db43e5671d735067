// SPDX-License-Identifier: Apache-2.0
//
// The report of a crash. Everything that runs in the handler is async-signal safe: write(2),
// open(2), backtrace (primed at install time) and arithmetic on memory that was set aside before.
// The state is private to the one object file that uses it: only CrashReport.swift may call these
// functions.
#ifndef MEMD_CRASH_H
#define MEMD_CRASH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { MEMD_CRASH_TEXT = 1024, MEMD_CRASH_STACK = 128 * 1024, MEMD_CRASH_FRAMES = 100 };

/// What the handler may look at.
struct memd_crash_state {
  int descriptor;
  volatile sig_atomic_t reporting;
  char log_path[MEMD_CRASH_TEXT];
  char process_id_path[MEMD_CRASH_TEXT];
  char version[64];
  const char *volatile information;
};

static struct memd_crash_state memd_crash = {.descriptor = 2};

static void memd_crash_text(int output, const char *text) {
  size_t length = strlen(text);
  while (length > 0) {
    ssize_t written = write(output, text, length);
    if (written <= 0) return;
    text += written;
    length -= (size_t)written;
  }
}

static void memd_crash_number(int output, int64_t number, unsigned base) {
  char text[32];
  char *cursor = text + sizeof text - 1;
  uint64_t rest = number < 0 && base == 10 ? 0 - (uint64_t)number : (uint64_t)number;
  *cursor = 0;
  do {
    *--cursor = "0123456789abcdef"[rest % base];
    rest /= base;
  } while (rest > 0);
  if (number < 0 && base == 10) *--cursor = '-';
  memd_crash_text(output, cursor);
}

static void *memd_crash_instruction(void *context) {
  const ucontext_t *machine = (const ucontext_t *)context;
#if defined(__x86_64__)
  return (void *)machine->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
  return (void *)machine->uc_mcontext.pc;
#else
  return NULL;
#endif
}

static void memd_crash_cause(int output, int number, const siginfo_t *details, void *context) {
  memd_crash_text(output, "\n\n=== MEMD BUG REPORT START: Cut & paste starting from here ===\n");
  memd_crash_text(output, "memd ");
  memd_crash_text(output, memd_crash.version);
  memd_crash_text(output, " crashed by signal: ");
  memd_crash_number(output, number, 10);
  memd_crash_text(output, ", si_code: ");
  memd_crash_number(output, details->si_code, 10);
  memd_crash_text(output, "\n");
  if (details->si_code <= 0) {
    memd_crash_text(output, "Killed by PID: ");
    memd_crash_number(output, details->si_pid, 10);
    memd_crash_text(output, ", UID: ");
    memd_crash_number(output, details->si_uid, 10);
  } else {
    memd_crash_text(output, "Accessing address: 0x");
    memd_crash_number(output, (int64_t)(intptr_t)details->si_addr, 16);
  }
  memd_crash_text(output, "\nCrashed running the instruction at: 0x");
  memd_crash_number(output, (int64_t)(intptr_t)memd_crash_instruction(context), 16);
  memd_crash_text(output, "\n\n------ STACK TRACE ------\n\nBacktrace:\n");
}

static void memd_crash_received(int number, siginfo_t *details, void *context) {
  // A second fault while reporting ends the process at once.
  if (memd_crash.reporting) {
    signal(number, SIG_DFL);
    raise(number);
    return;
  }
  memd_crash.reporting = 1;
  int output = memd_crash.descriptor;
  if (memd_crash.log_path[0] != 0) {
    int log = open(memd_crash.log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (log >= 0) output = log;
  }
  memd_crash_cause(output, number, details, context);
  void *frames[MEMD_CRASH_FRAMES];
  int count = backtrace(frames, MEMD_CRASH_FRAMES);
  backtrace_symbols_fd(frames, count, output);
  if (memd_crash.information != NULL) {
    memd_crash_text(output, "\n------ INFO OUTPUT ------\n");
    memd_crash_text(output, memd_crash.information);
  }
  memd_crash_text(output, "\n=== MEMD BUG REPORT END ===\n");
  if (memd_crash.process_id_path[0] != 0) unlink(memd_crash.process_id_path);
  // Delivered when the handler returns and unblocks it: the default action, core file included.
  signal(number, SIG_DFL);
  raise(number);
}

static inline void memd_crash_copy(char *target, const char *source, size_t byte_count) {
  size_t length = strnlen(source, byte_count - 1);
  memcpy(target, source, length);
  target[length] = 0;
}

/// Gives the calling thread a stack of its own for signal handlers; -1 with errno.
static inline int memd_crash_prepare_thread(void) {
  void *memory = mmap(NULL, MEMD_CRASH_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);
  if (memory == MAP_FAILED) return -1;
  stack_t stack = {.ss_sp = memory, .ss_flags = 0, .ss_size = MEMD_CRASH_STACK};
  return sigaltstack(&stack, NULL);
}

/// Where reports go: `log_path` if it is not empty and can be opened, else `descriptor`.
static inline void memd_crash_configure(int descriptor, const char *version, const char *log_path,
                                        const char *process_id_path) {
  memd_crash.descriptor = descriptor;
  memd_crash_copy(memd_crash.version, version, sizeof memd_crash.version);
  memd_crash_copy(memd_crash.log_path, log_path, sizeof memd_crash.log_path);
  memd_crash_copy(memd_crash.process_id_path, process_id_path, sizeof memd_crash.process_id_path);
}

/// Replaces the pre-rendered text; the old one is leaked to nobody: the caller gets it back.
static inline const char *memd_crash_set_information(const char *text) {
  const char *old = memd_crash.information;
  memd_crash.information = text;
  return old;
}

/// Handles the signals of a fault. backtrace is called once here, since its first call allocates.
static inline int memd_crash_install(void) {
  static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
  void *frames[4];
  backtrace(frames, 4);
  if (memd_crash_prepare_thread() < 0) return -1;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = memd_crash_received;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    if (sigaction(numbers[i], &action, NULL) < 0) return -1;
  return 0;
}

/// Gives the signals of a fault their default action back.
static inline void memd_crash_uninstall(void) {
  static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) signal(numbers[i], SIG_DFL);
}

#endif
