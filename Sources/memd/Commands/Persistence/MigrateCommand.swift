// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// The command that moves keys to another server.
enum MigrateCommand: CommandFamily {
  static let group = CommandGroup.generic

  static let commands: [Command] = [
    Command(
      "migrate", [.write, .movableKeys],
      keys: [
        .key(3, [.readWrite, .access, .delete]),
        KeySpec(
          start: .keyword("KEYS", from: -2), extent: .range(last: -1, step: 1, limit: 0),
          access: [.readWrite, .access, .delete, .incomplete]),
      ],
      [
        .string("host"), .integer("port"),
        .oneOf("key_or_empty_string", [.key(), .token("", "empty_string")]),
        .integer("destination-db"), .integer("timeout"),
        .token("COPY", "copy").since("3.0.0").optional,
        .token("REPLACE", "replace").since("3.0.0").optional,
        .oneOf(
          "authentication",
          [
            .string("password").after("AUTH").since("4.0.7").optional,
            .block("username_password", [.string("username"), .string("password")])
              .after("AUTH2").since("6.0.0").optional,
          ]
        ).optional,
        .key("key", spec: 1).after("KEYS").since("3.0.6").optional.repeated,
      ],
      categories: .dangerous, effect: .rewritten("DEL key ..."),
      secrets: [.values(behind: "auth", count: 1), .values(behind: "auth2", count: 2)],
      tips: ["nondeterministic_output"], since: "2.6.0",
      complexity: "O(N) where N is the size of all values; both servers are busy meanwhile.",
      summary: "Moves keys to another server.",
      history: [
        ("3.0.0", "Takes `COPY` and `REPLACE`."), ("3.0.6", "Takes `KEYS`."),
        ("4.0.7", "Takes `AUTH`."), ("6.0.0", "Takes `AUTH2`."),
      ], handler: migrate)
  ]

  static func migrate(_ call: inout Call) throws(CommandError) {
    let order = try MigrationOrder(call)
    let indexes = order.keys.filter { call.database.read(call.key($0)) != nil }
    guard !indexes.isEmpty else { return call.reply.status("NOKEY") }
    guard let host = call.arguments[1].text(ofAtMost: hostByteCountMax) else { throw unreachable }
    let peer = "\(host):\(order.port)"
    let connections = call.server.migrationConnections
    var outcome = MigrationOutcome()
    var link: MigrationConnections.Link
    if let kept = connections.take(peer) {
      link = kept
      outcome = order.send(indexes, over: link, call)
      // The other server may have closed it in the meantime: then a new one is worth a try.
      if outcome.isLostUnheard {
        link.connection.close()
        link = try connect(to: host, order, call)
        outcome = order.send(indexes, over: link, call)
      }
    } else {
      link = try connect(to: host, order, call)
      outcome = order.send(indexes, over: link, call)
    }
    if !order.copies { remove(outcome.moved, call) }
    guard outcome.isAlive else {
      link.connection.close()
      throw outcome.isSent
        ? CommandError("IOERR error or timeout reading to target instance")
        : CommandError("IOERR error or timeout writing to target instance")
    }
    connections.keep(link, now: call.server.clock.monotonicNanoseconds())
    if let complaint = outcome.complaint {
      throw call.failure("ERR Target instance replied with error: \(complaint)")
    }
    call.reply.ok()
  }

  private static func connect(
    to host: String, _ order: MigrationOrder, _ call: borrowing Call
  ) throws(CommandError) -> MigrationConnections.Link {
    do throws(SystemError) {
      let connection = try call.server.connectBlocking(
        to: host, port: order.port, timeoutMilliseconds: order.timeout)
      return MigrationConnections.Link(connection, to: "\(host):\(order.port)")
    } catch {
      throw unreachable
    }
  }

  /// The path of a unix socket is shorter, too; the resolver takes Strings.
  private static let hostByteCountMax = 255
  private static let unreachable = CommandError("IOERR error or timeout connecting to the client")

  /// Removes what the other server has now; followers are told which keys that were.
  private static func remove(_ indexes: [Int], _ call: borrowing Call) {
    guard !indexes.isEmpty else { return }
    call.effects.rewrite("DEL", argumentCount: indexes.count)
    for index in indexes { call.effects.append(call.arguments[index]) }
    for index in indexes {
      let key = call.key(index)
      if call.database.remove(key) { call.changed(key, .delete) }
    }
  }
}

/// What MIGRATE is asked to do.
private struct MigrationOrder {
  var port: UInt16 = 0
  var database = 0
  var timeout = 1000
  var copies = false
  var replaces = false
  /// Where user and password stand; nil without.
  var user: Int?
  var password: Int?
  /// Where the keys stand.
  var keys: ClosedRange<Int> = 3...3

