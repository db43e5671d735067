// SPDX-License-Identifier: Apache-2.0

import PubSub

/// What only some clients have: names they gave themselves, transactions, output over a limit.
final class ClientDetails {
  var name: [UInt8] = []
  var libraryName: [UInt8] = []
  var libraryVersion: [UInt8] = []
  var transaction = Transaction()
  var softLimitSince: Int64 = 0
  /// Its side of replication; nil for clients that are no followers.
  var follower: Follower?
  var blocking: BlockedClient?
  /// What it asks of data that it reads; nil: nothing.
  var freshness: ClientFreshness?
  /// Whether it is told behind each write what point the data have reached.
  var wantsTokens = false
  /// Its side of client-side caching; nil for clients that don't track.
  var tracker: Tracker?
  var subscriptions: Subscriptions?
  /// What it has to get and others, too; nil if nothing.
  var sharedOutput: SharedOutput?
  /// What of its output may leave; nil if all of it may.
  var held: HeldOutput?
  /// Bytes that had left when it was last seen that some had, and wall milliseconds of that; 0: it
  /// was not looked at.
  var progress: (outputBytes: Int, at: Int64) = (0, 0)
  /// The part of the server's `clientMemory.elsewhere` that is this client's.
  var accountedElsewhere = 0

  /// Bytes that the allocator counts, too.
  var byteCountElsewhere: Int {
    (subscriptions?.byteCount ?? 0) + (sharedOutput?.byteCount ?? 0)
  }

  /// Memory beyond the object itself.
  var byteCount: Int {
    byteCountElsewhere
      + name.capacity + libraryName.capacity + libraryVersion.capacity + transaction.byteCount
      + (blocking?.byteCount ?? 0)
      + (tracker?.byteCount ?? 0)
  }
}

extension Client {
  /// The name of CLIENT SETNAME; empty if there is none.
  var name: [UInt8] {
    get { details?.name ?? [] }
    set { if details != nil || !newValue.isEmpty { makeDetails().name = newValue } }
  }

  /// The client library's name (CLIENT SETINFO).
  var libraryName: [UInt8] {
    get { details?.libraryName ?? [] }
    set { if details != nil || !newValue.isEmpty { makeDetails().libraryName = newValue } }
  }

  /// The client library's version (CLIENT SETINFO).
  var libraryVersion: [UInt8] {
    get { details?.libraryVersion ?? [] }
    set { if details != nil || !newValue.isEmpty { makeDetails().libraryVersion = newValue } }
  }

  /// Its side of MULTI and WATCH.
  var transaction: Transaction {
    _read {
      if let details { yield details.transaction } else { yield Transaction() }
    }
    _modify { yield &makeDetails().transaction }
  }

  /// Output waiting over the soft limit since then (wall milliseconds); 0: it is not.
  var softLimitSince: Int64 {
    get { details?.softLimitSince ?? 0 }
    set { if details != nil || newValue != 0 { makeDetails().softLimitSince = newValue } }
  }

  /// What it waits for; nil if it doesn't. Its gate has to be updated afterwards.
  var blocking: BlockedClient? {
    get { details?.blocking }
    set { if details != nil || newValue != nil { makeDetails().blocking = newValue } }
  }
}
