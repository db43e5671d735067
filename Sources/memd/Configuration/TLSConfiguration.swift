// SPDX-License-Identifier: Apache-2.0

/// The settings of encrypted connections (`tls-...`).
struct TLSConfiguration: Equatable {
  /// TCP port on which connections are encrypted; 0 listens on none.
  var port = 0
  /// Whether the connection with the leader is encrypted.
  var replication = false
  /// Whether connections of MIGRATE are.
  var cluster = false
  var authClients = ClientCertificates.yes
  /// Which name in its certificate makes a client a user.
  var authClientsUser = CertificateUser.off
  var certFile = ""
  var keyFile = ""
  var keyFilePass = ""
  /// What this server shows to others; if they aren't given, what it shows to clients.
  var clientCertFile = ""
  var clientKeyFile = ""
  var clientKeyFilePass = ""
  var dhParamsFile = ""
  var caCertFile = ""
  var caCertDir = ""
  var protocols = ""
  var ciphers = ""
  var ciphersuites = ""
  var preferServerCiphers = false
  var sessionCaching = true
  var sessionCacheSize = 20 * 1024
  var sessionCacheTimeoutSeconds = 300
  /// How often files are looked at for changes; 0: never.
  var autoReloadIntervalSeconds = 0

  /// Whether anything is to be encrypted.
  var isUsed: Bool { port != 0 || replication || cluster }
}

/// What clients have to show (`tls-auth-clients`).
enum ClientCertificates: String, ConfigurationChoice {
  case no, yes
  /// Those who have one.
  case optional
}

/// Which name in its certificate makes a client a user (`tls-auth-clients-user`).
enum CertificateUser: String, ConfigurationChoice {
  case off
  case commonName = "CN"
  case uri = "URI"
}
