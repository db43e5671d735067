// SPDX-License-Identifier: Apache-2.0
//
// The functions of OpenSSL, and what is made of them.
#include "CTLS.h"

#include <dlfcn.h>
#include <string.h>
#include <time.h>

// MARK: - OpenSSL's types, functions and numbers

typedef struct bio_st BIO;
typedef struct bio_method_st BIO_METHOD;
typedef struct x509_st X509;
typedef struct x509_store_st X509_STORE;
typedef struct x509_object_st X509_OBJECT;
typedef struct x509_name_st X509_NAME;
typedef struct x509_name_entry_st X509_NAME_ENTRY;
typedef struct asn1_string_st ASN1_STRING;
typedef struct bignum_st BIGNUM;
typedef struct stack_st OPENSSL_STACK;
typedef struct evp_pkey_st EVP_PKEY;
typedef struct ossl_decoder_ctx_st OSSL_DECODER_CTX;
typedef struct ssl_method_st SSL_METHOD;
typedef memd_tls_context SSL_CTX;
typedef memd_tls_connection SSL;

/// A name in a certificate; public in OpenSSL's interface.
typedef struct {
  int type;
  union {
    void *any;
    ASN1_STRING *string;
  } value;
} GENERAL_NAME;

enum {
  BIO_FLAGS_READ = 0x01,
  BIO_FLAGS_WRITE = 0x02,
  BIO_FLAGS_RWS = 0x07,
  BIO_FLAGS_SHOULD_RETRY = 0x08,
  BIO_CTRL_EOF = 2,
  BIO_CTRL_FLUSH = 11,
  BIO_TYPE_SOURCE_SINK = 0x0400,
  SSL_CTRL_MODE = 33,
  SSL_CTRL_SET_SESS_CACHE_SIZE = 42,
  SSL_CTRL_SET_SESS_CACHE_MODE = 44,
  SSL_CTRL_SET_TLSEXT_HOSTNAME = 55,
  SSL_CTRL_SET_DH_AUTO = 118,
  SSL_ERROR_WANT_READ = 2,
  SSL_ERROR_WANT_WRITE = 3,
  SSL_ERROR_ZERO_RETURN = 6,
  SSL_FILETYPE_PEM = 1,
  SSL_MODE_ENABLE_PARTIAL_WRITE = 0x01,
  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER = 0x02,
  SSL_MODE_RELEASE_BUFFERS = 0x10,
  SSL_SESS_CACHE_OFF = 0,
  SSL_SESS_CACHE_SERVER = 2,
  SSL_VERIFY_NONE = 0,
  SSL_VERIFY_PEER = 1,
  SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2,
  OPENSSL_INIT_LOAD_CONFIG = 0x40,
  OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS = 0x04,
  NID_commonName = 13,
  NID_subject_alt_name = 85,
  GEN_URI = 6,
};

#define SSL_OP_NO_COMPRESSION (1ull << 17)
#define SSL_OP_CIPHER_SERVER_PREFERENCE (1ull << 22)
#define SSL_OP_NO_SSLv3 (1ull << 25)
#define SSL_OP_NO_TLSv1 (1ull << 26)
#define SSL_OP_NO_TLSv1_1 (1ull << 28)
#define SSL_OP_NO_TLSv1_2 (1ull << 27)
#define SSL_OP_NO_TLSv1_3 (1ull << 29)
#define SSL_OP_NO_RENEGOTIATION (1ull << 30)

