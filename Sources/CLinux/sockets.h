// SPDX-License-Identifier: Apache-2.0
//
// Sockets, addresses and epoll in shapes that import into Swift without unions: addresses travel as
// `struct memd_address`, event arrays as raw memory with accessors. Nothing here retries or logs;
// that policy lives in Syscall.swift.
#ifndef MEMD_SOCKETS_H
#define MEMD_SOCKETS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/// A socket address of any family: the bytes of a sockaddr and how many of them count.
struct memd_address {
  uint32_t count;
  union {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    struct sockaddr_un local;
  } socket;
};

/// Fills `address` from a numeric IPv4 or IPv6 host; 0, or -1 if the text is neither.
static inline int memd_address_numeric(struct memd_address *address, const char *host,
                                       uint16_t port) {
  memset(address, 0, sizeof *address);
  if (inet_pton(AF_INET, host, &address->socket.ipv4.sin_addr) == 1) {
    address->socket.ipv4.sin_family = AF_INET;
    address->socket.ipv4.sin_port = htons(port);
    address->count = sizeof(struct sockaddr_in);
    return 0;
  }
  if (inet_pton(AF_INET6, host, &address->socket.ipv6.sin6_addr) == 1) {
    address->socket.ipv6.sin6_family = AF_INET6;
    address->socket.ipv6.sin6_port = htons(port);
    address->count = sizeof(struct sockaddr_in6);
    return 0;
  }
  return -1;
}

/// Resolves a host name (blocking); 0, or the code of getaddrinfo.
static inline int memd_address_resolve(struct memd_address *address, const char *host,
                                       uint16_t port) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  int code = getaddrinfo(host, NULL, &hints, &found);
  if (code != 0) return code;
  memset(address, 0, sizeof *address);
  memcpy(&address->socket, found->ai_addr, found->ai_addrlen);
  address->count = found->ai_addrlen;
  freeaddrinfo(found);
  if (address->socket.any.sa_family == AF_INET6)
    address->socket.ipv6.sin6_port = htons(port);
  else
    address->socket.ipv4.sin_port = htons(port);
  return 0;
}

/// Gives an internet address another port.
static inline void memd_address_set_port(struct memd_address *address, uint16_t port) {
  if (address->socket.any.sa_family == AF_INET6)
    address->socket.ipv6.sin6_port = htons(port);
  else
    address->socket.ipv4.sin_port = htons(port);
}

/// Fills `address` with the path of a unix socket; -1 if the path is too long.
static inline int memd_address_local(struct memd_address *address, const char *path) {
  memset(address, 0, sizeof *address);
  size_t length = strlen(path);
  if (length >= sizeof address->socket.local.sun_path) return -1;
  address->socket.local.sun_family = AF_UNIX;
  memcpy(address->socket.local.sun_path, path, length + 1);
  address->count = sizeof(struct sockaddr_un);
  return 0;
}

/// The family of the address: AF_INET, AF_INET6 or AF_UNIX.
static inline int memd_address_family(const struct memd_address *address) {
  return address->socket.any.sa_family;
}

/// The port in host byte order; 0 for unix sockets.
static inline uint16_t memd_address_port(const struct memd_address *address) {
  if (address->socket.any.sa_family == AF_INET) return ntohs(address->socket.ipv4.sin_port);
  if (address->socket.any.sa_family == AF_INET6) return ntohs(address->socket.ipv6.sin6_port);
  return 0;
}

/// Writes "1.2.3.4:5" or "[::1]:5" with a closing NUL into `text` (at least 64 bytes).
static inline void memd_address_text(const struct memd_address *address, char *text,
                                     size_t byte_count) {
  char host[INET6_ADDRSTRLEN] = "?";
  if (address->socket.any.sa_family == AF_INET) {
    inet_ntop(AF_INET, &address->socket.ipv4.sin_addr, host, sizeof host);
    snprintf(text, byte_count, "%s:%u", host, ntohs(address->socket.ipv4.sin_port));
  } else if (address->socket.any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &address->socket.ipv6.sin6_addr, host, sizeof host);
    snprintf(text, byte_count, "[%s]:%u", host, ntohs(address->socket.ipv6.sin6_port));
  } else {
    snprintf(text, byte_count, "?:0");
  }
}

/// 1 if the address is 127.0.0.0/8 or ::1.
static inline int memd_address_is_loopback(const struct memd_address *address) {
  if (address->socket.any.sa_family == AF_INET)
    return (ntohl(address->socket.ipv4.sin_addr.s_addr) >> 24) == 127;
  if (address->socket.any.sa_family == AF_INET6)
    return IN6_IS_ADDR_LOOPBACK(&address->socket.ipv6.sin6_addr) ? 1 : 0;
  return 0;
}

