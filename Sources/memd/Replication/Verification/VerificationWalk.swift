// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A leader's way through its keys, a message at a time, again and again.
///
/// A key that is there during a whole round is in one of its messages at least, whatever is written
/// meanwhile: that is what SCAN promises, and this is one.
struct VerificationWalk {
  /// A message is complete when it is so long, has cost so much, or has looked at so many buckets.
  static let messageByteCount = 4 << 10
  static let workMax = 256 << 10
  static let stepsMax = 256
  /// What a look-up costs, in units of bytes that are hashed.
  private static let lookupWork = 64
  /// Names that followers have asked for and that are kept until the next message.
  static let absentCountMax = 256

  /// A value that is compared part by part.
  private struct Large {
    let name: KeyName
    var position: ValuePart.Position
    var isFirst = true
  }

  private(set) var round = 0
  private(set) var messageCount = 0
  /// Whether a round is under way.
  private(set) var isInRound = false
  /// Where the walk over the tables goes on, and whether the database's has been left behind.
  private var database = 0
  private var cursor: UInt64 = 0
  /// Keys that the walk has met, and one that needs several messages perhaps.
  private var pending: [KeyName] = []
  private var large: Large?
  /// Keys that a follower has and this server hadn't.
  private var absent: [KeyName] = []

  /// Keys of the messages made so far.
  private(set) var keyCount = 0

  mutating func resetCounts() { keyCount = 0 }

  /// A follower has these keys, and wonders whether it should.
  mutating func note(_ names: [KeyName], in keyspace: Keyspace) {
    for name in names where absent.count < VerificationWalk.absentCountMax {
      if keyspace.entry(of: name) == nil { absent.append(name) }
    }
  }

  /// The next message.
  mutating func next(in keyspace: Keyspace) -> VerificationMessage {
    messageCount += 1
    if !isInRound {
      round += 1
      database = 0
      cursor = 0
    }
    var message = VerificationMessage(
      number: messageCount, round: round, beginsRound: !isInRound, keyCount: keyspace.keyCount)
    isInRound = true
    takeAbsent(into: &message, keyspace)
    var work = 0
    var steps = 0
    var byteCount = message.items.reduce(0) { $0 + $1.byteCount }
    while byteCount < VerificationWalk.messageByteCount, work < VerificationWalk.workMax,
      steps < VerificationWalk.stepsMax
    {
      if let item = nextItem(in: keyspace, &work) {
        byteCount += item.byteCount
        message.items.append(item)
      } else if pending.isEmpty, large == nil {
        guard database < keyspace.databases.count else {
          message.endsRound = true
          isInRound = false
          break
        }
        steps += 1
        step(over: keyspace.databases[database])
      }
    }
    return message
  }

  /// Takes the keys of the next bucket, or goes on to the next database.
  private mutating func step(over database: Database) {
    let number = database.number
    var met: [KeyName] = []
    cursor = database.keys.scan(cursor) { entry in
      guard entry.key.byteCount <= KeyName.byteCountMax else { return }
      met.append(KeyName(database: number, key: ByteText(entry.key)))
    }
    pending = met
    if cursor == 0 { self.database += 1 }
  }

  /// What is to be said of the next key; nil if it has gone, or there is none.
  private mutating func nextItem(
    in keyspace: Keyspace, _ work: inout Int
  ) -> VerificationMessage.Item? {
    if let large { return nextPart(of: large, in: keyspace, &work) }
    guard let name = pending.popLast() else { return nil }
    work += VerificationWalk.lookupWork
    guard let entry = keyspace.entry(of: name) else { return nil }
    if let start = ValuePart.start(of: entry) {
      let large = Large(name: name, position: start)
      return nextPart(of: large, in: keyspace, &work)
    }
    keyCount += 1
    return item(name, entry, .whole, isFirst: true, &work)
  }

  private mutating func nextPart(
    of value: Large, in keyspace: Keyspace, _ work: inout Int
  ) -> VerificationMessage.Item? {
    large = nil
    work += VerificationWalk.lookupWork
    guard let entry = keyspace.entry(of: value.name),
      let (part, next) = ValuePart.part(of: entry, at: value.position)
    else { return nil }
    if let next { large = Large(name: value.name, position: next, isFirst: false) }
    if value.isFirst { keyCount += 1 }
    return item(value.name, entry, part, isFirst: value.isFirst, &work)
  }

  private func item(
    _ name: KeyName, _ entry: Entry, _ part: ValuePart, isFirst: Bool, _ work: inout Int
  ) -> VerificationMessage.Item {
    let digest = ValueDigest(of: part, in: entry)
    work += digest.work
    return VerificationMessage.Item(
      name: name, isFirst: isFirst,
      state: VerificationMessage.State(
        type: entry.header.type, deadline: entry.deadlineIfAny,
        elementCount: ValuePart.elementCount(of: entry), part: part, digest: digest.short))
  }

  private mutating func takeAbsent(into message: inout VerificationMessage, _ keyspace: Keyspace) {
    var byteCount = 0
    while byteCount < VerificationWalk.messageByteCount, let name = absent.popLast() {
      // It may have been written since.
      guard keyspace.entry(of: name) == nil else { continue }
      let item = VerificationMessage.Item(name: name)
      byteCount += item.byteCount
      message.items.append(item)
    }
  }
}

extension VerificationMessage.Item {
  /// About its bytes in a message.
  fileprivate var byteCount: Int {
    var count = name.key.count + 4
    guard let state else { return count }
    count += state.deadline == nil ? 6 : 14
    if case .named(let names) = state.part { count += names.reduce(0) { $0 + $1.count + 2 } }
    return count
  }
}

extension Keyspace {
  /// The entry of a key, due or not, without a trace of the look-up.
  func entry(of name: KeyName) -> Entry? {
    guard let database = database(name.database) else { return nil }
    let key = Key(name.key.rawSpan, seed: database.seed)
    return database.keys.find(key.bytes, hash: key.hash)
  }
}
