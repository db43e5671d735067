// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A setting that is one of a few words; the raw value is the word in redis.conf.
protocol ConfigurationChoice: RawRepresentable<String>, CaseIterable, Sendable {}

extension MaxMemoryPolicy: ConfigurationChoice {}

/// Who supervises the process (`supervised`).
enum SupervisionMode: String, ConfigurationChoice {
  case upstart, systemd, auto, no
}

/// Who may use something dangerous (`enable-debug-command` and its like).
enum CommandAccess: String, ConfigurationChoice {
  case no, yes
  /// Only connections from this machine.
  case local

  /// Whether a client may; `isLocal` says that it comes from this machine.
  func allows(isLocal: Bool) -> Bool { self == .yes || (self == .local && isLocal) }
}

/// Channels that a new user may use (`acl-pubsub-default`).
enum ChannelDefault: String, ConfigurationChoice {
  case allChannels = "allchannels"
  case resetChannels = "resetchannels"
}

/// How the kernel is told what to kill when memory runs out (`oom-score-adj`).
enum OutOfMemoryAdjustment: String, ConfigurationChoice {
  case no, yes, relative, absolute
}

/// The facility under which the system's log files the server's lines.
enum SyslogFacility: String, ConfigurationChoice {
  case user, local0, local1, local2, local3, local4, local5, local6, local7
}

/// What happens once followers don't keep up with `sync-replicas` (`sync-replicas-on-timeout`).
enum LapseConsequence: String, ConfigurationChoice {
  /// Nobody may read or write.
  case refuse
  /// Nobody waits.
  case degrade
}

/// What happens at a signal that ends the server (`shutdown-on-sigterm`).
struct ShutdownFlags: OptionSet, Sendable {
  let rawValue: UInt8

  static let save = ShutdownFlags(rawValue: 1 << 0)
  static let nosave = ShutdownFlags(rawValue: 1 << 1)
  /// Wouldn't wait for lagging followers; nothing does so yet.
  static let now = ShutdownFlags(rawValue: 1 << 2)
  /// Ends even if saving fails.
  static let force = ShutdownFlags(rawValue: 1 << 3)

  /// The words of redis.conf, in the order in which they are printed.
  static let names: [(word: String, flags: ShutdownFlags)] = [
    ("default", []), ("save", .save), ("nosave", .nosave), ("now", .now), ("force", .force),
  ]
}

/// How much output a class of clients may leave unread.
struct OutputBufferLimit: Equatable, Sendable {
  /// Closes the client at once; 0 for no limit.
  var hardBytes: Int
  /// Closes the client when it has been above this for `softSeconds`; 0 for no limit.
  var softBytes: Int
  var softSeconds: Int

  static let unlimited = OutputBufferLimit(hardBytes: 0, softBytes: 0, softSeconds: 0)
}

/// The limits of `client-output-buffer-limit`, by class of client.
struct OutputBufferLimits: Equatable, Sendable {
  var normal = OutputBufferLimit.unlimited
  var replica = OutputBufferLimit(hardBytes: 256 << 20, softBytes: 64 << 20, softSeconds: 60)
  var pubsub = OutputBufferLimit(hardBytes: 32 << 20, softBytes: 8 << 20, softSeconds: 60)
}

/// Which keyspace events are published, and to which kinds of channels.
///
/// The lower bits are those of the classes of events, so that an event is tested with one AND.
struct KeyspaceNotifications: OptionSet, Sendable {
  let rawValue: UInt32

  static let generic = KeyspaceNotifications(rawValue: 1 << 0)
  static let string = KeyspaceNotifications(rawValue: 1 << 1)
  static let list = KeyspaceNotifications(rawValue: 1 << 2)
  static let set = KeyspaceNotifications(rawValue: 1 << 3)
  static let hash = KeyspaceNotifications(rawValue: 1 << 4)
  static let sortedSet = KeyspaceNotifications(rawValue: 1 << 5)
  static let expired = KeyspaceNotifications(rawValue: 1 << 6)
  static let evicted = KeyspaceNotifications(rawValue: 1 << 7)
  static let stream = KeyspaceNotifications(rawValue: 1 << 8)
  static let keyMiss = KeyspaceNotifications(rawValue: 1 << 9)
  static let new = KeyspaceNotifications(rawValue: 1 << 10)
  static let module = KeyspaceNotifications(rawValue: 1 << 11)
  static let overwritten = KeyspaceNotifications(rawValue: 1 << 12)
  static let typeChanged = KeyspaceNotifications(rawValue: 1 << 13)
  /// Channels `__keyspace@0__:key`.
  static let keyspaceChannels = KeyspaceNotifications(rawValue: 1 << 16)
  /// Channels `__keyevent@0__:event`.
  static let keyEventChannels = KeyspaceNotifications(rawValue: 1 << 17)
  /// Channels `__subkeyspace@0__:key`, where fields of hashes are named.
  static let fieldsByKey = KeyspaceNotifications(rawValue: 1 << 18)
  /// Channels `__subkeyevent@0__:event`.
  static let fieldsByEvent = KeyspaceNotifications(rawValue: 1 << 19)
  /// Channels `__subkeyspaceitem@0__:key\nfield`.
  static let field = KeyspaceNotifications(rawValue: 1 << 20)
  /// Channels `__subkeyspaceevent@0__:event|key`.
  static let fieldsByEventAndKey = KeyspaceNotifications(rawValue: 1 << 21)

