// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// How a follower's key differs from its leader's.
enum KeyDifference: Equatable {
  /// The leader has it, this server doesn't.
  case missing
  /// This server has it, the leader doesn't.
  case extra
  case type(here: Entry.ValueType, there: Entry.ValueType)
  case deadline(here: Int64?, there: Int64?)
  case elementCount(here: Int, there: Int)
  case value

  /// The end of a sentence about the key.
  var text: String {
    func moment(_ deadline: Int64?) -> String { deadline.map { "at \($0)" } ?? "never" }
    return switch self {
    case .missing: "is missing here"
    case .extra: "is here and not at the leader"
    case .type(let here, let there): "is a \(here.name) here and a \(there.name) at the leader"
    case .deadline(let here, let there):
      "expires \(moment(here)) here and \(moment(there)) at the leader"
    case .elementCount(let here, let there):
      "has \(here) elements or bytes here and \(there) at the leader"
    case .value: "has another value than at the leader"
    }
  }
}

extension VerificationMessage.Item {
  /// How the key differs here; nil if it doesn't.
  func difference(in keyspace: Keyspace) -> KeyDifference? {
    let entry = keyspace.entry(of: name)
    guard let state else { return entry == nil ? nil : .extra }
    guard let entry else { return .missing }
    let type = entry.header.type
    guard type == state.type else { return .type(here: type, there: state.type) }
    let deadline = entry.deadlineIfAny
    guard deadline == state.deadline else {
      return .deadline(here: deadline, there: state.deadline)
    }
    let count = ValuePart.elementCount(of: entry)
    guard count == state.elementCount else {
      return .elementCount(here: count, there: state.elementCount)
    }
    return ValueDigest(of: state.part, in: entry).short == state.digest ? nil : .value
  }
}

/// What a follower has found by comparing itself with its leader.
struct VerificationFindings {
  /// What counts since the start, or since CONFIG RESETSTAT.
  struct Counts: Equatable {
    var keysChecked = 0
    /// Each round counts a key that differs once more.
    var keysDiffering = 0
    /// Rounds of which every message has come.
    var rounds = 0

    /// As the leader is told.
    var text: ByteText { "\(keysChecked) \(keysDiffering) \(rounds)" }

    init() {}

    /// Reads what a follower tells; nil if it is nonsense.
    init?(_ text: RawSpan) {
      let numbers = ByteText(text.extracting(first: 64)).partsBetweenBlanks.map { $0.integer() }
      guard numbers.count == 3, let checked = numbers[0], let differing = numbers[1],
        let rounds = numbers[2], min(checked, differing, rounds) >= 0
      else { return nil }
      keysChecked = checked
      keysDiffering = differing
      self.rounds = rounds
    }
  }

  /// Names that are logged in one round; the others wait for the next ones.
  private static let namedPerRoundMax = 20
  /// Differing keys that are remembered, so that each is named once.
  private static let rememberedCountMax = 10_000
  /// Names that are asked for with one report, and their bytes.
  private static let questionCountMax = 100
  private static let questionByteCountMax = 2 << 10
  private static let questionStepsMax = 256

  var counts = Counts()
  /// Of the last complete round: how long it took, and how many keys differed.
  private(set) var lastRoundNanoseconds: Int64?
  private(set) var lastRoundDiffering = 0

  private var lastNumber = 0
  /// When the round under way began; nil if a part of it has not come.
  private var roundStartedAt: Int64?
  private var roundDiffering = 0
  /// The key that differed last: parts of it count once.
  private var lastDiffering: KeyName?

  /// Keys that were named in the log and have differed since in each round, as their hashes.
  private var named: Set<UInt64> = []
  /// Keys that differ in the round under way, as their hashes, and how many of them were named.
  private var differing: Set<UInt64> = []
  private var roundNamed = 0
  /// Whether every message of the round that began last has come.
  private var isRoundWhole = false

