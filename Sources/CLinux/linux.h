// SPDX-License-Identifier: Apache-2.0
//
// What Glibc's Swift overlay lacks. Header only: every function is `static inline`, so that no C
// source file has to be compiled and the optimiser sees through the call.
#ifndef MEMD_LINUX_H
#define MEMD_LINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
// Glibc names the member of fd_set after this macro. Its Swift overlay is compiled without it, and
// the compiler refuses two definitions of one structure (in some orders of imports only).
#include <features.h>
#undef __USE_XOPEN
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/// Hints that the cache line at `address` is about to be read.
static inline void memd_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

/// Cycles since the processor started; a cheap monotonic stopwatch.
static inline uint64_t memd_cycle_counter(void) {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t ticks;
  __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
#error "memd_cycle_counter: this processor is not supported yet"
#endif
}

/// accept4 whose address parameter imports as a plain pointer.
static inline int memd_accept4(int listener, void *address, uint32_t *byte_count, int flags) {
  socklen_t length = *byte_count;
  int descriptor = accept4(listener, (struct sockaddr *)address, &length, flags);
  *byte_count = length;
  return descriptor;
}

#endif
