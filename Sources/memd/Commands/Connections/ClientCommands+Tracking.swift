// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Client-side caching, as a client asks for it.

extension ClientCommands {
  private static let own: CommandFlags = [.noScript, .loading, .stale]

  static let trackingSubcommands: [Command] = [
    Command(
      "caching", own, [.oneOf("mode", [.token("YES", "yes"), .token("NO", "no")])],
      since: "6.0.0", complexity: "O(1)",
      summary: "Says whether the keys of the next command are remembered.", handler: caching),
    Command(
      "capa", own, [.string("capability").repeated], since: "8.0.0", complexity: "O(1)",
      summary: "Says what the client understands.", handler: capa),
    Command(
      "getredir", own, since: "6.0.0", complexity: "O(1)",
      summary: "Answers which connection gets the messages about stale keys.", handler: getRedir),
    Command(
      "tracking", own, trackingArguments, since: "6.0.0",
      complexity: "O(1). Some options may introduce additional complexity.",
      summary: "Has the connection told when keys change that it has read.", handler: tracking),
    Command(
      "trackinginfo", own, since: "6.2.0", complexity: "O(1)",
      summary: "Describes the connection's client-side caching.", handler: trackingInfo),
  ]

  private static let trackingArguments: [ArgumentSpec] = [
    .oneOf("status", [.token("ON", "on"), .token("OFF", "off")]),
    .integer("client-id").after("REDIRECT").optional,
    .string("prefix").after("PREFIX").optional.repeatedWithToken,
    .token("BCAST", "bcast").optional,
    .token("OPTIN", "optin").optional,
    .token("OPTOUT", "optout").optional,
    .token("NOLOOP", "noloop").optional,
  ]

  // MARK: - CLIENT CACHING

