// SPDX-License-Identifier: Apache-2.0

import DataStructures

// Options about the process and about what is observed.

extension OptionTable {
  static let generalOptions: [Option] = [
    .flag("daemonize", \.daemonize).with(.immutable),
    .path("pidfile", \.pidFile).with(.immutable),
    .choice("supervised", \.supervised).with(.immutable),
    .special("dir", read: { ByteText($0.dir) }, write: writeDirectory).with(.settled)
      .with(.protected),
    .integer("databases", .positive32, \.databases).with(.immutable),
    Option(
      name: "hz", syntax: .integer(.natural32),
      storage: .words(read: { "\($0.hz)" }, write: writeFrequency)),
    .special(
      "notify-keyspace-events", read: { ByteText($0.notifyKeyspaceEvents.text) }, write: writeEvents
    ),
    .special(
      "shutdown-on-sigint", read: { ByteText(text(of: $0.shutdownOnSigint)) },
      write: { (configuration, words) throws(OptionError) in
        configuration.shutdownOnSigint = try shutdownFlags(words)
      }
    ).with(.severalWords),
    .special(
      "shutdown-on-sigterm", read: { ByteText(text(of: $0.shutdownOnSigterm)) },
      write: { (configuration, words) throws(OptionError) in
        configuration.shutdownOnSigterm = try shutdownFlags(words)
      }
    ).with(.severalWords),
    .choice("oom-score-adj", \.oomScoreAdjustment).effect(.outOfMemoryScore),
    .special(
      "oom-score-adj-values",
      read: { $0.oomScoreAdjustmentValues.map { "\($0)" as ByteText }.joined(by: " ") },
      write: writeOutOfMemoryScores
    ).with(.severalWords).effect(.outOfMemoryScore),
    .integer("busy-reply-threshold", .natural, \.busyReplyThreshold).alias("lua-time-limit"),
    .flag("disable-thp", \.disableHugePages).with(.immutable),
    .flag("set-proc-title", \.setProcTitle).with(.immutable),
    .text("proc-title-template", \.procTitleTemplate).effect(.processTitle)
      .refusing { template in
        ProcessTitleTemplate.isValid(template)
          ? nil : "template format is invalid or contains unknown variables"
      },
  ]

  static let observationOptions: [Option] = [
    .choice("loglevel", \.logLevel),
    .choice("log-format", \.logFormat),
    .path("logfile", \.logFile).with(.immutable),
    .flag("syslog-enabled", \.syslogEnabled).with(.immutable),
    .text("syslog-ident", \.syslogIdent).with(.immutable),
    .choice("syslog-facility", \.syslogFacility).with(.immutable),
    .flag("crash-log-enabled", \.crashLogEnabled).effect(.crashReport),
    .integer("slowlog-log-slower-than", -1...Int.max, \.slowlogLogSlowerThan)
      .alias("commandlog-execution-slower-than"),
    .integer("slowlog-max-len", .natural, \.slowlogMaxLen)
      .alias("commandlog-slow-execution-max-len"),
    .integer("commandlog-request-larger-than", -1...Int.max, \.commandlogRequestLargerThan),
    .integer("commandlog-large-request-max-len", .natural, \.commandlogLargeRequestMaxLen),
    .integer("commandlog-reply-larger-than", -1...Int.max, \.commandlogReplyLargerThan),
    .integer("commandlog-large-reply-max-len", .natural, \.commandlogLargeReplyMaxLen),
    .integer("slowlog-entry-max-argc", 2...Int(Int32.max), \.slowlogEntryMaxArgc),
    .integer("slowlog-entry-max-string-len", .positive, \.slowlogEntryMaxStringLen),
    .integer("latency-monitor-threshold", .natural, \.latencyMonitorThreshold),
    .special(
      "prefix-accounting", read: { $0.prefixAccounting.text },
      write: { (configuration, words) throws(OptionError) in
        configuration.prefixAccounting = try PrefixAccounting(words)
      }
    ).with(.severalWords),
    .integer("prefix-accounting-max", 1...256, \.prefixAccountingMax),
    .integer("census-period", -1...Int(Int32.max), \.censusPeriod),
    .flag("latency-tracking", \.latencyTracking),
    .special(
      "latency-tracking-info-percentiles",
      read: { ByteText($0.latencyTrackingInfoPercentiles.map(text(of:)).joined(separator: " ")) },
      write: writePercentiles
    ).with(.severalWords),
  ]

  private static func writeDirectory(
    _ configuration: Configuration, _ words: [ByteText]
  ) throws(OptionError) {
    guard words.count == 1, let path = words.first else { throw .wrongArgumentCount }
    configuration.dir = try configuration.changeDirectory(try OptionSyntax.path(path))
  }

  private static func writeFrequency(
    _ configuration: Configuration, _ words: [ByteText]
  ) throws(OptionError) {
    let value = try OptionSyntax.integer(.natural32).parse(words)
    configuration.hz = min(max(value.number, 1), 500)
  }

  private static func writeEvents(
    _ configuration: Configuration, _ words: [ByteText]
  ) throws(OptionError) {
    guard words.count == 1, let letters = words.first else { throw .wrongArgumentCount }
    guard let events = KeyspaceNotifications(letters: letters) else {
      throw OptionError("Invalid event class character. Use 'Ag$lshzxeKEtmdnocSTIV'.")
    }
    configuration.notifyKeyspaceEvents = events
  }

  private static func writeOutOfMemoryScores(
    _ configuration: Configuration, _ words: [ByteText]
  ) throws(OptionError) {
    guard words.count == 3 else { throw .wrongArgumentCount }
    var scores: [Int] = []
    for word in words {
      guard let score = word.integer(), -2000...2000 ~= score else {
        throw OptionError(
          "Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
      }
      scores.append(score)
    }
    configuration.oomScoreAdjustmentValues = scores
  }

  // MARK: - Flags of shutdown

  private static func text(of flags: ShutdownFlags) -> String {
    guard !flags.isEmpty else { return "default" }
    return ShutdownFlags.names.filter { !$0.flags.isEmpty && flags.isSuperset(of: $0.flags) }
      .map(\.word).joined(separator: " ")
  }

  private static func shutdownFlags(_ words: [ByteText]) throws(OptionError) -> ShutdownFlags {
    let complaint = OptionSyntax.notAmong(ShutdownFlags.names.map(\.word))
    guard !words.isEmpty else { throw complaint }
    var flags: ShutdownFlags = []
    for word in words {
      guard let entry = ShutdownFlags.names.first(where: { word.spells($0.word) }) else {
        throw complaint
      }
      flags.formUnion(entry.flags)
    }
    if flags.isSuperset(of: [.save, .nosave]) {
      throw OptionError("shutdown options SAVE and NOSAVE can't be used simultaneously")
    }
    return flags
  }

  // MARK: - Percentiles

  private static func text(of percentile: Double) -> String {
    // Compatibility: whole numbers are printed without a fraction.
    guard let whole = Int(exactly: percentile) else { return "\(percentile)" }
    return "\(whole)"
  }

  private static func writePercentiles(
    _ configuration: Configuration, _ words: [ByteText]
  ) throws(OptionError) {
    var percentiles: [Double] = []
    for word in words where words != [""] {
      guard let percentile = word.double, !percentile.isNaN else {
        throw OptionError("Invalid latency-tracking-info-percentiles parameters")
      }
      guard 0...100 ~= percentile else {
        throw OptionError(
          "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
      }
      percentiles.append(percentile)
    }
    configuration.latencyTrackingInfoPercentiles = percentiles
  }
}
