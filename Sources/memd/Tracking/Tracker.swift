// SPDX-License-Identifier: Apache-2.0

/// A client that caches what it reads (CLIENT TRACKING), and how it wants to be told of changes.
final class Tracker {
  /// What CLIENT TRACKING was given.
  struct Options: OptionSet {
    let rawValue: UInt8

    /// Hears of all keys with certain prefixes instead of those that it has read.
    static let broadcast = Options(rawValue: 1 << 0)
    /// Remembers only what is read behind CLIENT CACHING YES.
    static let optIn = Options(rawValue: 1 << 1)
    /// Remembers everything but what is read behind CLIENT CACHING NO.
    static let optOut = Options(rawValue: 1 << 2)
    /// Doesn't hear of its own changes.
    static let noLoop = Options(rawValue: 1 << 3)
  }

  unowned let client: Client
  /// What it is called in the table of keys.
  let number: UInt32
  var options: Options = []
  /// The number of the client that gets its messages; 0: it gets them itself.
  var redirect = 0
  /// That client was gone when there was a message for it.
  var isBroken = false
  /// CLIENT CACHING was given for the next command, or for the transaction.
  var isCaching = false
  /// The prefixes that it listens to, in the order of their bytes.
  var prefixes: [[UInt8]] = []

  init(client: Client, number: UInt32) {
    self.client = client
    self.number = number
  }

  /// Whether the keys that the next command reads are remembered.
  var remembersKeys: Bool {
    if options.contains(.optIn) { return isCaching }
    if options.contains(.optOut) { return !isCaching }
    return !options.contains(.broadcast)
  }

  /// Memory beyond the object itself.
  var byteCount: Int { prefixes.reduce(128) { $0 + $1.capacity + 32 } }
}
