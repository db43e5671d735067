// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on members of sorted sets whose scores are places.
enum GeoCommands: CommandFamily {
  static let group = CommandGroup.geo

  static let commands: [Command] = [
    Command(
      "geoadd", [.write, .denyOOM], keys: [.key(1, [.readWrite, .update])],
      [
        .key(),
        .oneOf("condition", [.token("NX", "nx"), .token("XX", "xx")]).since("6.2.0").optional,
        .token("CH", "change").since("6.2.0").optional,
        .block(
          "longitude_latitude_member",
          [.double("longitude"), .double("latitude"), .string("member")]
        ).repeated,
      ], effect: .rewritten("ZADD key score member ..."), since: "3.2.0",
      complexity: "O(log(N)) per member, N being the size of the index",
      summary: "Adds members with coordinates, or moves members elsewhere.",
      history: [("6.2.0", "Takes `CH`, `NX` and `XX`.")], handler: geoadd),
    Command(
      "geopos", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [.key(), .string("member").repeated], since: "3.2.0", complexity: "O(1) per member",
      summary: "Returns the coordinates of members.", arity: -2, handler: geopos),
    Command(
      "geodist", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .string("member1"), .string("member2"),
        .oneOf(
          "unit", [.token("M", "m"), .token("KM", "km"), .token("FT", "ft"), .token("MI", "mi")]
        ).optional,
      ], since: "3.2.0", complexity: "O(1)", summary: "Returns the distance between two members.",
      handler: geodist),
    Command(
      "geohash", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [.key(), .string("member").repeated], since: "3.2.0", complexity: "O(1) per member",
      summary: "Returns the positions of members as standard geohash texts.", arity: -2,
      handler: geohash),
  ]

  // MARK: - GEOADD

  static func geoadd(_ call: inout Call) throws(CommandError) {
    var conditions: AddConditions = []
    var countsUpdates = false
    var first = 2
    loop: while first < call.arguments.count {
      switch call.keyword(first) {
      case Keyword("nx"): conditions.insert(.onlyAbsent)
      case Keyword("xx"): conditions.insert(.onlyPresent)
      case Keyword("ch"): countsUpdates = true
      default: break loop
      }
      first += 1
    }
    let words = call.arguments.count - first
    guard words % 3 == 0, conditions != [.onlyAbsent, .onlyPresent] else { throw .syntax }
    if words == 0 { throw .syntax }
    // Nothing is changed if any place is wrong.
    var scores: [Double] = []
    scores.reserveCapacity(words / 3)
    for index in stride(from: first, to: call.arguments.count, by: 3) {
      scores.append(Geohash(try call.place(index)).score)
    }
    let key = call.key(1)
    var editor: SortedSetEditor
    if let present = try call.sortedSetEditor(key) {
      editor = present
    } else if conditions.contains(.onlyPresent) {
      return call.reply.integer(0)
    } else {
      editor = call.addSortedSet(key)
    }
    var added = 0
    var updated = 0
    for (number, score) in scores.enumerated() {
      switch editor.add(call.arguments[first + 3 * number + 2], score, conditions) {
      case .added: added += 1
      case .updated: updated += 1
      case .same, .refused, .notANumber: break
      }
    }
    if added + updated > 0 {
      call.changed(key, .addMembers, count: added + updated)
      propagate(scores, conditions, countsUpdates, from: first, call)
    }
    call.reply.integer(countsUpdates ? added + updated : added)
  }

  /// Followers get ZADD with the options and scores.
  private static func propagate(
    _ scores: [Double], _ conditions: AddConditions, _ countsUpdates: Bool, from first: Int,
    _ call: borrowing Call
  ) {
    call.effects.rewrite("ZADD", argumentCount: first - 1 + 2 * scores.count)
    for index in 1..<first { call.effects.append(call.arguments[index]) }
    for (number, score) in scores.enumerated() {
      call.effects.append(Int(score))
      call.effects.append(call.arguments[first + 3 * number + 2])
    }
  }

  // MARK: - GEOPOS, GEOHASH, GEODIST

  static func geopos(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    let value = try call.sortedSet(key)
    call.reply.array(call.arguments.count - 2)
    for index in 2..<call.arguments.count {
      if let point = value?.point(of: call.arguments[index], seed: call.database.seed) {
        call.reply.place(point)
      } else {
        call.reply.nullArray()
      }
    }
  }

  static func geohash(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    let value = try call.sortedSet(key)
    call.reply.array(call.arguments.count - 2)
    for index in 2..<call.arguments.count {
      if let point = value?.point(of: call.arguments[index], seed: call.database.seed) {
        let text = Geohash.text(of: point)
        call.reply.bulk(text.rawSpan)
      } else {
        call.reply.null()
      }
    }
  }

  static func geodist(_ call: inout Call) throws(CommandError) {
    var metres = 1.0
    if call.arguments.count == 5 {
      metres = try call.lengthUnit(4)
    } else if call.arguments.count > 5 {
      throw .syntax
    }
    let key = call.key(1)
    let seed = call.database.seed
    guard let value = try call.sortedSet(key),
      let first = value.point(of: call.arguments[2], seed: seed),
      let second = value.point(of: call.arguments[3], seed: seed)
    else { return call.reply.null() }
    call.reply.bulk(fixed: first.distance(to: second) / metres)
  }
}

extension SortedSetValue {
  /// Where a member is; nil if there is no such member.
  func point(of member: RawSpan, seed: HashSeed) -> GeoPoint? {
    score(of: member, seed: seed).map { Geohash(score: $0).point }
  }
}

extension ReplyWriter {
  /// Replies with longitude and latitude.
  mutating func place(_ point: GeoPoint) {
    array(2)
    humanDouble(LongDouble(point.longitude))
    humanDouble(LongDouble(point.latitude))
  }
}

extension Call {
  /// The argument at `index` and the one behind it as longitude and latitude.
  func place(_ index: Int) throws(CommandError) -> GeoPoint {
    let point = GeoPoint(longitude: try score(index), latitude: try score(index + 1))
    guard point.isValid else {
      let longitude = DoubleText.plainString(point.longitude)
      let latitude = DoubleText.plainString(point.latitude)
      throw failure("ERR invalid longitude,latitude pair \(longitude),\(latitude)")
    }
    return point
  }

  /// The metres of the unit at `index`.
  func lengthUnit(_ index: Int) throws(CommandError) -> Double {
    switch keyword(index) {
    case Keyword("m"): return 1
    case Keyword("km"): return 1000
    case Keyword("ft"): return 0.3048
    case Keyword("mi"): return 1609.34
    default:
      throw CommandError("ERR unsupported unit provided. please use M, KM, FT, MI")
    }
  }
}
