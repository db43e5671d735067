// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that read or set fields together with their deadlines.
enum FieldValueCommands: CommandFamily {
  static let group = CommandGroup.hash

  static let commands: [Command] = [
    Command(
      "hgetdel", [.write, .fast], keys: [.key(1, [.readWrite, .access, .delete])],
      [.key(), fields], effect: .rewritten("HDEL key field ..."), since: "8.0.0",
      complexity: "O(N) where N is the number of fields named.",
      summary: "Returns the values of fields of a hash and removes the fields.",
      handler: hgetdel),
    Command(
      "hgetex", [.write, .fast],
      keys: [
        .key(
          1, [.readWrite, .access, .update],
          notes: "RW and UPDATE because it changes the TTL")
      ],
      [
        .key(),
        .oneOf("expiration", times + [.token("PERSIST", "persist")]).optional, fields,
      ],
      effect: .rewritten("HPEXPIREAT, HPERSIST, HDEL, or nothing"), since: "8.0.0",
      complexity: "O(N) where N is the number of fields named.",
      summary: "Returns the values of fields of a hash and changes when they expire.",
      handler: hgetex),
    Command(
      "hsetex", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .update])],
      [
        .key(),
        .oneOf("condition", [.token("FNX", "fnx"), .token("FXX", "fxx")]).optional,
        .oneOf("expiration", times + [.token("KEEPTTL", "keepttl")]).optional,
        .block(
          "fields",
          [
            .integer("numfields"),
            .block("data", [.string("field"), .string("value")]).repeated,
          ]
        ).after("FIELDS"),
      ],
      effect: .rewritten("HSET and HPEXPIREAT, HSETEX with KEEPTTL, or HDEL"), since: "8.0.0",
      complexity: "O(N) where N is the number of fields that are set.",
      summary: "Sets fields of a hash, and when they expire.", handler: hsetex),
  ]

  private static let fields = ArgumentSpec.block(
    "fields", [.integer("numfields"), .string("field").repeated]
  ).after("FIELDS")

  private static let times: [ArgumentSpec] = [
    .integer("seconds").after("EX"), .integer("milliseconds").after("PX"),
    .unixTime("unix-time-seconds").after("EXAT"),
    .unixTime("unix-time-milliseconds").after("PXAT"),
  ]

  // MARK: - HGETDEL

  static func hgetdel(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    _ = try call.database.collectionForWriting(key, .hash)
    let fields = try FieldArguments(call, at: 2)
    call.reply.array(fields.count)
    guard var entry = try call.hashForWriting(key, fieldsFrom: fields.first, to: fields.end) else {
      for _ in fields.indexes { call.reply.null() }
      return
    }
    var removed: [Int] = []
    for index in fields.indexes {
      guard let value = HashValue(entry).find(call.arguments[index], before: call.fieldThreshold)
      else {
        call.reply.null()
        continue
      }
      call.reply.bulk(value)
      removed.append(index)
      _ = call.database.removeField(call.arguments[index], of: &entry, hash: key.hash)
    }
    if !removed.isEmpty { call.fieldsRemoved(removed, of: key, in: entry) }
  }

  // MARK: - HGETEX

  static func hgetex(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    _ = try call.database.collectionForWriting(key, .hash)
    let options = try FieldOptions(call, step: 1)
    let deadline = try options.deadline(call)
    let fields = options.fields
    var mark = call.markReply()
    call.reply.array(fields.count)
    guard var entry = try call.hashForWriting(key, fieldsFrom: fields.first, to: fields.end) else {
      for _ in fields.indexes { call.reply.null() }
      return
    }
    var found: [Int] = []
    for index in fields.indexes {
      if let value = HashValue(entry).find(call.arguments[index], before: call.fieldThreshold) {
        call.reply.bulk(value)
        found.append(index)
      } else {
        call.reply.null()
      }
      if call.isLong(mark) {
        let rest = call.valueByteCount(of: index..<fields.end, in: HashValue(entry))
        try call.reserveRest(&mark, bytes: rest)
      }
    }
    if let deadline {
      call.expireFields(found, of: &entry, key, at: deadline)
    } else if options.keepsOrPersists {
      persist(found, of: &entry, key, call)
    }
  }

  private static func persist(
    _ fields: [Int], of entry: inout WritableEntry, _ key: Key, _ call: borrowing Call
  ) {
    var persisted: [Int] = []
    for index in fields {
      let name = call.arguments[index]
      guard case .expiring = HashValue(entry).state(of: name, before: call.fieldThreshold) else {
        continue
      }
      call.database.setFieldDeadline(nil, of: name, in: &entry, hash: key.hash)
      persisted.append(index)
    }
    if !persisted.isEmpty { call.fieldsPersist(persisted, of: key) }
  }

  // MARK: - HSETEX

  static func hsetex(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    _ = try call.database.collectionForWriting(key, .hash)
    let options = try FieldOptions(call, step: 2)
    let deadline = try options.deadline(call)
    let fields = options.fields
    let entry = try call.hashForWriting(
      key, fieldsFrom: fields.first, to: fields.end, step: fields.step)
    guard options.condition.isMet(by: entry, fields, call) else { return call.reply.integer(0) }
    if let deadline, call.isPast(deadline) {
      removeOverdue(fields, of: entry, key, call)
    } else {
      assign(fields, of: entry, key, deadline, keeps: options.keepsOrPersists, call)
    }
    call.reply.integer(1)
  }

  /// Fields that would expire at once are not set; those that are there go.
  private static func removeOverdue(
    _ fields: FieldArguments, of entry: WritableEntry?, _ key: Key, _ call: borrowing Call
  ) {
    guard var entry else { return }
    var removed: [Int] = []
    for index in fields.indexes {
      let name = call.arguments[index]
      if call.database.removeField(name, of: &entry, hash: key.hash) { removed.append(index) }
    }
    if !removed.isEmpty { call.fieldsRemoved(removed, of: key, in: entry) }
  }

  private static func assign(
    _ fields: FieldArguments, of old: WritableEntry?, _ key: Key, _ deadline: Int64?, keeps: Bool,
    _ call: borrowing Call
  ) {
    var entry = old ?? call.database.addPacked(key, .hash)
    for index in fields.indexes {
      _ = call.database.setField(
        call.arguments[index], call.arguments[index + 1], of: &entry, hash: key.hash,
        keepsDeadline: keeps)
    }
    // Followers of older versions know no HSETEX; only one that keeps deadlines has no other name.
    call.effects.rewrite(
      keeps ? "HSETEX" : "HSET", argumentCount: (keeps ? 4 : 1) + fields.count * 2)
    call.effects.append(key.bytes)
    if keeps {
      call.effects.append("KEEPTTL")
      call.effects.append("FIELDS")
      call.effects.append(fields.count)
    }
    for index in fields.first..<fields.end { call.effects.append(call.arguments[index]) }
    call.mentionFields(from: fields.first, to: fields.end)
    call.changed(key, .hashSet, count: fields.count)
    if let deadline {
      call.expireFields(Array(fields.indexes), of: &entry, key, at: deadline)
    }
  }
}

