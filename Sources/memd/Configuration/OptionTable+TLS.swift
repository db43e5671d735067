// SPDX-License-Identifier: Apache-2.0

// Options about encrypted connections.

extension OptionTable {
  static let tlsOptions: [Option] = [
    .integer("tls-port", .port, \.tls.port).effect([.settings, .listeners, .encryption]),
    .flag("tls-cluster", \.tls.cluster).effect(.encryption),
    .flag("tls-replication", \.tls.replication).effect(.encryption),
    .choice("tls-auth-clients", \.tls.authClients),
    .choice("tls-auth-clients-user", \.tls.authClientsUser),
    .path("tls-cert-file", \.tls.certFile).with(.volatile).effect(.encryption),
    .path("tls-key-file", \.tls.keyFile).with(.volatile).effect(.encryption),
    .path("tls-key-file-pass", \.tls.keyFilePass).with(.sensitive).effect(.encryption),
    .path("tls-client-cert-file", \.tls.clientCertFile).with(.volatile).effect(.encryption),
    .path("tls-client-key-file", \.tls.clientKeyFile).with(.volatile).effect(.encryption),
    .path("tls-client-key-file-pass", \.tls.clientKeyFilePass).with(.sensitive)
      .effect(.encryption),
    .path("tls-dh-params-file", \.tls.dhParamsFile).with(.volatile).effect(.encryption),
    .path("tls-ca-cert-file", \.tls.caCertFile).with(.volatile).effect(.encryption),
    .path("tls-ca-cert-dir", \.tls.caCertDir).with(.volatile).effect(.encryption),
    .path("tls-protocols", \.tls.protocols).effect(.encryption),
    .path("tls-ciphers", \.tls.ciphers).effect(.encryption),
    .path("tls-ciphersuites", \.tls.ciphersuites).effect(.encryption),
    .flag("tls-prefer-server-ciphers", \.tls.preferServerCiphers).effect(.encryption),
    .flag("tls-session-caching", \.tls.sessionCaching).effect(.encryption),
    .integer("tls-session-cache-size", .natural32, \.tls.sessionCacheSize).effect(.encryption),
    .integer("tls-session-cache-timeout", .natural32, \.tls.sessionCacheTimeoutSeconds)
      .effect(.encryption),
    .integer("tls-auto-reload-interval", .natural32, \.tls.autoReloadIntervalSeconds),
  ]
}