/// Every function once: X(library, result, name, parameters).
#define FUNCTIONS(X)                                                                               \
  X(crypto, int, OPENSSL_init_crypto, (uint64_t, const void *))                                    \
  X(crypto, unsigned long, ERR_get_error, (void))                                                  \
  X(crypto, void, ERR_clear_error, (void))                                                         \
  X(crypto, void, ERR_error_string_n, (unsigned long, char *, size_t))                             \
  X(crypto, void, CRYPTO_free, (void *, const char *, int))                                        \
  X(crypto, BIO_METHOD *, BIO_meth_new, (int, const char *))                                       \
  X(crypto, int, BIO_get_new_index, (void))                                                        \
  X(crypto, int, BIO_meth_set_write, (BIO_METHOD *, int (*)(BIO *, const char *, int)))            \
  X(crypto, int, BIO_meth_set_read, (BIO_METHOD *, int (*)(BIO *, char *, int)))                   \
  X(crypto, int, BIO_meth_set_ctrl, (BIO_METHOD *, long (*)(BIO *, int, long, void *)))            \
  X(crypto, BIO *, BIO_new, (const BIO_METHOD *))                                                  \
  X(crypto, BIO *, BIO_new_file, (const char *, const char *))                                     \
  X(crypto, int, BIO_free, (BIO *))                                                                \
  X(crypto, void, BIO_set_data, (BIO *, void *))                                                   \
  X(crypto, void *, BIO_get_data, (BIO *))                                                         \
  X(crypto, void, BIO_set_init, (BIO *, int))                                                      \
  X(crypto, void, BIO_set_flags, (BIO *, int))                                                     \
  X(crypto, void, BIO_clear_flags, (BIO *, int))                                                   \
  X(crypto, X509 *, PEM_read_bio_X509, (BIO *, X509 **, void *, void *))                           \
  X(crypto, void, X509_free, (X509 *))                                                             \
  X(crypto, ASN1_STRING *, X509_get_serialNumber, (X509 *))                                        \
  X(crypto, const ASN1_STRING *, X509_get0_notBefore, (const X509 *))                              \
  X(crypto, const ASN1_STRING *, X509_get0_notAfter, (const X509 *))                               \
  X(crypto, X509_NAME *, X509_get_subject_name, (const X509 *))                                    \
  X(crypto, int, X509_NAME_get_index_by_NID, (const X509_NAME *, int, int))                        \
  X(crypto, X509_NAME_ENTRY *, X509_NAME_get_entry, (const X509_NAME *, int))                      \
  X(crypto, ASN1_STRING *, X509_NAME_ENTRY_get_data, (const X509_NAME_ENTRY *))                    \
  X(crypto, void *, X509_get_ext_d2i, (const X509 *, int, int *, int *))                           \
  X(crypto, void, GENERAL_NAME_free, (GENERAL_NAME *))                                             \
  X(crypto, OPENSSL_STACK *, X509_STORE_get0_objects, (const X509_STORE *))                        \
  X(crypto, X509 *, X509_OBJECT_get0_X509, (const X509_OBJECT *))                                  \
  X(crypto, int, OPENSSL_sk_num, (const OPENSSL_STACK *))                                          \
  X(crypto, void *, OPENSSL_sk_value, (const OPENSSL_STACK *, int))                                \
  X(crypto, void, OPENSSL_sk_pop_free, (OPENSSL_STACK *, void (*)(void *)))                        \
  X(crypto, int, ASN1_STRING_to_UTF8, (unsigned char **, const ASN1_STRING *))                     \
  X(crypto, int, ASN1_STRING_length, (const ASN1_STRING *))                                        \
  X(crypto, const unsigned char *, ASN1_STRING_get0_data, (const ASN1_STRING *))                   \
  X(crypto, int, ASN1_TIME_to_tm, (const ASN1_STRING *, struct tm *))                              \
  X(crypto, BIGNUM *, ASN1_INTEGER_to_BN, (const ASN1_STRING *, BIGNUM *))                         \
  X(crypto, char *, BN_bn2hex, (const BIGNUM *))                                                   \
  X(crypto, void, BN_free, (BIGNUM *))                                                             \
  X(crypto, void, EVP_PKEY_free, (EVP_PKEY *))                                                     \
  X(crypto, OSSL_DECODER_CTX *, OSSL_DECODER_CTX_new_for_pkey,                                     \
    (EVP_PKEY **, const char *, const char *, const char *, int, void *, const char *))            \
  X(crypto, int, OSSL_DECODER_from_bio, (OSSL_DECODER_CTX *, BIO *))                               \
  X(crypto, void, OSSL_DECODER_CTX_free, (OSSL_DECODER_CTX *))                                     \
  X(ssl, const SSL_METHOD *, TLS_method, (void))                                                   \
  X(ssl, SSL_CTX *, SSL_CTX_new, (const SSL_METHOD *))                                             \
  X(ssl, void, SSL_CTX_free, (SSL_CTX *))                                                          \
  X(ssl, uint64_t, SSL_CTX_set_options, (SSL_CTX *, uint64_t))                                     \
  X(ssl, long, SSL_CTX_ctrl, (SSL_CTX *, int, long, void *))                                       \
  X(ssl, long, SSL_CTX_set_timeout, (SSL_CTX *, long))                                             \
  X(ssl, void, SSL_CTX_set_verify, (SSL_CTX *, int, void *))                                       \
  X(ssl, void, SSL_CTX_set_default_passwd_cb, (SSL_CTX *, int (*)(char *, int, int, void *)))      \
  X(ssl, void, SSL_CTX_set_default_passwd_cb_userdata, (SSL_CTX *, void *))                        \
  X(ssl, int, SSL_CTX_use_certificate_chain_file, (SSL_CTX *, const char *))                       \
  X(ssl, int, SSL_CTX_use_PrivateKey_file, (SSL_CTX *, const char *, int))                         \
  X(ssl, int, SSL_CTX_load_verify_locations, (SSL_CTX *, const char *, const char *))              \
  X(ssl, int, SSL_CTX_set_cipher_list, (SSL_CTX *, const char *))                                  \
  X(ssl, int, SSL_CTX_set_ciphersuites, (SSL_CTX *, const char *))                                 \
  X(ssl, int, SSL_CTX_set0_tmp_dh_pkey, (SSL_CTX *, EVP_PKEY *))                                   \
  X(ssl, X509 *, SSL_CTX_get0_certificate, (const SSL_CTX *))                                      \
  X(ssl, X509_STORE *, SSL_CTX_get_cert_store, (const SSL_CTX *))                                  \
  X(ssl, SSL *, SSL_new, (SSL_CTX *))                                                              \
  X(ssl, void, SSL_free, (SSL *))                                                                  \
  X(ssl, void, SSL_set_bio, (SSL *, BIO *, BIO *))                                                 \
  X(ssl, void, SSL_set_verify, (SSL *, int, void *))                                               \
  X(ssl, void, SSL_set_accept_state, (SSL *))                                                      \
  X(ssl, int, SSL_set_session_id_context, (SSL *, const unsigned char *, unsigned int))            \
  X(ssl, void, SSL_set_connect_state, (SSL *))                                                     \
  X(ssl, long, SSL_ctrl, (SSL *, int, long, void *))                                               \
  X(ssl, int, SSL_do_handshake, (SSL *))                                                           \
  X(ssl, int, SSL_read_ex, (SSL *, void *, size_t, size_t *))                                      \
  X(ssl, int, SSL_write_ex, (SSL *, const void *, size_t, size_t *))                               \
  X(ssl, int, SSL_pending, (const SSL *))                                                          \
  X(ssl, int, SSL_shutdown, (SSL *))                                                               \
  X(ssl, int, SSL_get_error, (const SSL *, int))                                                   \
  X(ssl, X509 *, SSL_get0_peer_certificate, (const SSL *))                                         \
  X(ssl, const char *, SSL_get_version, (const SSL *))

