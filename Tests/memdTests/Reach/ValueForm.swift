// SPDX-License-Identifier: Apache-2.0

import DataStructures

@testable import memd

/// How a value is stored, as far as overwriting and freeing it may differ.
enum ValueShape: Int, CaseIterable {
  case stringInteger, stringEmbedded, stringBlock, stringHuge
  case listPacked, listNodes, listPlain
  case setIntset, setPacked, setTable, setLarge
  case hashPacked, hashPackedDeadlines, hashTable, hashTableDeadlines, hashLarge
  case hashLargeDeadlines
  case sortedSetPacked, sortedSetTable, sortedSetLarge
  case stream, streamGroups, streamPending, streamLarge

  /// Elements from which on a value is freed in slices for sure.
  static let largeCount = 1000
  static let hugeByteCount = 64 << 10

  /// The shape of a value that is there.
  init(_ entry: Entry) {
    switch entry.header.type {
    case .string: self = ValueShape.ofString(entry)
    case .list: self = ValueShape.ofList(entry)
    case .set: self = ValueShape.ofSet(entry)
    case .sortedSet:
      let value = SortedSetValue(entry)
      self =
        !value.isLarge
        ? .sortedSetPacked
        : value.count < ValueShape.largeCount ? .sortedSetTable : .sortedSetLarge
    case .hash: self = ValueShape.ofHash(entry)
    case .stream: self = ValueShape.ofStream(entry)
    }
  }

  private static func ofString(_ entry: Entry) -> ValueShape {
    switch StringValue(entry).encoding {
    case .integer: .stringInteger
    case .embedded, .embeddedRaw: .stringEmbedded
    case .block:
      StringValue(entry).count < hugeByteCount ? .stringBlock : .stringHuge
    }
  }

  private static func ofList(_ entry: Entry) -> ValueShape {
    let value = ListValue(entry)
    if value.isPacked { return .listPacked }
    // An element of this size stands in a node of its own, whatever the limits are.
    var isPlain = false
    for cursor in [value.first, value.last] {
      var scratch = DecimalScratch()
      if let cursor, cursor.text(&scratch).byteCount > 10_000 { isPlain = true }
    }
    return isPlain ? .listPlain : .listNodes
  }

  private static func ofSet(_ entry: Entry) -> ValueShape {
    let value = SetValue(entry)
    switch value.form {
    case .intset: return .setIntset
    case .packed: return .setPacked
    case .table: return value.count < largeCount ? .setTable : .setLarge
    }
  }

  private static func ofHash(_ entry: Entry) -> ValueShape {
    let value = HashValue(entry)
    let hasDeadlines = value.earliestDeadline != nil
    if !value.isTable { return hasDeadlines ? .hashPackedDeadlines : .hashPacked }
    if value.count < largeCount { return hasDeadlines ? .hashTableDeadlines : .hashTable }
    return hasDeadlines ? .hashLargeDeadlines : .hashLarge
  }

  private static func ofStream(_ entry: Entry) -> ValueShape {
    let stream = StreamValue(entry).stream
    if stream.length >= largeCount { return .streamLarge }
    guard stream.groupCount > 0 else { return .stream }
    for index in 0..<stream.groupCount where stream.group(at: index).pendingCount > 0 {
      return .streamPending
    }
    return .streamGroups
  }

  /// The type of such a value.
  var type: Entry.ValueType {
    switch self {
    case .stringInteger, .stringEmbedded, .stringBlock, .stringHuge: .string
    case .listPacked, .listNodes, .listPlain: .list
    case .setIntset, .setPacked, .setTable, .setLarge: .set
    case .sortedSetPacked, .sortedSetTable, .sortedSetLarge: .sortedSet
    case .stream, .streamGroups, .streamPending, .streamLarge: .stream
    default: .hash
    }
  }

  // MARK: - Recipes

