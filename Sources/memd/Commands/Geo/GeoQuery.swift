// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What GEOSEARCH, GEORADIUS and their relatives are asked for.
final class GeoQuery {
  /// The command.
  enum Kind {
    case radius(mayStore: Bool)
    case radiusByMember(mayStore: Bool)
    case search
    case searchStore
  }

  /// A member inside the shape.
  struct Found {
    let member: ScoredMember
    let point: GeoPoint
    /// Metres from the centre.
    let distance: Double

    /// The score as an integer.
    var hash: Int { Int(truncatingIfNeeded: Geohash(score: member.score).bits) }
  }

  private enum Order {
    case ascending, descending
  }

  private let arguments: Arguments
  private let kind: Kind
  /// The set to look into; nil if there is no such key.
  private let value: SortedSetValue?
  private let seed: HashSeed
  private var center: GeoPoint?
  private var form: GeoShape.Form?
  /// Metres of the unit that distances are in.
  private(set) var unit = 1.0
  /// FROMMEMBER was given; of a missing key it names no place.
  private var hasMember = false
  private(set) var showsDistance = false
  private(set) var showsHash = false
  private(set) var showsPlace = false
  private var order: Order?
  /// 0: no limit.
  private var count = 0
  /// ANY: the first ones that are found will do.
  private var takesAny = false
  /// The argument that names the key to store to.
  private(set) var storeKey: Int?
  /// Distances are stored instead of places.
  private(set) var storesDistance = false

  // MARK: - Reading arguments

  init(_ call: borrowing Call, _ kind: Kind) throws(CommandError) {
    self.kind = kind
    arguments = call.arguments
    seed = call.database.seed
    var source = 1
    if case .searchStore = kind { source = 2 }
    let key = call.key(source)
    value = try call.sortedSet(key)
    var index: Int
    switch kind {
    case .radius:
      center = try call.place(2)
      try takeRadius(at: 4, call)
      index = 6
    case .radiusByMember:
      if value != nil {
        try takeMember(at: 2)
        try takeRadius(at: 3, call)
      }
      index = 5
    case .search: index = 2
    case .searchStore:
      storeKey = 1
      index = 3
    }
    while index < arguments.count { try takeOption(&index, call) }
    try check(call)
    // The nearest ones are meant, unless any will do.
    if count != 0, order == nil, !takesAny { order = .ascending }
  }

  /// Reads the option at `index` and goes behind it.
  private func takeOption(
    _ index: inout Int, _ call: borrowing Call
  ) throws(CommandError) {
    let left = arguments.count - index - 1
    let word = FoldedName(folding: arguments[index])
    let first = index + 1
    index += 1
    switch word {
    case FoldedName("withdist"): showsDistance = true
    case FoldedName("withhash"): showsHash = true
    case FoldedName("withcoord"): showsPlace = true
    case FoldedName("any"): takesAny = true
    case FoldedName("asc"): order = .ascending
    case FoldedName("desc"): order = .descending
    case FoldedName("count") where left >= 1:
      count = try call.integer(first)
      if count <= 0 { throw CommandError("ERR COUNT must be > 0") }
      index += 1
    default: index = try takeTarget(word, at: first, left: left, call)
    }
  }

  /// Reads the option `word` if it says where to store, and goes on with `takeShape` if not.
  ///
  /// - Returns: the argument behind the option.
  private func takeTarget(
    _ word: FoldedName, at first: Int, left: Int, _ call: borrowing Call
  ) throws(CommandError) -> Int {
    switch kind {
    case .radius(mayStore: true), .radiusByMember(mayStore: true):
      guard left >= 1, word == FoldedName("store") || word == FoldedName("storedist") else {
        throw .syntax
      }
      storeKey = first
      storesDistance = word == FoldedName("storedist")
      return first + 1
    case .radius, .radiusByMember: throw .syntax
    case .searchStore where word == FoldedName("storedist"):
      storesDistance = true
      return first
    case .search, .searchStore: return try takeShape(word, at: first, left: left, call)
    }
  }

  private func takeShape(
    _ word: FoldedName, at first: Int, left: Int, _ call: borrowing Call
  ) throws(CommandError) -> Int {
    let hasPlace = center != nil && !hasMember && !isPolygon
    switch word {
    case FoldedName("frommember") where left >= 1 && !hasPlace && !isPolygon:
      // Of a missing key, the rest of the syntax is looked at.
      if value != nil { try takeMember(at: first) }
      hasMember = true
      return first + 1
    case FoldedName("fromlonlat") where left >= 2 && !hasMember && !isPolygon:
      center = try call.place(first)
      return first + 2
    case FoldedName("byradius") where left >= 2 && !isBox && !isPolygon:
      try takeRadius(at: first, call)
      return first + 2
    case FoldedName("bybox") where left >= 3 && !isCircle && !isPolygon:
      try takeBox(at: first, call)
      return first + 3
    case FoldedName("bypolygon")
    where left >= 2 && form == nil && center == nil && !hasMember:
      return try takePolygon(at: first, left: left, call)
    default: throw .syntax
    }
  }

