// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What a follower and its leader say to each other before PSYNC: a pure state machine, from lines
/// to what is to be done.
///
///     PING                                       +PONG, or an error that asks for a password
///     AUTH, REPLCONF listening-port, ...         one line each
///     PSYNC
struct LeaderGreeting {
  /// What the follower tells about itself.
  struct Introduction: Equatable {
    var user = ByteText()
    var password = ByteText()
    var port = 0
    /// The address at which others reach it; empty if it is where the connection comes from.
    var address = ByteText()
    var version = ByteText()
  }

  enum Outcome: Equatable {
    /// More lines are to come.
    case wait
    /// To be sent, in this order.
    case send([[ByteText]])
    /// All is said: PSYNC may be sent.
    case complete
    /// The leader doesn't want this follower.
    case refusal(Refusal)
  }

  /// Why a leader doesn't want this follower.
  struct Refusal: Equatable {
    let reason: ByteText
    /// What helps; nil if nobody knows.
    var remedy: String?
  }

  private enum Question {
    case ping, authentication
    case about(ByteText)
  }

  private let introduction: Introduction
  /// Questions without an answer.
  private var open: [Question] = [.ping]
  /// What the leader didn't understand, though nothing depends on it.
  private var remarks: [ByteText] = []

  init(_ introduction: Introduction) { self.introduction = introduction }

  /// Remarks that were not taken yet.
  mutating func takeRemarks() -> [ByteText] {
    defer { remarks = [] }
    return remarks
  }

  /// Whether the leader has said nothing yet.
  var isUnanswered: Bool {
    if case .ping? = open.first { true } else { false }
  }

  /// What is said first.
  static let beginning: [[ByteText]] = [["PING"]]

  /// The leader has said something, which is not empty.
  mutating func receive(_ line: ByteText) -> Outcome {
    guard !open.isEmpty else { return Self.refusal("Unexpected reply from MASTER: '\(line)'") }
    let isError = line.bytes.first == UInt8(ascii: "-")
    switch open.removeFirst() {
    case .ping:
      let isReply = line.bytes.first == UInt8(ascii: "+")
      if !isReply, !LeaderGreeting.asksForPassword(line) {
        return Self.refusal("Error reply to PING from master: '\(line)'")
      }
      return introduce()
    case .authentication:
      if isError {
        return Self.refusal("Unable to AUTH to MASTER: \(line)", Self.remedyForPassword(line))
      }
    case .about(let what):
      if isError {
        remarks.append("(Non critical) Master does not understand REPLCONF \(what): \(line)")
      }
    }
    return open.isEmpty ? .complete : .wait
  }

  private static func refusal(_ reason: ByteText, _ remedy: String? = nil) -> Outcome {
    .refusal(Refusal(reason: reason, remedy: remedy))
  }

  /// What helps when a leader has answered this to AUTH.
  private static func remedyForPassword(_ line: ByteText) -> String {
    line.logText.contains("without any password")
      ? "the leader has no password: set 'requirepass' there, or remove 'masterauth' here."
      : "'masterauth', and 'masteruser' if it isn't the default one, must be those of a user of the"
        + " leader who may do +psync +replconf +ping."
  }

  private static func asksForPassword(_ line: ByteText) -> Bool {
    let beginnings: [ByteText] = ["-NOAUTH", "-NOPERM", "-ERR operation not permitted"]
    return beginnings.contains { line.bytes.starts(with: $0.bytes) }
  }

  private mutating func introduce() -> Outcome {
    var commands: [[ByteText]] = []
    if !introduction.password.isEmpty {
      open.append(.authentication)
      commands.append(
        introduction.user.isEmpty
          ? ["AUTH", introduction.password]
          : ["AUTH", introduction.user, introduction.password])
    }
    func tell(_ name: ByteText, _ words: [ByteText]) {
      open.append(.about(name))
      commands.append(["REPLCONF"] + words)
    }
    tell("listening-port", ["listening-port", "\(introduction.port)"])
    if !introduction.address.isEmpty { tell("ip-address", ["ip-address", introduction.address]) }
    tell("capa", ["capa", "eof", "capa", "psync2", "capa", "memd-verify"])
    tell("version", ["version", introduction.version])
    return .send(commands)
  }
}

/// What a leader answers to PSYNC.
enum PartialSyncAnswer: Equatable {
  /// The whole dataset follows; the stream goes on behind it at an offset of a history.
  case full(id: ByteText, offset: Int)
  /// The stream follows, of a history that may have another name now.
  case resume(id: ByteText?)
  /// Not now.
  case later(ByteText)
  case refused(ByteText)

  init(_ line: ByteText) {
    let words = line.bytes.split(separator: UInt8(ascii: " ")).map { ByteText($0) }
    let id = words.count > 1 && ReplicationStream.isID(words[1]) ? words[1] : nil
    if words.first == "+FULLRESYNC", words.count == 3, let id, let offset = words[2].integer(),
      0...ReplicationStream.offsetMax ~= offset
    {
      self = .full(id: id, offset: offset)
    } else if words.first == "+CONTINUE", words.count == 1 || id != nil {
      self = .resume(id: id)
    } else if words.first == "-NOMASTERLINK" || words.first == "-LOADING" {
      self = .later(line)
    } else {
      self = .refused(line)
    }
  }
}

extension PartialSyncAnswer {
  /// What it means while the leader is to take over.
  var toFailover: Failover.Answer {
    switch self {
    case .full: .wholeDataset
    case .resume: .resumption
    case .later: .later
    case .refused(let line): .refusal(line)
    }
  }
}