  /// What the letter `A` stands for.
  static let all: KeyspaceNotifications = [
    .generic, .string, .list, .set, .hash, .sortedSet, .expired, .evicted, .stream, .module,
  ]
  /// All kinds of channels.
  private static let channels: KeyspaceNotifications = [
    .keyspaceChannels, .keyEventChannels, .fieldsByKey, .fieldsByEvent, .field,
    .fieldsByEventAndKey,
  ]

  /// The letters of redis.conf for classes, in the order in which they are printed.
  private static let classLetters: [(letter: Unicode.Scalar, classes: KeyspaceNotifications)] = [
    ("g", .generic), ("$", .string), ("l", .list), ("s", .set), ("h", .hash), ("z", .sortedSet),
    ("x", .expired), ("e", .evicted), ("t", .stream), ("d", .module), ("n", .new),
    ("o", .overwritten), ("c", .typeChanged),
  ]
  /// The letters that are printed behind.
  private static let otherLetters: [(letter: Unicode.Scalar, classes: KeyspaceNotifications)] = [
    ("K", .keyspaceChannels), ("E", .keyEventChannels), ("m", .keyMiss), ("S", .fieldsByKey),
    ("T", .fieldsByEvent), ("I", .field), ("V", .fieldsByEventAndKey),
  ]

  /// Reads letters such as "KEA"; nil if one is unknown.
  init?(letters text: ByteText) {
    var classes: KeyspaceNotifications = []
    for byte in text.bytes {
      let letter = Unicode.Scalar(byte)
      let known = [("A", .all)] + Self.classLetters + Self.otherLetters
      guard let entry = known.first(where: { $0.letter == letter }) else { return nil }
      classes.formUnion(entry.classes)
    }
    self = classes
  }

  init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The letters.
  ///
  /// Compatibility: `A` takes the place of all classes, those that it doesn't stand for included.
  var text: String {
    var text = isSuperset(of: .all) ? "A" : ""
    if text.isEmpty {
      for (letter, classes) in Self.classLetters where contains(classes) {
        text.unicodeScalars.append(letter)
      }
    }
    for (letter, classes) in Self.otherLetters where contains(classes) {
      text.unicodeScalars.append(letter)
    }
    return text
  }

  /// True if some event goes to some channel.
  var isEffective: Bool { !isDisjoint(with: Self.channels) && !subtracting(Self.channels).isEmpty }

  /// True if channels are selected where fields of hashes are named.
  var wantsFields: Bool {
    contains(.hash)
      && !isDisjoint(with: [.fieldsByKey, .fieldsByEvent, .field, .fieldsByEventAndKey])
  }

  /// True if events of this class are published.
  func selects(_ event: KeyEvent) -> Bool { rawValue & event.kind.rawValue != 0 }
}
/// When changes in the log become durable (`appendfsync`).
enum AppendFsync: String, ConfigurationChoice {
  /// A second later.
  case everySecond = "everysec"
  /// Before anybody hears of them.
  case always
  /// When the system pleases.
  case no
}

/// Where a follower loads a snapshot of its leader (`repl-diskless-load`).
///
/// In every case the snapshot is received into a file first, while clients see the old data.
enum DisklessLoad: String, ConfigurationChoice {
  /// In place of the old data. Where Redis has these three to tell what is received without a
  /// file, or flushed when, here they are one.
  case disabled
  case onEmptyDatabase = "on-empty-db"
  case flushBeforeLoad = "flush-before-load"
  /// Beside the old data, whatever memory that takes.
  case swapDatabases = "swapdb"
  /// Beside them if they are of the same history and there is memory for both.
  case auto

  /// Whether the file becomes the follower's own snapshot.
  var leavesFile: Bool { self == .disabled || self == .auto }
}