  /// The requests that make `key`, which is missing, such a value under the default limits.
  func recipe(_ key: String) -> [[String]] {
    func numbers(_ count: Int, _ words: (Int) -> [String]) -> [String] {
      (0..<count).flatMap(words)
    }
    func letters(_ count: Int) -> String { String(repeating: "v", count: count) }
    let large = ValueShape.largeCount + 200
    switch self {
    case .stringInteger: return [["SET", key, "17"]]
    case .stringEmbedded: return [["SET", key, "1.5"]]
    case .stringBlock: return [["SET", key, letters(3000)]]
    case .stringHuge: return [["SET", key, letters(ValueShape.hugeByteCount + 1)]]
    case .listPacked: return [["RPUSH", key, "a", "b", "1"]]
    case .listNodes: return [["RPUSH", key] + numbers(large) { ["element:\($0):0123456789"] }]
    case .listPlain:
      return [["RPUSH", key, letters(20_000), "b"], ["RPUSH", key, "c", letters(20_000)]]
    case .setIntset: return [["SADD", key, "1", "2", "300000"]]
    case .setPacked: return [["SADD", key, "a", "b", "1"]]
    case .setTable: return [["SADD", key, "a"] + numbers(200) { ["m\($0)"] }]
    case .setLarge: return [["SADD", key, "a"] + numbers(large) { ["m\($0)"] }]
    case .sortedSetPacked: return [["ZADD", key, "1", "a", "2", "b"]]
    case .sortedSetTable: return [["ZADD", key] + numbers(200) { ["\($0)", "m\($0)"] }]
    case .sortedSetLarge: return [["ZADD", key] + numbers(large) { ["\($0)", "m\($0)"] }]
    case .stream: return [["XADD", key, "1-1", "f", "v"], ["XADD", key, "2-1", "f", "v"]]
    case .streamLarge:
      return (3...large).map { ["XADD", key, "\($0)-1", "f", "v"] }
        + [["XGROUP", "CREATE", key, "g1", "0"], ["XGROUP", "CREATE", key, "g2", "0"]]
        + [["XREADGROUP", "GROUP", "g1", "c1", "STREAMS", key, ">"]]
    case .streamGroups, .streamPending: return groupRecipe(key)
    default: return hashRecipe(key)
    }
  }

  private func groupRecipe(_ key: String) -> [[String]] {
    var lines = ValueShape.stream.recipe(key)
    for group in ["g1", "g2"] {
      lines.append(["XGROUP", "CREATE", key, group, "0"])
      lines.append(["XGROUP", "CREATECONSUMER", key, group, "c1"])
    }
    if self == .streamPending {
      lines.append(["XREADGROUP", "GROUP", "g1", "c1", "STREAMS", key, ">"])
    }
    return lines
  }

  private func hashRecipe(_ key: String) -> [[String]] {
    let count =
      switch self {
      case .hashPacked, .hashPackedDeadlines: 3
      case .hashTable, .hashTableDeadlines: 600
      default: ValueShape.largeCount + 200
      }
    var words = ["HSET", key]
    for index in 0..<count { words += ["f\(index)", "value"] }
    var lines = [words]
    if [.hashPackedDeadlines, .hashTableDeadlines, .hashLargeDeadlines].contains(self) {
      lines.append(["HPEXPIRE", key, "800", "FIELDS", "2", "f0", "f1"])
      lines.append(["HPEXPIRE", key, "1700", "FIELDS", "1", "f2"])
    }
    return lines
  }
}

/// A shape, with or without a deadline of the key.
struct ValueForm: Equatable {
  let shape: ValueShape
  let hasDeadline: Bool

  init(_ shape: ValueShape, hasDeadline: Bool) {
    self.shape = shape
    self.hasDeadline = hasDeadline
  }

  init(_ entry: Entry) {
    self.init(ValueShape(entry), hasDeadline: entry.header.hasDeadline)
  }

  static let all = ValueShape.allCases.flatMap {
    [ValueForm($0, hasDeadline: false), ValueForm($0, hasDeadline: true)]
  }

  /// Its place among `all`.
  var number: Int { shape.rawValue * 2 + (hasDeadline ? 1 : 0) }

  var name: String { "\(shape)" + (hasDeadline ? "+deadline" : "") }

  /// The requests that make `key`, which is missing, such a value.
  func recipe(_ key: String) -> [[[UInt8]]] {
    var lines: [[[UInt8]]]
    if shape == .streamLarge {
      // Entries can only be added one by one.
      lines = [
        [Array("RESTORE".utf8), Array(key.utf8), [UInt8(ascii: "0")], ValueForm.largeStream]
      ]
    } else {
      lines = shape.recipe(key).map { $0.map { Array($0.utf8) } }
    }
    if hasDeadline { lines.append(["PEXPIRE", key, "1000"].map { Array($0.utf8) }) }
    return lines
  }

  /// The payload of a stream with many entries and pending ones.
  private static let largeStream: [UInt8] = {
    let world = ReachWorld(seed: 1)
    var payload: [UInt8] = []
    world.onBytes = { bytes, range in
      payload = ReplyScanner.string(bytes, from: range.lowerBound) ?? []
    }
    for line in ValueShape.streamLarge.recipe("k") + [["DUMP", "k"]] {
      let words = line.map { Array($0.utf8) }
      world.perform(ReachScript.Step(pause: 0, connection: 0, event: .request(words)))
    }
    world.finishTurn()
    return payload
  }()
}