#define DECLARE(library, result, name, parameters) result(*name) parameters;
static struct {
  FUNCTIONS(DECLARE)
} api;
#undef DECLARE

static BIO_METHOD *pipe_method;
static _Thread_local char failure[256] = "no error";

// MARK: - The libraries

static int found(void *library, const char *name, void *place) {
  void *address = dlsym(library, name);
  memcpy(place, &address, sizeof address);
  return address != NULL;
}

static int make_pipe_method(void);

int memd_tls_find(const char *crypto_file, const char *ssl_file) {
  if (pipe_method != NULL) return 1;
  void *crypto = dlopen(crypto_file, RTLD_NOW | RTLD_LOCAL);
  void *ssl = crypto == NULL ? NULL : dlopen(ssl_file, RTLD_NOW | RTLD_LOCAL);
  int all = ssl != NULL;
#define FIND(library, result, name, parameters) all = all && found(library, #name, &api.name);
  FUNCTIONS(FIND)
#undef FIND
  if (all && api.OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) && make_pipe_method()) {
    api.ERR_clear_error();
    return 1;
  }
  if (ssl != NULL) dlclose(ssl);
  if (crypto != NULL) dlclose(crypto);
  return 0;
}

/// Remembers what the queue of errors says, and empties it.
static void note_failure(void) {
  unsigned long code = api.ERR_get_error();
  if (code == 0) {
    strcpy(failure, "unknown error");
    return;
  }
  api.ERR_error_string_n(code, failure, sizeof failure);
  api.ERR_clear_error();
}

