// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on sketches that count different elements.
enum HyperLogLogCommands: CommandFamily {
  static let group = CommandGroup.hyperloglog

  static let commands: [Command] = [
    Command(
      "pfadd", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .insert])],
      [.key(), .string("element").optional.repeated], since: "2.8.9",
      complexity: "O(1) per element",
      summary: "Adds elements to a HyperLogLog; creates the key if needed.", handler: pfadd),
    Command(
      "pfcount", [.readonly, .mayReplicate],
      keys: [
        .keys(
          from: 1, [.readWrite, .access],
          notes: """
            RW because it may change the internal representation of the key, and propagate to \
            replicas
            """)
      ],
      [.key().repeated], since: "2.8.9",
      complexity: "O(1) for one key that hasn't changed; else O(N) for N keys",
      summary: "Estimates how many different elements were added to any of the HyperLogLogs.",
      handler: pfcount),
    Command(
      "pfmerge", [.write, .denyOOM],
      keys: [
        .key(1, [.readWrite, .access, .insert]), .keys(from: 2, [.readOnly, .access]),
      ],
      [.key("destkey"), sourceKeys], since: "2.8.9", complexity: "O(N) for N keys",
      summary: "Adds what other HyperLogLogs have seen to one of them.", arity: -2,
      handler: pfmerge),
  ]

  private static var sourceKeys: ArgumentSpec { .key("sourcekey", spec: 1).repeated }

  // MARK: - PFADD

  static func pfadd(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    let string = try call.database.stringForWriting(key)
    var sketch = try editor(string, key, call)
    var changes = string == nil ? 1 : 0
    var failure: CommandError?
    var index = 2
    while index < call.arguments.count, failure == nil {
      do throws(CommandError) {
        if try sketch.raise(HyperLogLog.Place(of: call.arguments[index])) { changes += 1 }
        index += 1
      } catch {
        failure = error
      }
    }
    if changes > 0 {
      sketch.invalidate()
      call.changed(key, .sketchAdd, count: changes)
    }
    if let failure {
      if changes > 0 { propagate(call, until: index) }
      throw failure
    }
    call.reply.integer(changes > 0 ? 1 : 0)
  }

  /// Followers get the elements in front of the one that met damage: those are in.
  private static func propagate(_ call: borrowing Call, until end: Int) {
    call.effects.rewrite("PFADD", argumentCount: end - 1)
    for index in 1..<end { call.effects.append(call.arguments[index]) }
  }

  /// The sketch of a key, which is made if there is none.
  @_lifetime(copy key)
  static func editor(
    _ string: WritableString?, _ key: Key, _ call: borrowing Call
  ) throws(CommandError) -> SketchEditor {
    let limit = call.server.configuration.hllSparseMaxBytes
    guard let string else {
      return SketchEditor(new: key, in: call.database, sparseByteCountMax: limit)
    }
    return try SketchEditor(string, key, in: call.database, sparseByteCountMax: limit)
  }

  // MARK: - PFCOUNT

  static func pfcount(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count == 2 else { return try countUnion(call) }
    let key = call.key(1)
    guard let value = try call.database.string(key) else { return call.reply.integer(0) }
    if let cardinality = try value.sketch.cachedCardinality {
      return call.reply.integer(cardinality)
    }
    guard let cardinality = try value.sketch.cardinality() else { throw .corruptSketch }
    // The cache is part of the value: it travels to followers, and watchers see it.
    let string = try call.database.stringForWriting(key)
    try editor(string, key, call).cache(cardinality)
    call.effects.countChanges(1)
    call.effects.touched(key, in: call.database)
    call.reply.integer(cardinality)
  }

  private static func countUnion(_ call: borrowing Call) throws(CommandError) {
    var union = HyperLogLogUnion()
    for index in 1..<call.arguments.count {
      guard let value = try call.database.string(call.key(index)) else { continue }
      guard union.add(try value.sketch) else { throw .corruptSketch }
    }
    call.reply.integer(union.cardinality)
  }

  // MARK: - PFMERGE

  static func pfmerge(_ call: inout Call) throws(CommandError) {
    var union = HyperLogLogUnion()
    var hasDense = false
    for index in 1..<call.arguments.count {
      guard let value = try call.database.string(call.key(index)) else { continue }
      if try !value.sketch.isSparse { hasDense = true }
      guard union.add(try value.sketch) else { throw .corruptSketch }
    }
    let key = call.key(1)
    var sketch = try editor(try call.database.stringForWriting(key), key, call)
    if hasDense { _ = try sketch.makeDense() }
    for register in 0..<HyperLogLog.registerCount where union[register] > 0 {
      _ = try sketch.raise(HyperLogLog.Place(register: register, value: union[register]))
    }
    sketch.invalidate()
    call.changed(key, .sketchAdd)
    call.reply.ok()
  }
}

extension KeyEvent {
  /// A sketch has seen elements; PFMERGE sends it, too.
  static var sketchAdd: KeyEvent { KeyEvent("pfadd", .string) }
}
