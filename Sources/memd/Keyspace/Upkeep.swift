// SPDX-License-Identifier: Apache-2.0

/// What is done to the keyspace without being asked by a client.
struct Upkeep {
  let expiration: Expiration
  let eviction: Eviction
  let compaction: Compaction

  init(_ keyspace: Keyspace) {
    expiration = Expiration(keyspace)
    eviction = Eviction(keyspace)
    compaction = Compaction(keyspace)
  }
}
