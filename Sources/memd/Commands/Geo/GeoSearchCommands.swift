// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that find the members inside a shape.
enum GeoSearchCommands: CommandFamily {
  static let group = CommandGroup.geo

  private static let unit = ArgumentSpec.oneOf(
    "unit", [.token("M", "m"), .token("KM", "km"), .token("FT", "ft"), .token("MI", "mi")])

  /// What both commands say of the members that they look for.
  private static let selection: [ArgumentSpec] = [
    .oneOf(
      "from",
      [
        .string("member").after("FROMMEMBER"),
        .block("longitude_latitude", [.double("longitude"), .double("latitude")]).after(
          "FROMLONLAT"),
      ]),
    .oneOf(
      "by",
      [
        .block("circle", [.double("radius").after("BYRADIUS"), unit]),
        .block("box", [.double("width").after("BYBOX"), .double("height"), unit]),
        .block(
          "polygon",
          [
            .integer("num-vertices").after("BYPOLYGON"),
            .block("vertex", [.double("longitude"), .double("latitude")]).repeated,
          ]
        ).since("9.0.0"),
      ]), .oneOf("order", [.token("ASC", "asc"), .token("DESC", "desc")]).optional,
    .block("count", [.integer("count").after("COUNT"), .token("ANY", "any").optional]).optional,
  ]

  private static func selecting(
    in keys: [ArgumentSpec], options: [ArgumentSpec]
  ) -> [ArgumentSpec] { keys + selection + options }

