// SPDX-License-Identifier: Apache-2.0

import DataStructures

// Options about connections and about who may do what.

extension OptionTable {
  static let networkOptions: [Option] = [
    .special("bind", read: readBind, write: writeBind).with(.severalWords).effect(.listeners),
    .integer("port", .port, \.port).effect(.listeners),
    .integer("metrics-port", .port, \.metricsPort).effect(.monitoring),
    .special("metrics-bind", read: readMetricsBind, write: writeMetricsBind)
      .with(.severalWords).effect(.monitoring),
    .path("unixsocket", \.unixSocket).with(.immutable),
    Option(
      name: "unixsocketperm", syntax: .octal(0...0o777), storage: .number(\.unixSocketPermissions)
    ).with(.immutable),
    .path("unixsocketgroup", \.unixSocketGroup).with(.immutable),
    .integer("tcp-backlog", .natural32, \.tcpBacklog).with(.immutable),
    .integer("tcp-keepalive", .natural32, \.tcpKeepAliveSeconds),
    .integer("timeout", .natural32, \.timeoutSeconds),
    .integer("maxclients", 1...Int(UInt32.max), \.maxClients).effect(.maxClients),
    .flag("protected-mode", \.protectedMode),
    .memory("proto-max-bulk-len", (1 << 20)...Int.max, \.protoMaxBulkLength),
    .memory("client-query-buffer-limit", (1 << 20)...Int.max, \.clientQueryBufferLimit),
    .special(
      "client-output-buffer-limit", read: readOutputBufferLimits, write: writeOutputBufferLimits
    ).with(.severalWords),
    Option(
      name: "maxmemory-clients", syntax: .memoryOrPercentage, storage: .number(\.maxMemoryClients)
    ).effect([.settings, .memory]),
  ]

  static let accessOptions: [Option] = [
    .text("requirepass", \.requirePass).with(.sensitive).effect(.password),
    .choice("enable-debug-command", \.enableDebugCommand).with(.immutable),
    .choice("enable-protected-configs", \.enableProtectedConfigs).with(.immutable),
    .choice("enable-module-command", \.enableModuleCommand).with(.immutable),
    .path("aclfile", \.aclFile).with(.immutable),
    .choice("acl-pubsub-default", \.aclPubsubDefault),
    .integer("acllog-max-len", .natural, \.aclLogMaxLength),
  ]

  /// Compatibility: Redis takes at most this many addresses.
  private static let bindCountMax = 16
  /// No name of a host is longer.
  private static let hostByteCountMax = 255

  private static func readBind(_ configuration: Configuration) -> ByteText {
    ByteText(configuration.bind.joined(separator: " "))
  }

  private static func writeBind(
    _ configuration: Configuration, _ words: [ByteText]
  ) throws(OptionError) {
    configuration.bind = try addresses(words)
  }

  private static func readMetricsBind(_ configuration: Configuration) -> ByteText {
    ByteText(configuration.metricsBind.joined(separator: " "))
  }

  private static func writeMetricsBind(
    _ configuration: Configuration, _ words: [ByteText]
  ) throws(OptionError) {
    configuration.metricsBind = try addresses(words)
  }

  private static func addresses(_ words: [ByteText]) throws(OptionError) -> [String] {
    guard words.count <= bindCountMax else {
      throw OptionError("Too many bind addresses specified.")
    }
    if words == [""] { return [] }
    return try words.map { (word) throws(OptionError) in
      guard let address = word.rawSpan.text(ofAtMost: hostByteCountMax) else {
        throw OptionError("Failed to bind to specified addresses.")
      }
      return address
    }
  }

  // MARK: - client-output-buffer-limit

  private static func readOutputBufferLimits(_ configuration: Configuration) -> ByteText {
    let limits = configuration.clientOutputBufferLimits
    // Compatibility: CONFIG GET calls followers by their old name.
    return [("normal", limits.normal), ("slave", limits.replica), ("pubsub", limits.pubsub)]
      .map { "\($0) \($1.hardBytes) \($1.softBytes) \($1.softSeconds)" as ByteText }
      .joined(by: " ")
  }

  private static func writeOutputBufferLimits(
    _ configuration: Configuration, _ words: [ByteText]
  ) throws(OptionError) {
    guard words.count.isMultiple(of: 4) else {
      throw OptionError("Wrong number of arguments in buffer limit configuration.")
    }
    var limits = configuration.clientOutputBufferLimits
    for index in stride(from: 0, to: words.count, by: 4) {
      guard let property = outputBufferClass(words[index]) else {
        throw OptionError("Invalid client class specified in buffer limit configuration.")
      }
      guard let hard = MemorySize.parse(words[index + 1]),
        let soft = MemorySize.parse(words[index + 2]), let seconds = words[index + 3].integer(),
        seconds >= 0
      else {
        throw OptionError(
          "Error in hard, soft or soft_seconds setting in buffer limit configuration.")
      }
      limits[keyPath: property] = OutputBufferLimit(
        hardBytes: Int(clamping: hard), softBytes: Int(clamping: soft), softSeconds: seconds)
    }
    configuration.clientOutputBufferLimits = limits
  }

  private static func outputBufferClass(
    _ word: ByteText
  ) -> WritableKeyPath<OutputBufferLimits, OutputBufferLimit>? {
    switch Keyword(folding: word.rawSpan) {
    case Keyword("normal"): \.normal
    case Keyword("slave"), Keyword("replica"): \.replica
    case Keyword("pubsub"): \.pubsub
    default: nil
    }
  }
}
