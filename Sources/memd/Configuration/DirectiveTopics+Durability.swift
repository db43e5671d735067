// SPDX-License-Identifier: Apache-2.0

// What is said of directives about snapshots, log, replication and encryption.

extension DirectiveTopic {
  static let snapshots = DirectiveTopic(
    name: "snapshots", title: "Snapshots",
    guides: [
      Guide(
        "save", "seconds changes ...",
        says: "Saves a snapshot when so many seconds have passed and so many changes were made."
          + " Lines add up; \"\" removes all rules, and the end of the server doesn't save then."),
      Guide("dbfilename", "name", says: "Name of the snapshot in 'dir'."),
      Guide("rdbcompression", says: "Compresses strings of less than 1 MiB in snapshots."),
      Guide("rdbchecksum", says: "A checksum ends the snapshot, and is checked when it is loaded."),
      Guide("rdb-save-incremental-fsync", says: "Syncs a snapshot while it is being written."),
      Guide(
        "rdb-del-sync-files",
        says: "Removes snapshots that were only made for followers, where"
          + " nothing is saved otherwise."),
      Guide("stop-writes-on-bgsave-error", says: "Refuses writes while snapshots fail."),
      Guide(
        "snapshot-image-limit",
        says: "Bytes that a snapshot may take for values that clients change"
          + " meanwhile; above it writes wait."),
    ])

  static let log = DirectiveTopic(
    name: "log", title: "Append-only log",
    guides: [
      Guide("appendonly", says: "Logs every change, so that it survives a crash."),
      Guide(
        "appendfsync",
        says: "When changes are on the disk: before they are answered (always),"
          + " within a second (everysec), or when the system likes (no)."),
      Guide("appenddirname", "name", says: "Directory of the log in 'dir'."),
      Guide("appendfilename", "name", says: "Beginning of the names of its files."),
      Guide(
        "auto-aof-rewrite-percentage",
        says: "The log is rewritten when it has grown by so many"
          + " percent; 0 never."),
      Guide(
        "auto-aof-rewrite-min-size",
        says: "Bytes that the log must have before it is rewritten by itself."),
      Guide(
        "no-appendfsync-on-rewrite",
        says: "Doesn't sync the log while a snapshot or a rewrite"
          + " runs: faster, less safe."),
      Guide(
        "aof-load-truncated",
        says: "A log that ends in the middle of a command is cut there; 'no'"
          + " stops the start instead."),
      Guide(
        "aof-load-corrupt-tail-max-size",
        says: "So many damaged bytes at the end of the log are"
          + " cut off, too."),
      Guide("aof-use-rdb-preamble", says: "A rewritten log begins with a snapshot."),
      Guide("aof-timestamp-enabled", says: "Notes the time in the log, for --check-aof."),
      Guide("aof-rewrite-incremental-fsync", says: "Syncs a rewrite while it is being written."),
    ])

  static let replication = DirectiveTopic(
    name: "replication", title: "Replication",
    guides: [
      Guide(
        "replicaof", "host port",
        says: "Follows a leader; 'no one' leads. While the server runs: REPLICAOF."),
      Guide("masteruser", "name", says: "User as whom to log in at the leader."),
      Guide("masterauth", "password", says: "Password for the leader."),
      Guide("replica-read-only", says: "Clients of a follower may not write."),
      Guide(
        "replica-serve-stale-data", says: "Clients of a follower may read while the link is down."),
      Guide(
        "replica-max-age-ms",
        says: "Reads of data that are older are refused by a follower; 0"
          + " takes any age."),
      Guide(
        "replica-priority", says: "Sentinel makes the follower with the lowest a leader; 0 never."),
      Guide("replica-announced", says: "Whether sentinel is told of this follower."),
      Guide("replica-announce-ip", "address", says: "Address under which it is known."),
      Guide("replica-announce-port", says: "Port under which it is known; 0 is its own."),
      Guide(
        "replica-ignore-maxmemory",
        says: "A follower evicts nothing by itself, only what its"
          + " leader does."),
      Guide("replica-lazy-flush", says: "Old data are freed in slices where they must go first."),
      Guide(
        "replica-verify-period",
        says: "Seconds between two comparisons of keys with followers; 0"
          + " never."),
      Guide(
        "replica-verify-max-bytes-per-second",
        says: "Bytes of the stream that comparing keys may take."),
      Guide(
        "repl-backlog-size",
        says: "Bytes of history that a leader keeps: who was away for less"
          + " needs no full copy."),
      Guide(
        "repl-backlog-ttl", says: "Seconds that history is kept without followers; 0 for ever."),
      Guide("repl-timeout", says: "Seconds of silence after which a link is given up."),
      Guide("repl-ping-replica-period", says: "Seconds between two PINGs to followers."),
      Guide("repl-disable-tcp-nodelay", says: "A follower sends fewer, larger packets, later."),
      Guide("repl-diskless-sync", says: "Full copies go to followers without a file."),
      Guide(
        "repl-diskless-sync-delay",
        says: "Seconds to wait for more followers before a full copy begins."),
      Guide(
        "repl-diskless-sync-max-replicas",
        says: "So many followers end that wait (repl-diskless-sync-delay); 0 none do."),
      Guide(
        "repl-diskless-load",
        says: "Where a follower loads a full copy: in a file first"
          + " (disabled), beside its data (swapdb), or as memory allows (auto)."),
    ])