/// 1 if the address stands for every address of its family.
static inline int memd_address_is_wildcard(const struct memd_address *address) {
  if (address->socket.any.sa_family == AF_INET)
    return address->socket.ipv4.sin_addr.s_addr == htonl(INADDR_ANY);
  if (address->socket.any.sa_family == AF_INET6)
    return IN6_IS_ADDR_UNSPECIFIED(&address->socket.ipv6.sin6_addr) ? 1 : 0;
  return 0;
}

/// socket(2) for streams, non-blocking and closed on exec.
static inline int memd_stream_socket(int family) {
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/// bind(2).
static inline int memd_bind(int descriptor, const struct memd_address *address) {
  return bind(descriptor, &address->socket.any, address->count);
}

/// connect(2).
static inline int memd_connect(int descriptor, const struct memd_address *address) {
  return connect(descriptor, &address->socket.any, address->count);
}

/// accept4(2), non-blocking and closed on exec; fills in the address of the peer.
static inline int memd_accept(int listener, struct memd_address *peer) {
  socklen_t length = sizeof peer->socket;
  int descriptor = accept4(listener, &peer->socket.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  peer->count = length;
  return descriptor;
}

/// getsockname(2).
static inline int memd_local_address(int descriptor, struct memd_address *address) {
  socklen_t length = sizeof address->socket;
  memset(address, 0, sizeof *address);
  int result = getsockname(descriptor, &address->socket.any, &length);
  address->count = length;
  return result;
}

/// getpeername(2).
static inline int memd_peer_address(int descriptor, struct memd_address *address) {
  socklen_t length = sizeof address->socket;
  memset(address, 0, sizeof *address);
  int result = getpeername(descriptor, &address->socket.any, &length);
  address->count = length;
  return result;
}

/// setsockopt(2) with an int.
static inline int memd_set_option(int descriptor, int level, int name, int value) {
  return setsockopt(descriptor, level, name, &value, sizeof value);
}

/// Takes the pending error of a socket (SO_ERROR); the errno of the call itself if that fails.
static inline int memd_socket_error(int descriptor) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
  return error;
}

/// Keep-alive probes after `seconds` of silence, three of them within the same time again.
static inline int memd_set_keep_alive(int descriptor, int seconds) {
  int interval = seconds / 3 > 0 ? seconds / 3 : 1;
  if (memd_set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, seconds > 0) < 0) return -1;
  if (seconds <= 0) return 0;
  if (memd_set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, seconds) < 0) return -1;
  if (memd_set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, interval) < 0) return -1;
  return memd_set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

/// epoll_ctl(2) without the union; `operation` is EPOLL_CTL_ADD, _MOD or _DEL.
static inline int memd_epoll_control(int poller, int operation, int descriptor, uint32_t interest,
                                     uint64_t data) {
  struct epoll_event event = {.events = interest, .data = {.u64 = data}};
  return epoll_ctl(poller, operation, descriptor, &event);
}

/// Bytes of one element of the array that the wait functions fill.
static inline size_t memd_epoll_event_size(void) { return sizeof(struct epoll_event); }

/// The condition bits of element `index`.
static inline uint32_t memd_epoll_event_bits(const void *events, int index) {
  return ((const struct epoll_event *)events)[index].events;
}

/// The user data of element `index`.
static inline uint64_t memd_epoll_event_data(const void *events, int index) {
  return ((const struct epoll_event *)events)[index].data.u64;
}

/// epoll_wait(2); -1 milliseconds waits for ever.
static inline int memd_epoll_wait(int poller, void *events, int capacity, int milliseconds) {
  return epoll_wait(poller, (struct epoll_event *)events, capacity, milliseconds);
}

/// epoll_pwait2 (Linux 5.11) by number, as older C libraries lack it; ENOSYS if the kernel does.
static inline int memd_epoll_wait_nanoseconds(int poller, void *events, int capacity,
                                              int64_t nanoseconds) {
#ifdef SYS_epoll_pwait2
  struct timespec limit = {.tv_sec = (time_t)(nanoseconds / 1000000000),
                           .tv_nsec = (long)(nanoseconds % 1000000000)};
  return (int)syscall(SYS_epoll_pwait2, poller, events, capacity, &limit, NULL, (size_t)0);
#else
  errno = ENOSYS;
  return -1;
#endif
}

/// Interest and condition bits, since the header's enum imports as a separate type.
enum {
  MEMD_EPOLL_READABLE = EPOLLIN,
  MEMD_EPOLL_WRITABLE = EPOLLOUT,
  MEMD_EPOLL_FAILED = EPOLLERR | EPOLLHUP,
};

#endif
