// SPDX-License-Identifier: Apache-2.0

/// What clients asked of one server, what they heard, and when.
///
/// Values are numbers that no other operation writes: what is read tells who wrote it.
struct History {
  /// What a client asks for.
  enum Action: Hashable {
    /// SET
    case write(key: Int, value: Int)
    /// GET
    case read(key: Int)
    /// RPUSH
    case append(key: Int, value: Int)
    /// LRANGE 0 -1
    case readList(key: Int)
    /// SAVE, or the end of the server by SIGTERM.
    case save
    /// BGREWRITEAOF
    case rewrite
  }

  /// What came of it.
  enum Outcome: Hashable {
    /// It was done; what was read, nothing for a key that is not there.
    case done([Int])
    /// It was refused and has had no effect.
    case failed
    /// Nobody knows: the connection ended or the client gave up first.
    case unknown
  }

  /// One request.
  struct Operation: Hashable {
    let client: Int
    let action: Action
    /// When it was sent, and when its outcome was known; nanoseconds.
    let start: Int64
    var end: Int64
    var outcome: Outcome
    /// How often the server had been started before.
    fileprivate(set) var life: Int

    /// Up to when it may still take effect: what nobody has answered may do so at any time.
    var latest: Int64 { outcome == .unknown ? .max : end }

    /// Whether it may have had an effect.
    var isPossible: Bool { outcome != .failed }

    /// Whether it was acknowledged.
    var isDone: Bool { if case .done = outcome { true } else { false } }

    /// What was read, if it was acknowledged.
    var result: [Int]? { if case .done(let result) = outcome { result } else { nil } }
  }

  private(set) var operations: [Operation] = []
  /// The moments at which the server died, one per life that ended.
  private(set) var deaths: [Int64] = []

  /// How often the server was started and has ended.
  var lifeCount: Int { deaths.count + 1 }

  /// Notes a request that has its outcome.
  mutating func add(_ operation: Operation) { operations.append(operation) }

  /// Notes the end of a life.
  mutating func addDeath(at moment: Int64) { deaths.append(moment) }

  /// Moves requests that nobody has answered, and that began behind the end of their life, to
  /// another one.
  mutating func moveStragglers(to next: (_ life: Int) -> Int?) {
    for index in operations.indices where operations[index].outcome == .unknown {
      let life = operations[index].life
      guard life < deaths.count, operations[index].start > deaths[life], let other = next(life)
      else { continue }
      operations[index].life = other
    }
  }

  /// All keys of strings, or of lists, sorted.
  func keys(ofLists: Bool) -> [Int] {
    var keys: Set<Int> = []
    for operation in operations {
      switch operation.action {
      case .write(let key, _), .read(let key): if !ofLists { keys.insert(key) }
      case .append(let key, _), .readList(let key): if ofLists { keys.insert(key) }
      case .save, .rewrite: break
      }
    }
    return keys.sorted()
  }
}

/// What is wrong with a history.
struct HistoryFault: Error, Hashable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// What a server promises about acknowledged writes when its machine loses power.
enum HistoryPromise {
  /// They are all there (`appendfsync always`, or no crash).
  case everything
  /// Those that were acknowledged so long before (`appendfsync everysec`); the others are there
  /// up to some point, in their order.
  case olderThan(nanoseconds: Int64)
  /// Those of the last SAVE that was acknowledged, or of one that was under way later.
  case saved
}
