// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that take a value out of a server and put it into another.
enum DumpCommands: CommandFamily {
  static let group = CommandGroup.generic

  static let commands: [Command] = [
    Command(
      "dump", [.readonly], keys: [.key(1, [.readOnly, .access])], [.key()],
      tips: ["nondeterministic_output"], since: "2.6.0",
      complexity: "O(N) where N is the size of the value.",
      summary: "Returns the value of a key in the format of RDB files.", handler: dump),
    Command(
      "restore", [.write, .denyOOM], keys: [.key(1, [.overwrite, .update])],
      [
        .key(), .integer("ttl"), .string("serialized-value"),
        .token("REPLACE", "replace").since("3.0.0").optional,
        .token("ABSTTL", "absttl").since("5.0.0").optional,
        .integer("seconds").after("IDLETIME").since("5.0.0").optional,
        .integer("frequency").after("FREQ").since("5.0.0").optional,
      ],
      categories: .dangerous, effect: .rewritten("RESTORE key deadline value ABSTTL"),
      since: "2.6.0",
      complexity: "O(N) where N is the size of the value; O(N*log(N)) for sorted sets.",
      summary: "Creates a key with a value that DUMP has returned.",
      history: [
        ("3.0.0", "Takes `REPLACE`."), ("5.0.0", "Takes `ABSTTL`."),
        ("5.0.0", "Takes `IDLETIME` and `FREQ`."),
      ], handler: restore),
  ]

  // MARK: - DUMP

  static func dump(_ call: inout Call) throws(CommandError) {
    guard let entry = call.database.read(call.key(1)) else { return call.reply.null() }
    let compresses = call.server.configuration.rdbCompression
    call.reply.bulk(DumpPayload.make(of: entry, compresses: compresses).rawSpan)
  }

  // MARK: - RESTORE

  static func restore(_ call: inout Call) throws(CommandError) {
    let options = try RestoreOptions(call)
    let database = call.database
    let key = call.key(1)
    let exists = database.write(key) != nil
    if exists, !options.replaces {
      throw CommandError("BUSYKEY Target key name already exists.")
    }
    let deadline = try options.deadline(call)
    let persistence = call.server.persistence
    let version = DumpPayload.version(
      of: call.arguments[3], verifiesChecksum: !persistence.skipsChecksums)
    guard let version else {
      throw CommandError("ERR DUMP payload version or checksum are wrong")
    }
    let entry: DetachedEntry
    do throws(RDBError) {
      entry = try DumpPayload.entry(
        call.arguments[3], version: version, key: key.bytes, hasDeadline: deadline != nil,
        in: database, persistence: persistence)
    } catch {
      call.server.log.verbose("RESTORE: \(error.text)")
      throw CommandError("ERR Bad data format")
    }
    if let deadline, call.isPast(deadline) {
      database.discard(entry)
      if exists { replaceByNothing(key, call) }
      return call.reply.ok()
    }
    if let deadline { entry.writable.deadline = deadline }
    let replaced = call.replacedType(key, in: database)
    let restored = database.overwrite(key, with: entry)
    if let access = options.access { restored.header.access = database.access(access) }
    // Compatibility: the old value was deleted first.
    if exists { call.effects.notify(.new, key, in: database) }
    propagateRestore(call, deadline: deadline, isAbsolute: options.isAbsolute)
    call.changed(key, KeyEvent("restore", .generic))
    call.announceReplacement(of: replaced, key, by: restored.header.type, in: database)
    call.reply.ok()
  }

  /// What was to be restored is due already: all that happens is that the old value goes.
  private static func replaceByNothing(_ key: Key, _ call: borrowing Call) {
    _ = call.database.remove(key)
    let isLazy = call.server.configuration.lazyFreeLazyServerDel
    call.effects.rewrite(isLazy ? "UNLINK" : "DEL", argumentCount: 1)
    call.effects.append(key.bytes)
    call.changed(key, .delete)
  }

  /// Followers get the point in time instead of the distance to it.
  private static func propagateRestore(
    _ call: borrowing Call, deadline: Int64?, isAbsolute: Bool
  ) {
    let count = call.arguments.count
    let addsAbsolute = deadline != nil && !isAbsolute
    call.effects.rewrite("RESTORE", argumentCount: count - 1 + (addsAbsolute ? 1 : 0))
    for index in 1..<count {
      if index == 2, let deadline {
        call.effects.append(Int(deadline))
      } else {
        call.effects.append(call.arguments[index])
      }
    }
    if addsAbsolute { call.effects.append("ABSTTL") }
  }

  /// What follows key, time and payload.
  private struct RestoreOptions {
    var replaces = false
    var isAbsolute = false
    var access: RDBAccess?

    init(_ call: borrowing Call) throws(CommandError) {
      var index = 4
      while index < call.arguments.count {
        let hasMore = index + 1 < call.arguments.count
        switch FoldedName(folding: call.arguments[index]) {
        case FoldedName("replace"): replaces = true
        case FoldedName("absttl"): isAbsolute = true
        case FoldedName("idletime") where hasMore && !isFrequency:
          index += 1
          let seconds = try call.integer(index)
          guard seconds >= 0 else {
            throw CommandError("ERR Invalid IDLETIME value, must be >= 0")
          }
          access = .idle(seconds)
        case FoldedName("freq") where hasMore && !isIdle:
          index += 1
          guard let counter = UInt8(exactly: try call.integer(index)) else {
            throw CommandError("ERR Invalid FREQ value, must be >= 0 and <= 255")
          }
          access = .frequency(counter)
        default: throw .syntax
        }
        index += 1
      }
    }

    private var isFrequency: Bool { if case .frequency = access { true } else { false } }
    private var isIdle: Bool { if case .idle = access { true } else { false } }

    /// The deadline in milliseconds since 1970; nil for a time of 0.
    func deadline(_ call: borrowing Call) throws(CommandError) -> Int64? {
      let time = try call.integer(2)
      guard time >= 0 else { throw CommandError("ERR Invalid TTL value, must be >= 0") }
      if time == 0 { return nil }
      if isAbsolute { return Int64(time) }
      let (deadline, overflows) = Int64(time).addingReportingOverflow(call.moment.milliseconds)
      // Compatibility: the reference server wraps around into the past here.
      return overflows ? Int64.max : deadline
    }
  }
}