  init(_ call: borrowing Call) throws(CommandError) {
    let count = call.arguments.count
    var index = 6
    while index < count {
      switch call.keyword(index) {
      case Keyword("copy"): copies = true
      case Keyword("replace"): replaces = true
      case Keyword("auth"):
        guard index + 1 < count else { throw .syntax }
        index += 1
        password = index
      case Keyword("auth2"):
        guard index + 2 < count else { throw .syntax }
        user = index + 1
        password = index + 2
        index += 2
      case Keyword("keys"):
        guard call.arguments.byteCount(at: 3) == 0 else {
          throw CommandError(
            """
            ERR When using MIGRATE KEYS option, the key argument must be set to the empty string
            """)
        }
        guard index + 1 < count else { throw .syntax }
        keys = (index + 1)...(count - 1)
        index = count
      default: throw .syntax
      }
      index += 1
    }
    timeout = try call.integer(5)
    database = try call.integer(4)
    if timeout <= 0 { timeout = 1000 }
    port = UInt16(clamping: DecimalText.parse(call.arguments[2]) ?? 0)
  }

  /// Sends the keys over a connection and waits for the replies.
  func send(
    _ indexes: [Int], over link: MigrationConnections.Link, _ call: borrowing Call
  ) -> MigrationOutcome {
    var outcome = MigrationOutcome()
    var request = CommandWriter()
    let preamble = writePreamble(to: &request, selected: link.database, call)
    for index in indexes { writeRestore(of: index, to: &request, call) }
    do throws(SystemError) {
      try link.connection.send(request.bytes, timeoutMilliseconds: timeout)
    } catch {
      return outcome
    }
    outcome.isSent = true
    var replies = MigrationReplies(link.connection, timeout: timeout)
    for _ in 0..<preamble { if let text = replies.error() { outcome.note(text) } }
    let isRefused = outcome.complaint != nil
    for index in indexes where replies.isAlive {
      if let text = replies.error() {
        outcome.note(text)
      } else if replies.isAlive, !isRefused {
        outcome.moved.append(index)
      }
    }
    outcome.isAlive = replies.isAlive
    outcome.hasReplies = replies.hasAny
    // After a complaint nobody knows what is selected there.
    link.database = outcome.complaint == nil ? database : nil
    return outcome
  }

  /// Writes what comes before the values; returns the number of commands.
  private func writePreamble(
    to request: inout CommandWriter, selected: Int?, _ call: borrowing Call
  ) -> Int {
    var count = 0
    if let password {
      request.begin(argumentCount: user == nil ? 2 : 3)
      request.append("AUTH")
      if let user { request.append(call.arguments[user]) }
      request.append(call.arguments[password])
      count += 1
    }
    if selected != database {
      request.begin(argumentCount: 2)
      request.append("SELECT")
      request.append(integer: database)
      count += 1
    }
    return count
  }

  /// Writes the value of a key that exists.
  private func writeRestore(
    of index: Int, to request: inout CommandWriter, _ call: borrowing Call
  ) {
    let key = call.key(index)
    guard let entry = call.database.find(key) else { return }
    // A deadline that passes just now is one millisecond away.
    let remaining = entry.deadlineIfAny.map { max(1, $0 - call.moment.milliseconds) } ?? 0
    let payload = DumpPayload.make(
      of: entry, compresses: call.server.configuration.rdbCompression)
    request.begin(argumentCount: replaces ? 5 : 4)
    request.append("RESTORE")
    request.append(key.bytes)
    request.append(integer: Int(remaining))
    request.append(payload.rawSpan)
    if replaces { request.append("REPLACE") }
  }
}

/// What came of sending keys to another server.
private struct MigrationOutcome {
  /// Arguments that name keys which the other server has now.
  var moved: [Int] = []
  /// The first error that it replied.
  private(set) var complaint: String?
  /// Whether everything was sent, whether anything came back, and all of it.
  var isSent = false
  var hasReplies = false
  var isAlive = false

  /// True if the other server may never have seen the request.
  var isLostUnheard: Bool { !isAlive && !hasReplies }

  /// Takes note of an error.
  mutating func note(_ text: String) { complaint = complaint ?? text }
}

/// The other server's replies, one after the other.
private struct MigrationReplies {
  private let connection: BlockingConnection
  private let timeout: Int
  private var reader = ReplyReader()
  /// False once nothing more can come.
  private(set) var isAlive = true
  /// Whether anything has come.
  private(set) var hasAny = false

  init(_ connection: BlockingConnection, timeout: Int) {
    self.connection = connection
    self.timeout = timeout
  }

  /// Waits for the next reply; its text if it is an error.
  mutating func error() -> String? {
    while isAlive {
      do throws(ReplyError) {
        if let reply = try reader.next() {
          guard case .error(let text) = reply else { return nil }
          return text
        }
      } catch {
        isAlive = false
        return nil
      }
      let bytes = (try? connection.receive(timeoutMilliseconds: timeout)) ?? []
      if bytes.isEmpty { isAlive = false } else { reader.feed(bytes) }
      hasAny = hasAny || !bytes.isEmpty
    }
    return nil
  }
}