  static let promises = DirectiveTopic(
    name: "promises", title: "Promises of replication",
    guides: [
      Guide(
        "min-replicas-to-write",
        says: "Refuses writes with fewer followers that were heard of"
          + " lately; 0 is no limit."),
      Guide(
        "min-replicas-max-lag",
        says: "Seconds within which min-replicas-to-write must have heard of a follower."),
      Guide(
        "sync-replicas", says: "Nobody is shown data that fewer followers have; 0 waits for none."),
      Guide("sync-replicas-timeout", says: "Milliseconds that sync-replicas may take; 0 any time."),
      Guide(
        "sync-replicas-on-timeout",
        says: "What then: refuse reads and writes until a follower is"
          + " back, or degrade: wait for nobody."),
      Guide(
        "max-unconfirmed-ms",
        says: "Refuses writes while the oldest one that too few followers"
          + " have is older than so many milliseconds; 0 never."),
      Guide(
        "max-unconfirmed-replicas",
        says: "Followers that must have a write (max-unconfirmed-ms); 0: the log on disk."),
      Guide(
        "replica-backpressure",
        says: "Writers wait for a follower that falls behind; it isn't"
          + " disconnected for that."),
    ])

  /// Shown where encryption stands.
  static let tls = DirectiveTopic(
    name: "tls", title: "TLS",
    guides: [
      Guide("tls-port", says: "TCP port for encrypted connections; 0 listens on none."),
      Guide("tls-cert-file", "path", says: "Certificate of the server, in PEM."),
      Guide("tls-key-file", "path", says: "Its private key, in PEM."),
      Guide("tls-key-file-pass", "password", says: "Password of that key."),
      Guide(
        "tls-client-cert-file", "path",
        says: "Certificate for connections to other servers; the"
          + " server's own if there is none."),
      Guide("tls-client-key-file", "path", says: "Its private key."),
      Guide("tls-client-key-file-pass", "password", says: "Password of that key."),
      Guide("tls-dh-params-file", "path", says: "Parameters of Diffie-Hellman, for old clients."),
      Guide("tls-ca-cert-file", "path", says: "Certificates of the authorities that are trusted."),
      Guide("tls-ca-cert-dir", "path", says: "Directory of such certificates, by hash."),
      Guide("tls-auth-clients", says: "Whether clients must show a certificate, or may."),
      Guide("tls-auth-clients-user", says: "Whether the certificate's name (CN) is the user."),
      Guide(
        "tls-auto-reload-interval", says: "Seconds between two looks at the files; 0 never."),
      Guide("tls-cluster", says: "MIGRATE connects to other servers over TLS."),
      Guide("tls-replication", says: "Connects to the leader over TLS."),
      Guide("tls-protocols", "name ...", says: "Versions that are accepted, such as TLSv1.3."),
      Guide("tls-ciphers", "list", says: "Ciphers up to TLSv1.2, in OpenSSL's words."),
      Guide("tls-ciphersuites", "list", says: "Ciphers of TLSv1.3."),
      Guide("tls-prefer-server-ciphers", says: "The server's order of ciphers counts."),
      Guide("tls-session-caching", says: "Clients may resume sessions."),
      Guide("tls-session-cache-size", says: "Sessions that are kept; 0 is no limit."),
      Guide("tls-session-cache-timeout", says: "Seconds that they are kept."),
    ])
}