const char *memd_tls_failure(void) { return failure; }

// MARK: - Contexts

static int give_password(char *text, int capacity, int is_encrypting, void *password) {
  (void)is_encrypting;
  if (password == NULL) return -1;
  size_t count = strlen(password);
  if (capacity < 0 || count > (size_t)capacity) return -1;
  memcpy(text, password, count);
  return (int)count;
}

static uint64_t options(const struct memd_tls_settings *settings) {
  uint64_t bits = SSL_OP_NO_SSLv3 | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION;
  if (!(settings->protocols & MEMD_TLS_1_0)) bits |= SSL_OP_NO_TLSv1;
  if (!(settings->protocols & MEMD_TLS_1_1)) bits |= SSL_OP_NO_TLSv1_1;
  if (!(settings->protocols & MEMD_TLS_1_2)) bits |= SSL_OP_NO_TLSv1_2;
  if (!(settings->protocols & MEMD_TLS_1_3)) bits |= SSL_OP_NO_TLSv1_3;
  if (settings->prefers_own_ciphers) bits |= SSL_OP_CIPHER_SERVER_PREFERENCE;
  return bits;
}

/// The parameters of a file for ciphers that agree on a key by Diffie and Hellman's method.
static int read_dh_parameters(SSL_CTX *context, const char *path) {
  BIO *file = api.BIO_new_file(path, "r");
  if (file == NULL) return MEMD_TLS_DH_FILE;
  EVP_PKEY *key = NULL;
  OSSL_DECODER_CTX *decoder = api.OSSL_DECODER_CTX_new_for_pkey(
      &key, "PEM", NULL, "DH", OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS, NULL, NULL);
  int is_read = decoder != NULL && api.OSSL_DECODER_from_bio(decoder, file);
  if (decoder != NULL) api.OSSL_DECODER_CTX_free(decoder);
  api.BIO_free(file);
  if (!is_read) return MEMD_TLS_DH_PARAMETERS;
  if (api.SSL_CTX_set0_tmp_dh_pkey(context, key) <= 0) {
    api.EVP_PKEY_free(key);
    return MEMD_TLS_DH_PARAMETERS;
  }
  return 0;
}

static void set_session_cache(SSL_CTX *context, const struct memd_tls_settings *settings) {
  if (!settings->caches_sessions) {
    api.SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
    return;
  }
  api.SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_SERVER, NULL);
  api.SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_SIZE, settings->cached_session_count, NULL);
  api.SSL_CTX_set_timeout(context, settings->cached_session_seconds);
}

