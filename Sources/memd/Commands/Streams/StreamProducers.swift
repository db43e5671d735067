// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// XCFGSET: how long a stream remembers what its producers have added.
enum StreamProducers: CommandFamily {
  static let group = CommandGroup.stream

  static let commands: [Command] = [
    Command(
      "xcfgset", [.write, .fast], keys: [.key(1, [.readWrite, .update])],
      [
        .key(), .integer("idmp-duration").after("IDMP-DURATION").optional,
        .integer("idmp-maxsize").after("IDMP-MAXSIZE").optional,
      ], since: "8.6.0", complexity: "O(1)",
      summary: "Sets for how long, and how many, idempotent ids a stream remembers.",
      handler: xcfgset)
  ]

  // MARK: - XCFGSET

  static func xcfgset(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count > 2 else {
      throw CommandError("ERR At least one parameter must be specified")
    }
    var duration: Int?
    var maxCount: Int?
    var index = 2
    while index < call.arguments.count {
      let name = FoldedName(folding: call.arguments[index])
      guard index + 1 < call.arguments.count else { throw .syntax }
      switch name {
      case FoldedName("idmp-duration"):
        let wrong = CommandError("ERR IDMP-DURATION must be between 1 and 86400 seconds")
        duration = try value(index + 1, in: 1...86_400, or: wrong, call)
      case FoldedName("idmp-maxsize"):
        let wrong = CommandError("ERR IDMP-MAXSIZE must be between 1 and 10000 entries")
        maxCount = try value(index + 1, in: 1...10_000, or: wrong, call)
      default: throw .syntax
      }
      index += 2
    }
    guard let stream = try call.database.streamForWriting(call.key(1)) else { throw .noSuchKey }
    set(duration, maxCount, of: stream, call)
    call.effects.countChanges(1)
    call.reply.ok()
  }

  private static func value(
    _ index: Int, in range: ClosedRange<Int>, or wrong: CommandError, _ call: borrowing Call
  ) throws(CommandError) -> Int {
    let value = try call.integer(index)
    guard range.contains(value) else { throw wrong }
    return value
  }

  /// What was remembered under other rules is forgotten.
  private static func set(
    _ duration: Int?, _ maxCount: Int?, of stream: WritableStream, _ call: borrowing Call
  ) {
    let log = stream.makeProducers()
    let isSame =
      (duration ?? log.duration) == log.duration
      && (maxCount ?? log.maxCount) == log.maxCount
    guard !isSame else { return }
    if let names = stream.detachProducers() {
      call.database.unlinked.discard(UnlinkedValue(names))
    }
    let new = stream.makeProducers()
    if let duration { new.duration = duration }
    if let maxCount { new.maxCount = maxCount }
  }
}

/// Who adds an entry with XADD, and under which name: IDMP, or IDMPAUTO where the entry's fields
/// make the name.
struct ProducerOption {
  /// The argument that names the producer.
  private let producer: Int
  /// The argument that names the entry; nil: IDMPAUTO.
  private let name: Int?

  /// Reads what follows the keyword at `index`.
  init(_ call: borrowing Call, at index: Int, isAutomatic: Bool) throws(CommandError) {
    producer = index + 1
    name = isAutomatic ? nil : index + 2
    if call.arguments[producer].byteCount == 0 {
      throw isAutomatic
        ? CommandError("ERR IDMPAUTO requires a non-empty producer ID")
        : CommandError("ERR IDMP requires a non-empty producer ID")
    }
    if let name, call.arguments[name].byteCount == 0 {
      throw CommandError("ERR IDMP requires a non-empty idempotent ID")
    }
  }

  /// The last argument of the option.
  var end: Int { name ?? producer }

  /// The names of the producer and of an entry with these fields.
  func names(_ call: borrowing Call, _ fields: RequestFields) -> ProducedName {
    ProducedName(
      producer: call.arguments[producer].copied,
      entry: name.map { call.arguments[$0].copied } ?? fields.name)
  }
}

/// The names of a producer and of an entry that it adds.
struct ProducedName {
  let producer: [UInt8]
  let entry: [UInt8]
}

extension RequestFields {
  /// A name that entries with the same fields share, in whatever order they are.
  fileprivate var name: [UInt8] {
    var digest = FieldsDigest()
    for index in stride(from: 0, to: count, by: 2) { digest.add(text(index), text(index + 1)) }
    return digest.bytes
  }
}

extension WritableStream {
  /// The entry that was added under a name which is still remembered; it counts as sent again.
  func entry(named name: ProducedName, now: Int64) -> StreamID? {
    guard let log = producers,
      let id = log.reading.find(name.producer.rawSpan, name.entry.rawSpan, now: now)
    else { return nil }
    if log.duplicates < .max { log.duplicates += 1 }
    return id
  }

  /// Remembers under which name an entry was added.
  func remember(_ name: ProducedName, as id: StreamID, now: Int64) {
    let log = makeProducers()
    log.remember(name.producer.rawSpan, name.entry.rawSpan, as: id, now: now)
    if log.added < .max { log.added += 1 }
  }
}
