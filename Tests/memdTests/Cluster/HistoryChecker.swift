// SPDX-License-Identifier: Apache-2.0

/// Whether a history is one that a server may have: every life of it linearizable, and every life
/// begun with what the one before had at an instant that the promise allows.
struct HistoryChecker {
  private let history: History
  private let promise: HistoryPromise
  private let lives: [[History.Operation]]

  private init(_ history: History, _ promise: HistoryPromise) {
    self.history = history
    self.promise = promise
    var lives = [[History.Operation]](repeating: [], count: history.lifeCount)
    for operation in history.operations { lives[operation.life].append(operation) }
    self.lives = lives
  }

  /// The first fault that is found; nil for a good history.
  static func fault(in history: History, promise: HistoryPromise = .everything) -> HistoryFault? {
    do throws(HistoryFault) {
      try HistoryChecker(history, promise).check()
      return nil
    } catch {
      return error
    }
  }

  private func check() throws(HistoryFault) {
    var cuts: [[Cut]] = []
    for life in 0..<lives.count - 1 { cuts.append(self.cuts(of: life)) }
    for key in history.keys(ofLists: false) { try checkString(key, &cuts) }
    for key in history.keys(ofLists: true) { try checkList(key, &cuts) }
  }

  // MARK: - What may be left of a life

  /// The instants in one of which the state was taken that was there after a death; nil for the
  /// state with which the life had begun.
  private typealias Cut = ClosedRange<Int64>?

  private func cuts(of life: Int) -> [Cut] {
    let death = history.deaths[life]
    switch promise {
    case .everything: return [death...death]
    case .olderThan(let nanoseconds): return [death &- nanoseconds...death]
    case .saved:
      let saves = lives[life].filter { $0.action == .save }
      let kept = saves.last { $0.isDone }
      // One that failed may have left its file all the same.
      let others = saves.filter { !$0.isDone && $0.end >= kept?.start ?? .min }
      var cuts: [Cut] = others.map { $0.start...max($0.start, death) }
      cuts.append(kept.map { $0.start...$0.end })
      return cuts
    }
  }

  /// Keeps the cuts that fit what was left of a key; without any there is a fault.
  private func narrow<Left>(
    _ cuts: inout [Cut], to left: Left, _ check: (Cut) throws(HistoryFault) -> Void
  ) throws(HistoryFault) {
    var allowed: [Cut] = []
    var fault = HistoryFault("there is no cut")
    for cut in cuts {
      do throws(HistoryFault) {
        try check(cut)
        allowed.append(cut)
      } catch { fault = error }
    }
    if allowed.isEmpty {
      throw HistoryFault("\(left) was there after the crash, which was not kept: \(fault)")
    }
    // All keys are of the same instant.
    cuts = allowed
  }

  /// What is left of a life as if somebody had read it at the cut.
  private func reading(
    _ action: History.Action, of life: Int, at cut: Cut, _ result: [Int]
  ) -> History.Operation {
    History.Operation(
      client: -1, action: action, start: cut?.lowerBound ?? .min, end: cut?.upperBound ?? .min,
      outcome: .done(result), life: life)
  }

  // MARK: - Keys

  private func checkString(_ key: Int, _ cuts: inout [[Cut]]) throws(HistoryFault) {
    // What the life behind began with, if that shows.
    var left: Int??
    for life in lives.indices.reversed() {
      let own = lives[life].filter { $0.isAbout(string: key) }
      let name = "string \(key), life \(life)"
      func check(_ operations: [History.Operation]) throws(HistoryFault) -> Int?? {
        let initial = life == 0 ? .some(nil) : Self.initial(of: operations)
        try RegisterChecker(operations: operations, initial: initial ?? nil, name: name).check()
        return initial
      }
      guard let value = left else {
        left = try check(own)
        continue
      }
      let text = value.map(String.init) ?? "nothing"
      try narrow(&cuts[life], to: "\(name): \(text)") { cut throws(HistoryFault) in
        let virtual = reading(.read(key: key), of: life, at: cut, value.map { [$0] } ?? [])
        left = try check(own + [virtual])
      }
    }
  }

  /// What was read and not written in a life was there before; nil if there is no such reading.
  private static func initial(of operations: [History.Operation]) -> Int?? {
    var written: Set<Int> = []
    for operation in operations where operation.isPossible {
      if case .write(_, let value) = operation.action { written.insert(value) }
    }
    for operation in operations {
      guard case .read = operation.action, let result = operation.result else { continue }
      guard let value = result.first else { return .some(nil) }
      if !written.contains(value) { return value }
    }
    return nil
  }

  private func checkList(_ key: Int, _ cuts: inout [[Cut]]) throws(HistoryFault) {
    var left: [Int]?
    for life in lives.indices.reversed() {
      let own = lives[life].filter { $0.isAbout(list: key) }
      let name = "list \(key), life \(life)"
      func check(_ operations: [History.Operation]) throws(HistoryFault) -> [Int]? {
        let initial = try ListChecker(operations: operations, name: name).check()
        if life == 0, let initial, !initial.isEmpty {
          throw HistoryFault("\(name): \(initial.suffix(5)) was there at the beginning")
        }
        return initial
      }
      guard let elements = left else {
        left = try check(own)
        continue
      }
      try narrow(&cuts[life], to: "\(name): \(elements.suffix(5))") { cut throws(HistoryFault) in
        left = try check(own + [reading(.readList(key: key), of: life, at: cut, elements)])
      }
    }
  }
}

extension History.Operation {
  /// Whether it reads or writes a string.
  fileprivate func isAbout(string: Int) -> Bool {
    switch action {
    case .write(let key, _), .read(let key): key == string
    default: false
    }
  }

  /// Whether it reads a list or adds to it.
  fileprivate func isAbout(list: Int) -> Bool {
    switch action {
    case .append(let key, _), .readList(let key): key == list
    default: false
    }
  }
}