  static func caching(_ call: inout Call) throws(CommandError) {
    guard let tracker = call.client.tracker else {
      throw CommandError(
        """
        ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or \
        OPTOUT mode enabled
        """)
    }
    switch call.keyword(2) {
    case Keyword("yes"):
      guard tracker.options.contains(.optIn) else {
        throw CommandError(
          "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
      }
    case Keyword("no"):
      guard tracker.options.contains(.optOut) else {
        throw CommandError(
          "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
      }
    default: throw .syntax
    }
    tracker.isCaching = true
    call.client.updateGate()
    call.reply.ok()
  }

  // MARK: - CLIENT CAPA

  /// Compatibility: what a client claims to understand beyond what the server knows is no error.
  static func capa(_ call: inout Call) throws(CommandError) {
    for index in 2..<call.arguments.count where call.keyword(index) == Keyword("redirect") {
      call.client.flags.insert(.understandsRedirect)
    }
    call.reply.ok()
  }

  // MARK: - CLIENT GETREDIR

  static func getRedir(_ call: inout Call) throws(CommandError) {
    call.reply.integer(call.client.tracker?.redirect ?? -1)
  }

  // MARK: - CLIENT TRACKING

  static func tracking(_ call: inout Call) throws(CommandError) {
    let wanted = try TrackingOptions(call)
    switch call.keyword(2) {
    case Keyword("on"):
      if let error = wanted.conflict(with: call.client.tracker) { throw error }
      if let (prefix, other, isOwn) = wanted.overlap(with: call.client.tracker) {
        throw call.failure(
          "ERR Prefix '\(echo: prefix)' overlaps with"
            + " \(isOwn ? "another provided" : "an existing")"
            + " prefix '\(echo: other)'. Prefixes for a single client must not overlap.")
      }
      wanted.apply(to: call.server.startTracking(call.client), of: call.server)
      call.client.updateGate()
    case Keyword("off"): call.server.stopTracking(call.client)
    default: throw .syntax
    }
    call.reply.ok()
  }

  // MARK: - CLIENT TRACKINGINFO

  static func trackingInfo(_ call: inout Call) throws(CommandError) {
    let tracker = call.client.tracker
    let flags = trackingFlags(tracker)
    call.reply.map(3)
    call.reply.bulk("flags")
    call.reply.set(flags.count)
    for flag in flags { call.reply.bulk(flag) }
    call.reply.bulk("redirect")
    call.reply.integer(tracker?.redirect ?? -1)
    call.reply.bulk("prefixes")
    let prefixes = tracker?.prefixes ?? []
    call.reply.array(prefixes.count)
    for prefix in prefixes { call.reply.bulk(prefix.rawSpan) }
  }

  private static func trackingFlags(_ tracker: Tracker?) -> [StaticString] {
    guard let tracker else { return ["off"] }
    var flags: [StaticString] = ["on"]
    if tracker.options.contains(.broadcast) { flags.append("bcast") }
    if tracker.options.contains(.optIn) {
      flags.append("optin")
      if tracker.isCaching { flags.append("caching-yes") }
    }
    if tracker.options.contains(.optOut) {
      flags.append("optout")
      if tracker.isCaching { flags.append("caching-no") }
    }
    if tracker.options.contains(.noLoop) { flags.append("noloop") }
    if tracker.isBroken { flags.append("broken_redirect") }
    return flags
  }
}

/// What CLIENT TRACKING was asked for.
private struct TrackingOptions {
  var options: Tracker.Options = []
  var redirect = 0
  var prefixes: [[UInt8]] = []

  init(_ call: borrowing Call) throws(CommandError) {
    var index = 3
    while index < call.arguments.count {
      let hasMore = index + 1 < call.arguments.count
      switch call.keyword(index) {
      case Keyword("redirect") where hasMore:
        index += 1
        try readRedirect(call, at: index)
      case Keyword("bcast"): options.insert(.broadcast)
      case Keyword("optin"): options.insert(.optIn)
      case Keyword("optout"): options.insert(.optOut)
      case Keyword("noloop"): options.insert(.noLoop)
      case Keyword("prefix") where hasMore:
        index += 1
        prefixes.append(call.arguments[index].copied)
      default: throw .syntax
      }
      index += 1
    }
  }

  private mutating func readRedirect(
    _ call: borrowing Call, at index: Int
  ) throws(CommandError) {
    guard redirect == 0 else {
      throw CommandError("ERR A client can only redirect to a single other client")
    }
    redirect = try call.integer(index)
    guard call.server.clients.find(id: redirect) != nil else {
      throw CommandError("ERR The client ID you want redirect to does not exist")
    }
  }

  /// Why these options don't go together, or not with those that hold.
  func conflict(with tracker: Tracker?) -> CommandError? {
    if !options.contains(.broadcast), !prefixes.isEmpty {
      return CommandError("ERR PREFIX option requires BCAST mode to be enabled")
    }
    if let tracker, tracker.options.contains(.broadcast) != options.contains(.broadcast) {
      return CommandError(
        """
        ERR You can't switch BCAST mode on/off before disabling tracking for this client, and \
        then re-enabling it with a different mode.
        """)
    }
    if options.contains(.broadcast), !options.isDisjoint(with: [.optIn, .optOut]) {
      return CommandError("ERR OPTIN and OPTOUT are not compatible with BCAST")
    }
    if options.isSuperset(of: [.optIn, .optOut]) {
      return CommandError("ERR You can't specify both OPTIN mode and OPTOUT mode")
    }
    let held = tracker?.options ?? []
    if options.contains(.optIn) && held.contains(.optOut)
      || options.contains(.optOut) && held.contains(.optIn)
    {
      return CommandError(
        """
        ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and \
        then re-enabling it with a different mode.
        """)
    }
    return nil
  }

  /// Two prefixes of which one begins with the other, so that a key would be announced twice; the
  /// other one is new, too (`isOwn`), or one that the client has already.
  func overlap(
    with tracker: Tracker?
  ) -> (prefix: [UInt8], other: [UInt8], isOwn: Bool)? {
    guard options.contains(.broadcast) else { return nil }
    for (index, prefix) in prefixes.enumerated() {
      for other in tracker?.prefixes ?? [] where TrackingOptions.overlap(prefix, other) {
        return (prefix, other, false)
      }
      for other in prefixes[(index + 1)...] where TrackingOptions.overlap(prefix, other) {
        return (prefix, other, true)
      }
    }
    return nil
  }

  private static func overlap(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    let count = min(one.count, other.count)
    return one[..<count] == other[..<count]
  }

  func apply(to tracker: Tracker, of server: Server) {
    tracker.options = options
    tracker.redirect = redirect
    tracker.isBroken = false
    guard options.contains(.broadcast), let table = server.effects.tracking?.prefixes else {
      return
    }
    for prefix in prefixes.isEmpty ? [[]] : prefixes where table.add(tracker, to: prefix) {
      let place = tracker.prefixes.firstIndex { $0.rawSpan.compare(prefix.rawSpan) > 0 }
      tracker.prefixes.insert(prefix, at: place ?? tracker.prefixes.count)
    }
  }
}