/// Fills a context; 0, or the part that is wrong.
static int configure(SSL_CTX *context, const struct memd_tls_settings *settings) {
  api.SSL_CTX_set_options(context, options(settings));
  api.SSL_CTX_ctrl(
      context, SSL_CTRL_MODE,
      SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
          | SSL_MODE_RELEASE_BUFFERS,
      NULL);
  api.SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  api.SSL_CTX_set_default_passwd_cb(context, give_password);
  api.SSL_CTX_set_default_passwd_cb_userdata(context, (void *)settings->key_password);
  if (api.SSL_CTX_use_certificate_chain_file(context, settings->certificate_file) <= 0) {
    return MEMD_TLS_CERTIFICATE;
  }
  if (api.SSL_CTX_use_PrivateKey_file(context, settings->key_file, SSL_FILETYPE_PEM) <= 0) {
    return MEMD_TLS_KEY;
  }
  // The password was the caller's.
  api.SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
  const char *file = settings->authority_file;
  const char *directory = settings->authority_directory;
  if ((file != NULL || directory != NULL)
      && api.SSL_CTX_load_verify_locations(context, file, directory) <= 0) {
    return MEMD_TLS_AUTHORITIES;
  }
  if (settings->ciphers != NULL && !api.SSL_CTX_set_cipher_list(context, settings->ciphers)) {
    return MEMD_TLS_CIPHERS;
  }
  if (settings->suites != NULL && !api.SSL_CTX_set_ciphersuites(context, settings->suites)) {
    return MEMD_TLS_SUITES;
  }
  set_session_cache(context, settings);
  if (settings->dh_file != NULL) return read_dh_parameters(context, settings->dh_file);
  api.SSL_CTX_ctrl(context, SSL_CTRL_SET_DH_AUTO, 1, NULL);
  return 0;
}

memd_tls_context *memd_tls_make_context(const struct memd_tls_settings *settings, int *what) {
  SSL_CTX *context = api.SSL_CTX_new(api.TLS_method());
  *what = context == NULL ? MEMD_TLS_MEMORY : configure(context, settings);
  if (*what == 0) {
    api.ERR_clear_error();
    return context;
  }
  note_failure();
  if (context != NULL) api.SSL_CTX_free(context);
  return NULL;
}

void memd_tls_free_context(memd_tls_context *context) { api.SSL_CTX_free(context); }

// MARK: - Certificates

static int64_t seconds(const ASN1_STRING *time) {
  struct tm fields = {0};
  return time != NULL && api.ASN1_TIME_to_tm(time, &fields) ? (int64_t)timegm(&fields) : 0;
}

static void describe(X509 *certificate, struct memd_tls_certificate *facts) {
  BIGNUM *number = api.ASN1_INTEGER_to_BN(api.X509_get_serialNumber(certificate), NULL);
  char *digits = number == NULL ? NULL : api.BN_bn2hex(number);
  facts->serial[0] = 0;
  if (digits != NULL) strncat(facts->serial, digits, sizeof facts->serial - 1);
  if (digits != NULL) api.CRYPTO_free(digits, __FILE__, __LINE__);
  if (number != NULL) api.BN_free(number);
  facts->valid_from = seconds(api.X509_get0_notBefore(certificate));
  facts->valid_until = seconds(api.X509_get0_notAfter(certificate));
}

/// Describes a certificate if it ends before the one that was described.
static void describe_earlier(X509 *certificate, struct memd_tls_certificate *facts) {
  int64_t end = seconds(api.X509_get0_notAfter(certificate));
  if (facts->serial[0] == 0 || end < facts->valid_until) describe(certificate, facts);
}

void memd_tls_own_certificate(memd_tls_context *context, struct memd_tls_certificate *facts) {
  memset(facts, 0, sizeof *facts);
  X509 *certificate = api.SSL_CTX_get0_certificate(context);
  if (certificate != NULL) describe(certificate, facts);
  api.ERR_clear_error();
}

