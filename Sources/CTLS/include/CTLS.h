// SPDX-License-Identifier: Apache-2.0
//
// TLS by OpenSSL 3 without its headers: the functions that are used of it, found in the
// distribution's libraries when they are first needed.
//
// A session never touches a socket: it takes what the peer sent from memory of its caller and
// leaves what the peer is to get in memory of its caller, so that it runs over anything that moves
// bytes, and both ends of it in one test.
//
//     plaintext --write--> session --out--> bytes for the peer
//     plaintext <--read--- session <--in--- bytes from the peer
//
// OpenSSL keeps a queue of errors per thread, and a call misunderstands what an earlier one left
// there. Every function here leaves the queue empty, so that none has to look first.
#ifndef MEMD_TLS_H
#define MEMD_TLS_H

#include <stddef.h>
#include <stdint.h>

/// Finds the two libraries under these file names, and all functions in them; 0 if they aren't
/// there, else not 0. Asking again costs nothing once they are found.
int memd_tls_find(const char *crypto_file, const char *ssl_file);

/// Why the last call of this thread failed, in OpenSSL's words; never NULL.
const char *memd_tls_failure(void);

// MARK: - Contexts

/// Certificate, key and rules for connections; OpenSSL's own type, counted by the sessions that
/// were made with it.
typedef struct ssl_ctx_st memd_tls_context;

/// Versions of the protocol.
enum {
  MEMD_TLS_1_0 = 1,
  MEMD_TLS_1_1 = 2,
  MEMD_TLS_1_2 = 4,
  MEMD_TLS_1_3 = 8,
};

/// What went wrong when a context was made.
enum {
  MEMD_TLS_MEMORY = 1,
  MEMD_TLS_CERTIFICATE,
  MEMD_TLS_KEY,
  MEMD_TLS_AUTHORITIES,
  MEMD_TLS_CIPHERS,
  MEMD_TLS_SUITES,
  MEMD_TLS_DH_FILE,
  MEMD_TLS_DH_PARAMETERS,
};

/// What a context is made of; NULL for what isn't given.
struct memd_tls_settings {
  const char *certificate_file;
  const char *key_file;
  const char *key_password;
  const char *authority_file;
  const char *authority_directory;
  const char *ciphers;
  const char *suites;
  const char *dh_file;
  /// A sum of versions.
  int protocols;
  int prefers_own_ciphers;
  int caches_sessions;
  long cached_session_count;
  long cached_session_seconds;
};

/// Makes a context; NULL if that fails, then `what` tells with which part.
memd_tls_context *memd_tls_make_context(const struct memd_tls_settings *settings, int *what);
void memd_tls_free_context(memd_tls_context *context);

/// What is told of a certificate.
struct memd_tls_certificate {
  /// Hexadecimal digits; empty if there is none.
  char serial[64];
  /// Seconds since 1970 between which it is valid.
  int64_t valid_from;
  int64_t valid_until;
};

/// The context's own certificate, and of the authorities the one that ends first.
void memd_tls_own_certificate(memd_tls_context *context, struct memd_tls_certificate *facts);
void memd_tls_first_authority(memd_tls_context *context, struct memd_tls_certificate *facts);
/// Of the certificates in a file the one that ends first; 0 if there is none.
int memd_tls_file_certificate(const char *path, struct memd_tls_certificate *facts);

// MARK: - Sessions

typedef struct ssl_st memd_tls_connection;

/// One end of a connection.
struct memd_tls_session {
  memd_tls_connection *connection;
  /// What the peer has sent and nobody has read.
  const uint8_t *in;
  size_t in_count;
  /// Where bytes for the peer are left, and how many are there.
  uint8_t *out;
  size_t out_count;
  size_t out_capacity;
  /// Not 0 once nothing can follow what is in `in`.
  int has_ended;
};

/// What an end does about the certificate of its peer.
enum {
  MEMD_TLS_TRUST_ANY = 0,
  MEMD_TLS_VERIFY_IF_GIVEN = 1,
  MEMD_TLS_REQUIRE = 2,
};

/// What came of a step.
enum {
  /// It is done.
  MEMD_TLS_DONE = 1,
  /// It goes on when more of the peer's bytes are there.
  MEMD_TLS_WANTS_INPUT = 2,
  /// It goes on when there is room for bytes to the peer.
  MEMD_TLS_WANTS_ROOM = 3,
  /// The peer has taken leave.
  MEMD_TLS_CLOSED = 4,
  MEMD_TLS_FAILED = 5,
};

/// Begins as the accepting end, or as the one that connects; `name` is the server's that the latter
/// asks for, or NULL. 0 if memory is out.
int memd_tls_open(
    struct memd_tls_session *session, memd_tls_context *context, int accepts, int verification,
    const char *name);
/// Frees what the session has.
void memd_tls_close(struct memd_tls_session *session);
/// Goes on with the handshake.
int memd_tls_handshake(struct memd_tls_session *session);
/// Reads plaintext, not more than of one record.
int memd_tls_read(struct memd_tls_session *session, void *bytes, size_t capacity, size_t *count);
/// Writes plaintext, not more than of one record.
int memd_tls_write(
    struct memd_tls_session *session, const void *bytes, size_t byte_count, size_t *count);
/// Plaintext bytes that have been decrypted and not been read.
size_t memd_tls_pending(const struct memd_tls_session *session);
/// Says goodbye to the peer; it needs room for one small record.
void memd_tls_say_goodbye(struct memd_tls_session *session);

/// Which names of a certificate.
enum {
  MEMD_TLS_COMMON_NAME = 0,
  MEMD_TLS_URI = 1,
};

/// The name of that kind at an index in the peer's certificate: how many bytes it has and, as far
/// as there is room, these; -1 if there is none.
long memd_tls_peer_name(
    const struct memd_tls_session *session, int kind, int index, void *text, size_t capacity);
/// "TLSv1.3"; for tests.
const char *memd_tls_version(const struct memd_tls_session *session);

#endif
