// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// SORT and SORT_RO: the elements of a list, set or sorted set in another order.
enum SortCommands: CommandFamily {
  static let group = CommandGroup.generic

  // Compatibility: these two are part of COMMAND INFO's reply.
  private static let lookupNotes: StaticString = """
    For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the \
    content of the key we sort
    """
  private static let storeNotes: StaticString = """
    For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere \
    in the argument array
    """

  private static let keys: [KeySpec] = [
    .key(1, [.readOnly, .access]),
    KeySpec(
      start: .unknown, extent: .unknown, access: [.readOnly, .access],
      notes: lookupNotes),
  ]

  private static let options: [ArgumentSpec] = [
    .key(), .pattern("pattern").after("BY").with(keySpec: 1).optional,
    .block("offset_count", [.integer("offset"), .integer("count")]).after("LIMIT").optional,
    .pattern("pattern").after("GET").with(keySpec: 1).optional.repeatedWithToken,
    .oneOf("order", [.token("ASC", "asc"), .token("DESC", "desc")]).optional,
    .token("ALPHA", "sorting").optional,
  ]

  private static let complexity: StaticString =
    "O(N+M*log(M)) where N is the number of elements and M the number of those returned."

  static let commands: [Command] = [
    Command(
      "sort", [.write, .denyOOM, .movableKeys],
      keys: keys + [
        KeySpec(
          start: .lastKeyword("STORE"), extent: .unknown, access: [.overwrite, .update],
          notes: storeNotes)
      ], options + [.key("destination", spec: 2).after("STORE").optional],
      categories: [.set, .sortedset, .list, .dangerous], since: "1.0.0",
      complexity: complexity,
      summary: "Returns the elements of a list, set or sorted set in order, or stores them.",
      handler: sort),
    Command(
      "sort_ro", [.readonly, .movableKeys], keys: keys, options,
      categories: [.set, .sortedset, .list, .dangerous], since: "7.0.0",
      complexity: complexity,
      summary: "Returns the elements of a list, set or sorted set in order.",
      handler: sortReadOnly),
  ]

  static func sort(_ call: inout Call) throws(CommandError) {
    try run(&call, SortOptions(call, mayStore: true))
  }

  static func sortReadOnly(_ call: inout Call) throws(CommandError) {
    try run(&call, SortOptions(call, mayStore: false))
  }

  private static func run(_ call: inout Call, _ options: SortOptions) throws(CommandError) {
    let key = call.key(1)
    let entry = call.database.read(key)
    var order = SortOrder(options)
    if let entry {
      switch entry.header.type {
      case .list, .sortedSet: break
      // A set has no order: what is stored must be the same on every follower, and what a script
      // sees the same each time.
      case .set:
        if !options.sorts, options.destination != nil || call.client.flags.contains(.script) {
          order = SortOrder(canonicalDescending: options.isDescending)
        }
      case .string, .hash, .stream: throw .wrongType
      }
    }
    var elements: [SortElement] = []
    if let entry {
      elements = SortElement.all(of: entry)
      if !options.sorts, options.isDescending, entry.header.type != .set {
        elements.reverse()
      }
    }
    if order.sorts {
      if let weights = options.weights {
        try weigh(&elements, SortPattern(call.arguments[weights]), order, call)
      } else if !order.isAlphabetic {
        for index in elements.indices { try elements[index].readOwnWeight() }
      }
      elements.sort { order.precedes($0, $1) }
    }
    try deliver(elements[options.range(of: elements.count)], options, call)
  }

  /// Looks up the weight of every element; one whose weight is missing weighs nothing.
  private static func weigh(
    _ elements: inout [SortElement], _ pattern: SortPattern, _ order: SortOrder,
    _ call: borrowing Call
  ) throws(CommandError) {
    // Equal elements have copies of the same weight.
    var byteCount = 0
    for index in elements.indices {
      guard let text = pattern.value(for: elements[index].text, in: call.database) else { continue }
      if order.isAlphabetic {
        byteCount += text.count
        try call.reserveValue(bytes: byteCount)
        elements[index].weightText = text
      } else {
        try elements[index].readWeight(text)
      }
    }
  }

  // MARK: - Result

  private static func deliver(
    _ elements: ArraySlice<SortElement>, _ options: SortOptions, _ call: borrowing Call
  ) throws(CommandError) {
    var patterns: [SortPattern] = []
    for index in options.gets { patterns.append(SortPattern(call.arguments[index])) }
    guard let destination = options.destination else { return try reply(elements, patterns, call) }
    var items: [[UInt8]] = []
    var byteCount = 0
    for (number, element) in elements.enumerated() {
      if patterns.isEmpty { items.append(element.text) }
      for (position, pattern) in patterns.enumerated() {
        items.append(pattern.value(for: element.text, in: call.database) ?? [])
        byteCount += items[items.count - 1].count
        guard byteCount > Call.unreservedReplyByteCount else { continue }
        let rest = size(of: elements.dropFirst(number), patterns, behind: position, call)
        try call.reserveValue(bytes: byteCount + rest)
        byteCount = .min
      }
    }
    store(items, at: destination, call)
  }

  private static func reply(
    _ elements: ArraySlice<SortElement>, _ patterns: [SortPattern], _ call: borrowing Call
  ) throws(CommandError) {
    let client = call.client
    if patterns.count > 1 {
      try call.reserveReply(items: elements.count, bytesEach: 5 * patterns.count)
    }
    var mark = call.markReply()
    client.reply.array(elements.count * max(1, patterns.count))
    for (number, element) in elements.enumerated() {
      if patterns.isEmpty { client.reply.bulk(element.text.rawSpan) }
      for (position, pattern) in patterns.enumerated() {
        if let value = pattern.value(for: element.text, in: call.database) {
          client.reply.bulk(value.rawSpan)
        } else {
          client.reply.null()
        }
        guard call.isLong(mark) else { continue }
        let rest = size(of: elements.dropFirst(number), patterns, behind: position, call)
        try call.reserveRest(&mark, bytes: rest)
      }
    }
  }

  /// Bytes of all that patterns lead to for some elements, for the first of them only behind one
  /// pattern. The same values can be reached many times, so it is asked before a result is long.
  private static func size(
    of elements: ArraySlice<SortElement>, _ patterns: [SortPattern], behind position: Int,
    _ call: borrowing Call
  ) -> Int {
    var bytes = 0
    var first = position + 1
    for element in elements {
      for pattern in patterns[first...] {
        bytes += pattern.byteCount(for: element.text, in: call.database)
      }
      first = 0
    }
    return bytes
  }

  private static func store(_ items: [[UInt8]], at destination: Int, _ call: borrowing Call) {
    let key = call.key(destination)
    if items.isEmpty {
      if call.database.delete(key) { call.changed(key, .delete) }
    } else {
      let database = call.database
      var list = QuickList(allocator: database.allocator)
      for item in items { list.pushBack(item.rawSpan, limit: database.limits.list) }
      let entry = DetachedEntry.makeList(
        key: key.bytes, list, limits: database.limits, hasDeadline: false,
        allocator: database.allocator)
      call.replaces(key, by: .list)
      database.overwrite(key, with: entry)
      call.changed(key, .sortStore)
    }
    call.reply.integer(items.count)
  }
}

extension KeyEvent {
  static var sortStore: KeyEvent { KeyEvent("sortstore", .list) }
}