void memd_tls_first_authority(memd_tls_context *context, struct memd_tls_certificate *facts) {
  memset(facts, 0, sizeof *facts);
  OPENSSL_STACK *objects = api.X509_STORE_get0_objects(api.SSL_CTX_get_cert_store(context));
  for (int index = 0; index < api.OPENSSL_sk_num(objects); index += 1) {
    X509 *certificate = api.X509_OBJECT_get0_X509(api.OPENSSL_sk_value(objects, index));
    if (certificate != NULL) describe_earlier(certificate, facts);
  }
  api.ERR_clear_error();
}

int memd_tls_file_certificate(const char *path, struct memd_tls_certificate *facts) {
  memset(facts, 0, sizeof *facts);
  BIO *file = api.BIO_new_file(path, "r");
  X509 *certificate;
  while (file != NULL
         && (certificate = api.PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL) {
    describe_earlier(certificate, facts);
    api.X509_free(certificate);
  }
  if (file != NULL) api.BIO_free(file);
  api.ERR_clear_error();
  return facts->serial[0] != 0;
}

// MARK: - Bytes from and to the peer

static int read_pipe(BIO *pipe, char *bytes, int capacity) {
  struct memd_tls_session *session = api.BIO_get_data(pipe);
  api.BIO_clear_flags(pipe, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
  if (capacity <= 0) return 0;
  if (session->in_count == 0) {
    if (session->has_ended) return 0;
    api.BIO_set_flags(pipe, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY);
    return -1;
  }
  size_t count = (size_t)capacity < session->in_count ? (size_t)capacity : session->in_count;
  memcpy(bytes, session->in, count);
  session->in += count;
  session->in_count -= count;
  return (int)count;
}

static int write_pipe(BIO *pipe, const char *bytes, int byte_count) {
  struct memd_tls_session *session = api.BIO_get_data(pipe);
  api.BIO_clear_flags(pipe, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
  if (byte_count <= 0) return 0;
  size_t room = session->out_capacity - session->out_count;
  if (room == 0) {
    api.BIO_set_flags(pipe, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY);
    return -1;
  }
  size_t count = (size_t)byte_count < room ? (size_t)byte_count : room;
  memcpy(session->out + session->out_count, bytes, count);
  session->out_count += count;
  return (int)count;
}

static long control_pipe(BIO *pipe, int command, long number, void *pointer) {
  (void)number;
  (void)pointer;
  struct memd_tls_session *session = api.BIO_get_data(pipe);
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return session->has_ended && session->in_count == 0;
    default: return 0;
  }
}

static int make_pipe_method(void) {
  int type = api.BIO_get_new_index();
  BIO_METHOD *method = api.BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "memd");
  if (method == NULL) return 0;
  api.BIO_meth_set_read(method, read_pipe);
  api.BIO_meth_set_write(method, write_pipe);
  api.BIO_meth_set_ctrl(method, control_pipe);
  pipe_method = method;
  return 1;
}

// MARK: - Sessions

int memd_tls_open(
    struct memd_tls_session *session, memd_tls_context *context, int accepts, int verification,
    const char *name) {
  static const int modes[] = {
      SSL_VERIFY_NONE, SSL_VERIFY_PEER, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT};
  SSL *connection = api.SSL_new(context);
  BIO *pipe = connection == NULL ? NULL : api.BIO_new(pipe_method);
  if (pipe == NULL) {
    note_failure();
    if (connection != NULL) api.SSL_free(connection);
    return 0;
  }
  api.BIO_set_data(pipe, session);
  api.BIO_set_init(pipe, 1);
  api.SSL_set_bio(connection, pipe, pipe);
  api.SSL_set_verify(connection, modes[verification], NULL);
  if (accepts) {
    // Nobody who came in without a certificate goes on with that session where one is required.
    const unsigned char mode = (unsigned char)verification;
    api.SSL_set_session_id_context(connection, &mode, 1);
    api.SSL_set_accept_state(connection);
  } else {
    api.SSL_set_connect_state(connection);
    if (name != NULL) {
      api.SSL_ctrl(connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, (void *)name);
    }
  }
  api.ERR_clear_error();
  session->connection = connection;
  return 1;
}

void memd_tls_close(struct memd_tls_session *session) {
  if (session->connection != NULL) api.SSL_free(session->connection);
  session->connection = NULL;
}

/// What it means that a call returned no success.
static int reason(struct memd_tls_session *session, int result) {
  switch (api.SSL_get_error(session->connection, result)) {
    case SSL_ERROR_WANT_READ: return MEMD_TLS_WANTS_INPUT;
    case SSL_ERROR_WANT_WRITE: return MEMD_TLS_WANTS_ROOM;
    case SSL_ERROR_ZERO_RETURN: return MEMD_TLS_CLOSED;
    default: note_failure(); return MEMD_TLS_FAILED;
  }
}

int memd_tls_handshake(struct memd_tls_session *session) {
  int result = api.SSL_do_handshake(session->connection);
  return result == 1 ? MEMD_TLS_DONE : reason(session, result);
}

int memd_tls_read(struct memd_tls_session *session, void *bytes, size_t capacity, size_t *count) {
  int result = api.SSL_read_ex(session->connection, bytes, capacity, count);
  return result == 1 ? MEMD_TLS_DONE : reason(session, result);
}

int memd_tls_write(
    struct memd_tls_session *session, const void *bytes, size_t byte_count, size_t *count) {
  int result = api.SSL_write_ex(session->connection, bytes, byte_count, count);
  return result == 1 ? MEMD_TLS_DONE : reason(session, result);
}

size_t memd_tls_pending(const struct memd_tls_session *session) {
  int count = api.SSL_pending(session->connection);
  return count > 0 ? (size_t)count : 0;
}

void memd_tls_say_goodbye(struct memd_tls_session *session) {
  api.SSL_shutdown(session->connection);
  api.ERR_clear_error();
}

// MARK: - The peer

static long copy_name(const ASN1_STRING *name, void *text, size_t capacity) {
  unsigned char *bytes = NULL;
  int count = api.ASN1_STRING_to_UTF8(&bytes, name);
  if (count < 0) return -1;
  memcpy(text, bytes, (size_t)count < capacity ? (size_t)count : capacity);
  api.CRYPTO_free(bytes, __FILE__, __LINE__);
  return count;
}

static long copy_common_name(X509 *certificate, int index, void *text, size_t capacity) {
  X509_NAME *subject = api.X509_get_subject_name(certificate);
  int place = api.X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index != 0 || place < 0) return -1;
  X509_NAME_ENTRY *entry = api.X509_NAME_get_entry(subject, place);
  return copy_name(api.X509_NAME_ENTRY_get_data(entry), text, capacity);
}

static void free_general_name(void *name) { api.GENERAL_NAME_free(name); }

static long copy_uri(X509 *certificate, int index, void *text, size_t capacity) {
  OPENSSL_STACK *names = api.X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  long count = -1;
  int remaining = index;
  for (int place = 0; names != NULL && place < api.OPENSSL_sk_num(names); place += 1) {
    GENERAL_NAME *name = api.OPENSSL_sk_value(names, place);
    if (name->type != GEN_URI) continue;
    if (remaining == 0) {
      count = copy_name(name->value.string, text, capacity);
      break;
    }
    remaining -= 1;
  }
  if (names != NULL) api.OPENSSL_sk_pop_free(names, free_general_name);
  return count;
}

long memd_tls_peer_name(
    const struct memd_tls_session *session, int kind, int index, void *text, size_t capacity) {
  X509 *certificate = api.SSL_get0_peer_certificate(session->connection);
  if (certificate == NULL) return -1;
  long count = kind == MEMD_TLS_URI ? copy_uri(certificate, index, text, capacity)
                                    : copy_common_name(certificate, index, text, capacity);
  api.ERR_clear_error();
  return count;
}

const char *memd_tls_version(const struct memd_tls_session *session) {
  return api.SSL_get_version(session->connection);
}