  /// Where the search for keys that the leader doesn't have goes on.
  private var search: (database: Int, cursor: UInt64)?
  private var hasSearched = false

  /// Compares what a message says with what is here.
  ///
  /// - Returns: the keys that differ, each once.
  mutating func compare(
    _ message: VerificationMessage, with keyspace: Keyspace, at now: Int64
  ) -> [(KeyName, KeyDifference)] {
    if message.number != lastNumber &+ 1 { roundStartedAt = nil }
    lastNumber = message.number
    if message.beginsRound { beginRound(at: now) }
    var found: [(KeyName, KeyDifference)] = []
    var missesAny = false
    for item in message.items {
      if item.isFirst, item.state != nil { counts.keysChecked += 1 }
      guard let difference = item.difference(in: keyspace) else { continue }
      if difference == .missing { missesAny = true }
      if lastDiffering == item.name { continue }
      lastDiffering = item.name
      counts.keysDiffering += 1
      roundDiffering += 1
      found.append((item.name, difference))
    }
    // As many keys as there, one of which is missing: another one is too many.
    let own = keyspace.keyCount
    if own > message.keyCount || (missesAny && own == message.keyCount), !hasSearched {
      hasSearched = true
      search = (0, 0)
    }
    if message.endsRound { endRound(at: now) }
    return found
  }

  private mutating func beginRound(at now: Int64) {
    roundStartedAt = now
    roundDiffering = 0
    lastDiffering = nil
    // What is as it should be again is named anew if it differs once more.
    if isRoundWhole { named.formIntersection(differing) }
    isRoundWhole = false
    differing = []
    roundNamed = 0
    if search == nil { hasSearched = false }
  }

  private mutating func endRound(at now: Int64) {
    guard let start = roundStartedAt else { return }
    roundStartedAt = nil
    counts.rounds += 1
    lastRoundNanoseconds = now - start
    lastRoundDiffering = roundDiffering
    isRoundWhole = true
  }

  /// The keys among those found that are to be named in the log: each once for as long as it
  /// differs, and so many in a round.
  mutating func choose(
    _ found: [(KeyName, KeyDifference)]
  ) -> [(KeyName, KeyDifference)] {
    found.filter { name, _ in
      let hash = XXH3.hash64(name.key.rawSpan) &+ UInt64(bitPattern: Int64(name.database))
      if differing.count < Self.rememberedCountMax { differing.insert(hash) }
      guard !named.contains(hash), roundNamed < Self.namedPerRoundMax else { return false }
      roundNamed += 1
      if named.count < Self.rememberedCountMax { named.insert(hash) }
      return true
    }
  }

  /// What is to be said at the end of a round; nil if nothing differs, or if a part has not come.
  var roundText: String? {
    guard isRoundWhole, lastRoundDiffering > 0 else { return nil }
    let unnamed = lastRoundDiffering - named.intersection(differing).count
    return "Verification: \(lastRoundDiffering) keys differ from the leader's"
      + (unnamed > 0 ? "; \(unnamed) of them have not been named yet" : "")
  }

  /// Names of keys here that the leader is to be asked for; none while nothing is searched for.
  mutating func nextQuestions(in keyspace: Keyspace) -> [KeyName] {
    var names: [KeyName] = []
    var byteCount = 0
    var steps = 0
    while let (number, cursor) = search, names.count < VerificationFindings.questionCountMax,
      byteCount < VerificationFindings.questionByteCountMax,
      steps < VerificationFindings.questionStepsMax
    {
      guard let database = keyspace.database(number) else {
        search = nil
        break
      }
      steps += 1
      let next = database.keys.scan(cursor) { entry in
        guard entry.key.byteCount <= KeyName.byteCountMax else { return }
        names.append(KeyName(database: number, key: ByteText(entry.key)))
        byteCount += entry.key.byteCount
      }
      search = next == 0 ? (number + 1, 0) : (number, next)
    }
    return names
  }
}