  private func takeMember(at index: Int) throws(CommandError) {
    guard let point = value?.point(of: arguments[index], seed: seed) else {
      throw CommandError("ERR could not decode requested zset member")
    }
    center = point
  }

  private func takeRadius(
    at index: Int, _ call: borrowing Call
  ) throws(CommandError) {
    guard let radius = DoubleText.parse(arguments[index]) else {
      throw CommandError("ERR need numeric radius")
    }
    if radius < 0 { throw CommandError("ERR radius cannot be negative") }
    unit = try call.lengthUnit(index + 1)
    form = .circle(radius * unit)
  }

  private func takeBox(
    at index: Int, _ call: borrowing Call
  ) throws(CommandError) {
    guard let width = DoubleText.parse(arguments[index]) else {
      throw CommandError("ERR need numeric width")
    }
    guard let height = DoubleText.parse(arguments[index + 1]) else {
      throw CommandError("ERR need numeric height")
    }
    if width < 0 || height < 0 {
      throw CommandError("ERR height or width cannot be negative")
    }
    unit = try call.lengthUnit(index + 2)
    form = .box(width: width * unit, height: height * unit)
  }

  private func takePolygon(
    at index: Int, left: Int, _ call: borrowing Call
  ) throws(CommandError) -> Int {
    let corners = try call.integer(
      index, orThrow: CommandError("ERR invalid number of vertices"))
    guard corners >= 3, corners <= (left - 1) / 2 else {
      throw CommandError("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices")
    }
    var points: [GeoPoint] = []
    points.reserveCapacity(corners)
    for corner in 0..<corners { points.append(try call.place(index + 1 + 2 * corner)) }
    form = .polygon(points)
    center = .middle(of: points)
    return index + 1 + 2 * corners
  }

  private var isCircle: Bool { if case .circle = form { true } else { false } }
  private var isBox: Bool { if case .box = form { true } else { false } }
  /// BYPOLYGON was given, which older servers don't know.
  var isPolygon: Bool { if case .polygon = form { true } else { false } }

  /// Throws if options are missing or don't go together.
  private func check(_ call: borrowing Call) throws(CommandError) {
    var isSearch = false
    var command: StaticString = "STORE option in GEORADIUS"
    switch kind {
    case .search: isSearch = true
    case .searchStore:
      isSearch = true
      command = "GEOSEARCHSTORE"
    case .radius, .radiusByMember: break
    }
    if storeKey != nil, showsDistance || showsHash || showsPlace {
      throw call.failure(
        "ERR \(command) is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
    }
    if isSearch, center == nil, !hasMember {
      throw call.failure(
        "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for \(echo: arguments[0])")
    }
    if isSearch, form == nil {
      throw call.failure(
        "ERR exactly one of BYRADIUS and BYBOX can be specified for \(echo: arguments[0])")
    }
    if takesAny, count == 0 {
      throw CommandError("ERR the ANY argument requires COUNT argument")
    }
  }

  var storeEvent: KeyEvent {
    switch kind {
    case .search, .searchStore: KeyEvent("geosearchstore", .sortedSet)
    case .radius, .radiusByMember: KeyEvent("georadiusstore", .sortedSet)
    }
  }

  // MARK: - Searching

  /// The members inside the shape, in the order that was asked for and no more than that.
  ///
  /// - Complexity: O(n log n + log m), n being the members in the cells around the shape, m all
  ///   members; O(n + log m) if no order is asked for.
  func find() -> [Found] {
    guard let value, let center, let form else { return [] }
    let shape = GeoShape(form, around: center)
    let limit = takesAny ? count : Int.max
    var found: [Found] = []
    for cell in shape.cells where found.count < limit {
      collect(value, cell, shape, limit: limit, into: &found)
    }
    let wanted = count == 0 ? found.count : min(count, found.count)
    guard let order else { return found }
    if wanted < found.count {
      PartialSort.sort(&found, first: wanted) { GeoQuery.compare($0, $1, order) }
      found.removeLast(found.count - wanted)
      return found
    }
    // Those with equal distances stay as they were found.
    let places = found.indices.sorted { left, right in
      let result = GeoQuery.compare(found[left], found[right], order)
      return result == 0 ? left < right : result < 0
    }
    return places.map { found[$0] }
  }

  private static func compare(_ one: Found, _ other: Found, _ order: Order) -> Int {
    if one.distance == other.distance { return 0 }
    return (one.distance < other.distance) == (order == .ascending) ? -1 : 1
  }

  private func collect(
    _ value: SortedSetValue, _ cell: Geohash, _ shape: GeoShape, limit: Int,
    into found: inout [Found]
  ) {
    let scores = cell.scores
    let ranks = ScoreRange(scores.lowerBound, upTo: scores.upperBound).ranks(in: value)
    var walk = SortedSetWalk(value, from: ranks.lowerBound, count: ranks.count)
    while found.count < limit, let member = walk.next() {
      let point = Geohash(score: member.score).point
      guard let distance = shape.distance(ifInside: point) else { continue }
      found.append(Found(member: member, point: point, distance: distance))
    }
  }
}