  static let commands: [Command] = [
    Command(
      "geosearch", [.readonly], keys: [.key(1, [.readOnly, .access])],
      selecting(
        in: [.key()],
        options: [
          .token("WITHCOORD", "withcoord").optional, .token("WITHDIST", "withdist").optional,
          .token("WITHHASH", "withhash").optional,
        ]), since: "6.2.0",
      complexity: "O(N+log(M)), N being the members in the box around the shape, M of the index",
      summary: "Finds the members inside a circle, a box or a polygon.",
      history: [("7.0.0", "Units may be upper case.")], handler: geosearch),
    Command(
      "geosearchstore", [.write, .denyOOM],
      keys: [.key(1, [.overwrite, .update]), .key(2, [.readOnly, .access])],
      selecting(
        in: [.key("destination"), .key("source", spec: 1)],
        options: [.token("STOREDIST", "storedist").optional]), since: "6.2.0",
      complexity: "O(N+log(M)), N being the members in the box around the shape, M of the index",
      summary: "Finds the members inside a circle, a box or a polygon, and stores them.",
      history: [("7.0.0", "Units may be upper case.")], handler: geosearchstore),
    Command(
      "georadius", [.write, .denyOOM, .movableKeys],
      keys: [
        .key(1, [.readOnly, .access]),
        KeySpec(
          start: .keyword("STORE", from: 6), extent: .range(last: 0, step: 1, limit: 0),
          access: [.overwrite, .update]),
        KeySpec(
          start: .keyword("STOREDIST", from: 6), extent: .range(last: 0, step: 1, limit: 0),
          access: [.overwrite, .update]),
      ],
      [
        .key(), .double("longitude"), .double("latitude"), .double("radius"),
        unit,
        .token("WITHCOORD", "withcoord").optional, .token("WITHDIST", "withdist").optional,
        .token("WITHHASH", "withhash").optional,
        .block(
          "count", [.integer("count").after("COUNT"), .token("ANY", "any").since("6.2.0").optional]
        ).optional, .oneOf("order", [.token("ASC", "asc"), .token("DESC", "desc")]).optional,
        .key(spec: 1).after("STORE").optional, .key(spec: 2).after("STOREDIST").optional,
      ], since: "3.2.0",
      complexity: "O(N+log(M)), N being the members in the box around the circle, M of the index",
      summary: "Finds the members within a distance of a point.",
      history: [("6.2.0", "`COUNT` takes `ANY`."), ("7.0.0", "Units may be upper case.")],
      deprecatedSince: "6.2.0",
      replacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
      handler: georadius),
    Command(
      "georadius_ro", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .double("longitude"), .double("latitude"), .double("radius"),
        unit,
        .token("WITHCOORD", "withcoord").optional, .token("WITHDIST", "withdist").optional,
        .token("WITHHASH", "withhash").optional,
        .block(
          "count", [.integer("count").after("COUNT"), .token("ANY", "any").since("6.2.0").optional]
        ).optional, .oneOf("order", [.token("ASC", "asc"), .token("DESC", "desc")]).optional,
      ], since: "3.2.10",
      complexity: "O(N+log(M)), N being the members in the box around the circle, M of the index",
      summary: "Finds the members within a distance of a point, without storing them.",
      history: [("6.2.0", "`COUNT` takes `ANY`.")], deprecatedSince: "6.2.0",
      replacedBy: "`GEOSEARCH` with the `BYRADIUS` argument", handler: georadiusReadOnly),
    Command(
      "georadiusbymember", [.write, .denyOOM, .movableKeys],
      keys: [
        .key(1, [.readOnly, .access]),
        KeySpec(
          start: .keyword("STORE", from: 5), extent: .range(last: 0, step: 1, limit: 0),
          access: [.overwrite, .update]),
        KeySpec(
          start: .keyword("STOREDIST", from: 5), extent: .range(last: 0, step: 1, limit: 0),
          access: [.overwrite, .update]),
      ],
      [
        .key(), .string("member"), .double("radius"),
        unit,
        .token("WITHCOORD", "withcoord").optional, .token("WITHDIST", "withdist").optional,
        .token("WITHHASH", "withhash").optional,
        .block("count", [.integer("count").after("COUNT"), .token("ANY", "any").optional]).optional,
        .oneOf("order", [.token("ASC", "asc"), .token("DESC", "desc")]).optional,
        .key(spec: 1).after("STORE").optional, .key(spec: 2).after("STOREDIST").optional,
      ], since: "3.2.0",
      complexity: "O(N+log(M)), N being the members in the box around the circle, M of the index",
      summary: "Finds the members within a distance of another one.",
      history: [("7.0.0", "Units may be upper case.")], deprecatedSince: "6.2.0",
      replacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
      handler: georadiusbymember),
    Command(
      "georadiusbymember_ro", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .string("member"), .double("radius"),
        unit,
        .token("WITHCOORD", "withcoord").optional, .token("WITHDIST", "withdist").optional,
        .token("WITHHASH", "withhash").optional,
        .block("count", [.integer("count").after("COUNT"), .token("ANY", "any").optional]).optional,
        .oneOf("order", [.token("ASC", "asc"), .token("DESC", "desc")]).optional,
      ], since: "3.2.10",
      complexity: "O(N+log(M)), N being the members in the box around the circle, M of the index",
      summary: "Finds the members within a distance of another one, without storing them.",
      deprecatedSince: "6.2.0",
      replacedBy: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
      handler: georadiusbymemberReadOnly),
  ]

  static func geosearch(_ call: inout Call) throws(CommandError) {
    try search(call, GeoQuery(call, .search))
  }

  static func geosearchstore(_ call: inout Call) throws(CommandError) {
    try search(call, GeoQuery(call, .searchStore))
  }

  static func georadius(_ call: inout Call) throws(CommandError) {
    try search(call, GeoQuery(call, .radius(mayStore: true)))
  }

  static func georadiusReadOnly(_ call: inout Call) throws(CommandError) {
    try search(call, GeoQuery(call, .radius(mayStore: false)))
  }

  static func georadiusbymember(_ call: inout Call) throws(CommandError) {
    try search(call, GeoQuery(call, .radiusByMember(mayStore: true)))
  }

  static func georadiusbymemberReadOnly(_ call: inout Call) throws(CommandError) {
    try search(call, GeoQuery(call, .radiusByMember(mayStore: false)))
  }

  // MARK: - Searching

  private static func search(_ call: borrowing Call, _ query: GeoQuery) {
    let found = query.find()
    if let index = query.storeKey {
      store(found, query, call.key(index), call)
    } else {
      reply(found, query, call)
    }
  }

  private static func reply(
    _ found: [GeoQuery.Found], _ query: GeoQuery, _ call: borrowing Call
  ) {
    call.reply.array(found.count)
    let details =
      (query.showsDistance ? 1 : 0) + (query.showsHash ? 1 : 0) + (query.showsPlace ? 1 : 0)
    for one in found {
      if details > 0 { call.reply.array(details + 1) }
      one.member.write(to: &call.reply)
      if query.showsDistance { call.reply.bulk(fixed: one.distance / query.unit) }
      if query.showsHash { call.reply.integer(one.hash) }
      if query.showsPlace { call.reply.place(one.point) }
    }
  }

  private static func store(
    _ found: [GeoQuery.Found], _ query: GeoQuery, _ key: Key, _ call: borrowing Call
  ) {
    let result = SortedSetResult(call.database)
    for one in found {
      var scratch = DecimalScratch()
      let score = query.storesDistance ? one.distance / query.unit : one.member.score
      // Merged, since nothing may be added twice; no cell is searched twice either.
      result.merge(one.member.text(&scratch), score, .maximum)
    }
    if query.isPolygon { call.propagateWhole(result, key) }
    call.store(result, key, query.storeEvent, count: result.count)
  }
}
