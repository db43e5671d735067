// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What was denied lately (ACL LOG). The same denial again within a minute is counted, not added.
final class AccessLog {
  enum Reason {
    case authentication, command, key, channel, certificate

    /// The word in ACL LOG.
    var name: StaticString {
      switch self {
      case .authentication: "auth"
      case .command: "command"
      case .key: "key"
      case .channel: "channel"
      case .certificate: "tls-cert"
      }
    }
  }

  /// How the request came.
  enum Context {
    case topLevel, transaction, script

    /// The word in ACL LOG.
    var name: StaticString {
      switch self {
      case .topLevel: "toplevel"
      case .transaction: "multi"
      case .script: "lua"
      }
    }
  }

  struct Entry {
    let id: Int
    let reason: Reason
    let context: Context
    /// The command, key or channel.
    let object: [UInt8]
    let user: [UInt8]
    /// Wall time in milliseconds.
    let createdAt: Int64
    fileprivate(set) var updatedAt: Int64
    fileprivate(set) var count = 1
    /// The client that was denied last.
    fileprivate(set) var client: ByteText

    fileprivate func isSame(as other: Entry) -> Bool {
      reason == other.reason && context == other.context && object == other.object
        && user == other.user && abs(updatedAt - other.updatedAt) <= AccessLog.groupingMilliseconds
    }
  }

  private static let groupingMilliseconds: Int64 = 60_000
  /// Newer entries that are compared with a denial.
  private static let comparedCount = 10

  /// The latest first.
  private(set) var entries: [Entry] = []
  private var nextID = 0

  /// Notes a denial and forgets the oldest ones beyond `limit`.
  func add(
    _ reason: Reason, context: Context, object: [UInt8], user: [UInt8], client: ByteText,
    time: Int64, limit: Int
  ) {
    guard limit > 0 else { return removeAll() }
    var entry = Entry(
      id: nextID, reason: reason, context: context, object: object, user: user, createdAt: time,
      updatedAt: time, client: client)
    let compared = entries.prefix(AccessLog.comparedCount)
    if let index = compared.firstIndex(where: { $0.isSame(as: entry) }) {
      entry = entries.remove(at: index)
      entry.updatedAt = time
      entry.client = client
      entry.count += 1
    } else {
      nextID += 1
    }
    entries.insert(entry, at: 0)
    if entries.count > limit { entries.removeLast(entries.count - limit) }
  }

  func removeAll() { entries = [] }
}