/// The options of HGETEX and HSETEX, which stand in any order around the fields.
private struct FieldOptions {
  enum Condition {
    case none
    /// FNX: none of the fields exists.
    case missing
    /// FXX: all of the fields exist.
    case present

    func isMet(by entry: WritableEntry?, _ fields: FieldArguments, _ call: borrowing Call) -> Bool {
      if self == .none { return true }
      for index in fields.indexes {
        let value = entry.flatMap {
          HashValue($0).find(call.arguments[index], before: call.fieldThreshold)
        }
        if (value != nil) != (self == .present) { return false }
      }
      return true
    }
  }

  private(set) var condition = Condition.none
  private(set) var fields = FieldArguments(from: 0, to: 0)
  private var expiration = ExpirationOption()
  /// KEEPTTL or PERSIST was given, whichever the command knows.
  private(set) var keepsOrPersists = false

  /// - Parameter step: arguments per field; 2 for HSETEX, whose fields have values.
  init(_ call: borrowing Call, step: Int) throws(CommandError) {
    let arguments = call.arguments
    var index = 2
    while index < arguments.count {
      switch call.keyword(index) {
      case Keyword("fields"):
        index = try takeFields(call, at: index, step: step)
      case Keyword("fnx") where step == 2, Keyword("fxx") where step == 2:
        guard condition == .none else {
          throw CommandError("ERR Only one of FXX or FNX arguments can be specified")
        }
        if case Keyword("fnx") = call.keyword(index) {
          condition = .missing
        } else {
          condition = .present
        }
        index += 1
      case Keyword("keepttl") where step == 2, Keyword("persist") where step == 1:
        guard !keepsOrPersists, !expiration.hasTime else { throw FieldOptions.rivals(step) }
        keepsOrPersists = true
        index += 1
      case Keyword("ex"), Keyword("px"), Keyword("exat"), Keyword("pxat"):
        guard !keepsOrPersists, !expiration.hasTime else { throw FieldOptions.rivals(step) }
        guard index + 1 < arguments.count else { throw call.wrongArgumentCount() }
        expiration = ExpirationOption(kind(call.keyword(index)), argument: index + 1)
        index += 2
      default: throw call.failure("ERR unknown argument: \(echo: arguments[index])")
      }
    }
    guard fields.count > 0 else { throw CommandError("ERR missing FIELDS argument") }
  }

  private mutating func takeFields(
    _ call: borrowing Call, at index: Int, step: Int
  ) throws(CommandError) -> Int {
    guard fields.count == 0 else { throw CommandError("ERR multiple FIELDS arguments") }
    guard index + 2 < call.arguments.count else { throw call.wrongArgumentCount() }
    guard let count = DecimalText.parse(call.arguments[index + 1]), count > 0,
      count <= Int(Int32.max)
    else { throw CommandError("ERR invalid number of fields") }
    let first = index + 2
    let end = first + count * step
    guard end <= call.arguments.count else { throw call.wrongArgumentCount() }
    fields = FieldArguments(from: first, to: end, step: step)
    return end
  }

  private func kind(_ keyword: Keyword) -> ExpirationOption.Kind {
    switch keyword {
    case Keyword("ex"): .seconds
    case Keyword("px"): .milliseconds
    case Keyword("exat"): .unixSeconds
    default: .unixMilliseconds
    }
  }

  private static func rivals(_ step: Int) -> CommandError {
    step == 1
      ? CommandError("ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified")
      : CommandError("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
  }

  /// The deadline that was given, in milliseconds since 1970.
  func deadline(_ call: borrowing Call) throws(CommandError) -> Int64? {
    guard expiration.hasTime else { return nil }
    let countsSeconds = expiration.kind == .seconds || expiration.kind == .unixSeconds
    return try FieldDeadline.parse(
      call, at: expiration.argument, unit: countsSeconds ? 1000 : 1,
      origin: expiration.isAbsolute ? 0 : call.moment.milliseconds)
  }
}
