// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The categories of access control, as a set.
struct ACLCategories: OptionSet, Sendable {
  let rawValue: UInt32

  static let keyspace = ACLCategories(rawValue: 1 << 0)
  static let read = ACLCategories(rawValue: 1 << 1)
  static let write = ACLCategories(rawValue: 1 << 2)
  static let set = ACLCategories(rawValue: 1 << 3)
  static let sortedset = ACLCategories(rawValue: 1 << 4)
  static let list = ACLCategories(rawValue: 1 << 5)
  static let hash = ACLCategories(rawValue: 1 << 6)
  static let string = ACLCategories(rawValue: 1 << 7)
  static let bitmap = ACLCategories(rawValue: 1 << 8)
  static let hyperloglog = ACLCategories(rawValue: 1 << 9)
  static let geo = ACLCategories(rawValue: 1 << 10)
  static let stream = ACLCategories(rawValue: 1 << 11)
  static let pubsub = ACLCategories(rawValue: 1 << 12)
  static let admin = ACLCategories(rawValue: 1 << 13)
  static let fast = ACLCategories(rawValue: 1 << 14)
  static let slow = ACLCategories(rawValue: 1 << 15)
  static let blocking = ACLCategories(rawValue: 1 << 16)
  static let dangerous = ACLCategories(rawValue: 1 << 17)
  static let connection = ACLCategories(rawValue: 1 << 18)
  static let transaction = ACLCategories(rawValue: 1 << 19)
  static let scripting = ACLCategories(rawValue: 1 << 20)

  static let names: [(ACLCategories, StaticString)] = [
    (.keyspace, "keyspace"), (.read, "read"), (.write, "write"), (.set, "set"),
    (.sortedset, "sortedset"), (.list, "list"), (.hash, "hash"), (.string, "string"),
    (.bitmap, "bitmap"), (.hyperloglog, "hyperloglog"), (.geo, "geo"), (.stream, "stream"),
    (.pubsub, "pubsub"), (.admin, "admin"), (.fast, "fast"), (.slow, "slow"),
    (.blocking, "blocking"), (.dangerous, "dangerous"), (.connection, "connection"),
    (.transaction, "transaction"), (.scripting, "scripting"),
  ]

  /// The category with this name, in any case; nil if there is none.
  init?(name: RawSpan) {
    for (category, word) in ACLCategories.names where name.spells(word) {
      self = category
      return
    }
    return nil
  }

  init(rawValue: UInt32) { self.rawValue = rawValue }

  /// What a command's group and flags imply.
  static func implied(by flags: CommandFlags, group: CommandGroup) -> ACLCategories {
    var categories: ACLCategories = flags.contains(.fast) ? .fast : .slow
    if flags.contains(.write) { categories.insert(.write) }
    if flags.contains(.readonly), group != .scripting { categories.insert(.read) }
    if flags.contains(.admin) { categories.formUnion([.admin, .dangerous]) }
    if flags.contains(.pubsub) { categories.insert(.pubsub) }
    if flags.contains(.blocking) { categories.insert(.blocking) }
    // What waits for the server itself has nothing to do with keys.
    if group == .generic, flags.contains(.keyless) { return categories }
    return categories.union(implied(by: group))
  }

  private static func implied(by group: CommandGroup) -> ACLCategories {
    switch group {
    case .generic: .keyspace
    case .string: .string
    case .list: .list
    case .set: .set
    case .sortedSet: .sortedset
    case .hash: .hash

    case .transactions: .transaction
    case .connection: .connection
    case .scripting: .scripting
    case .hyperloglog: .hyperloglog
    case .geo: .geo
    case .stream: .stream
    case .bitmap: .bitmap
    // Each command about messages says by a flag whether it belongs to the category.
    case .server, .cluster, .pubsub: []
    }
  }
}
