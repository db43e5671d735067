// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

/// Histories of one key: `w3[10,20]` writes 3, `r3[25,30]` reads it, `r-[..]` reads nothing, `p3`
/// and `l1.2.3` push and read a list, `s` saves, `x[50]` is a death. `?` behind an action: nobody
/// knows, `!`: it failed.
private func history(_ text: String) -> History {
  var history = History()
  for word in text.split(separator: " ") {
    let parts = word.dropLast().split(separator: "[")
    let times = parts[1].split(separator: ",").compactMap { Int64($0) }
    if parts[0] == "x" {
      history.addDeath(at: times[0])
      continue
    }
    let mark = parts[0].last
    let body = mark == "?" || mark == "!" ? parts[0].dropLast() : parts[0]
    let numbers = body.dropFirst().split(separator: ".").compactMap { Int($0) }
    let action: History.Action? =
      switch body.first {
      case "w": .write(key: 0, value: numbers[0])
      case "r": .read(key: 0)
      case "p": .append(key: 0, value: numbers[0])
      case "l": .readList(key: 0)
      case "s": .save
      default: nil
      }
    guard let action else { continue }
    let isReading = body.first == "r" || body.first == "l"
    history.add(
      History.Operation(
        client: 0, action: action, start: times[0], end: times[1],
        outcome: mark == "?" ? .unknown : mark == "!" ? .failed : .done(isReading ? numbers : []),
        life: history.deaths.count))
  }
  return history
}

@Suite struct HistoryCheckerTests {
  @Test(arguments: [
    "w1[10,20] r1[30,40] w2[50,60] r2[70,80]",
    // Concurrent operations may come in either order.
    "r-[5,9] w1[10,40] r-[12,20] r1[21,30] r1[31,50]",
    "w1[10,40] w2[15,35] r1[50,60] r1[61,70]", "w1[10,40] w2[15,35] r2[50,60]",
    // What nobody knows may have happened, or not, or much later.
    "w1[10,20] w2?[15,25] r1[30,40] r2[50,60]",
    "w1[10,20] w2?[15,25] r1[30,40] w3[41,50] r3[51,60]",
    "w1![10,20] r-[30,40]",
  ])
  func `a string's history that is linearizable is accepted`(text: String) {
    #expect(HistoryChecker.fault(in: history(text)) == nil)
  }

  @Test(arguments: [
    // A stale read, in one client's order and in that of two.
    "w1[10,20] w2[30,40] r1[50,60]", "w1[10,20] w2?[30,40] r2[50,60] r1[70,80]",
    "w1[10,20] r-[30,40]",
    // A lost update.
    "w1[10,20] w2[30,40] r2[45,50] r1[55,60]", "w1[10,40] w2[15,35] r1[50,60] r2[61,70]",
    "w1[10,40] w2[15,35] r1[50,60] r2[61,70] r1[71,80]",
    // Nobody wrote it, it failed, or it comes later.
    "w1[10,20] r7[30,40]", "w1![10,20] r1[30,40]", "r1[1,5] w1[10,20]",
    // It came and went inside of another's time.
    "w1[10,20] r1[21,25] w2[30,40] w3[45,50] r2[55,60]", "w1[0,5] r1[40,50] w2[20,30]",
  ])
  func `a string's history that is not linearizable is refused`(text: String) {
    #expect(HistoryChecker.fault(in: history(text)) != nil)
  }

  @Test(arguments: [
    "p1[10,20] l1[30,40] p2[50,60] l1.2[70,80]", "p1[10,30] p2[15,25] l2.1[40,50]",
    "l[5,8] p1[10,40] l[12,20] l1[21,30]", "p1?[10,20] p2[30,40] l2[50,60] l2.1[70,80]",
    "p1![10,20] l[30,40]",
  ])
  func `a list's history that is linearizable is accepted`(text: String) {
    #expect(HistoryChecker.fault(in: history(text)) == nil)
  }

  @Test(arguments: [
    // Lost, twice, in another order, changed later.
    "p1[10,20] p2[30,40] l2[50,60]", "p1[10,20] l[30,40]", "p1[10,20] l1.1[30,40]",
    "p1[10,20] p2[30,40] l2.1[50,60]", "p1[10,30] p2[15,25] l1.2[40,50] l2.1[60,70]",
    // Stale: shorter than before, or than what was acknowledged.
    "p1[10,20] p2?[30,99] l1.2[40,50] l1[60,70]", "p1[10,20] p2[30,40] l1[45,50] l1.2[60,70]",
    // From nowhere, from the future, from a failure; one in the middle.
    "p1[10,20] l7.1[30,40]", "p1[10,20] l1.7[30,40]", "l1[1,5] p1[10,20]",
    "p1![10,20] l1[30,40]", "p1[1,2] p2[3,4] p3[5,6] l1.3.2[7,8]",
  ])
  func `a list's history that is not linearizable is refused`(text: String) {
    #expect(HistoryChecker.fault(in: history(text)) != nil)
  }

  @Test func `an acknowledged write is there after a crash if that is promised`() {
    let strings = [
      ("w1[10,20] w2[30,40] x[50] r2[60,70]", true),
      ("w1[10,20] w2[30,40] x[50] r1[60,70]", false),
      ("w1[10,20] w2?[30,50] x[50] r1[60,70]", true),
      ("w1[10,20] w2?[30,50] x[50] r2[60,70]", true),
      ("w1[10,20] w2[30,40] r2[41,45] x[50] r-[60,70]", false),
      // Nothing was read in between.
      ("w1[10,20] x[50] x[60] r1[70,80]", true), ("w1[10,20] x[50] x[60] r-[70,80]", false),
      ("w1[10,20] x[50] x[60] r3[70,80]", false),
      ("p1[10,20] p2[30,40] x[50] p3[60,70] l1.2.3[80,90]", true),
      ("p1[10,20] p2[30,40] x[50] p3[60,70] l1.3[80,90]", false),
      ("p1[10,20] p2[30,40] x[50] p3[60,70] l2.1.3[80,90]", false),
      ("p1[10,20] p2?[30,40] l1.2[41,42] x[50] l1[80,90]", false),
    ]
    for (text, isGood) in strings {
      #expect((HistoryChecker.fault(in: history(text)) == nil) == isGood, "\(text)")
    }
  }

  @Test func `a snapshot promises what was there when it was taken, and one instant for all`() {
    for (text, isGood) in [
      ("w1[10,20] s[25,30] w2[35,40] x[50] r1[60,70]", true),
      ("w1[10,20] s[25,30] w2[35,40] x[50] r2[60,70]", false),
      ("w1[10,20] s[25,30] w2[35,40] x[50] r-[60,70]", false),
      // A snapshot that was under way, or failed late, may be the one; none is none.
      ("w1[10,20] s[25,30] w2[35,40] s?[41,50] x[50] r2[60,70]", true),
      ("w1[10,20] s[25,30] w2[35,40] s![41,45] x[50] r2[60,70]", true),
      ("w1[10,20] s?[25,50] x[50] r-[60,70]", true), ("w1[10,20] x[50] r1[60,70]", false),
      // The second life saved nothing: the first one's snapshot is there again.
      ("w1[10,20] s[25,30] x[50] w2[55,60] x[70] r1[80,90]", true),
      ("w1[10,20] s[25,30] x[50] w2[55,60] x[70] r2[80,90]", false),
      ("p1[10,20] s[25,30] p2[35,40] x[50] p3[60,70] l1.3[80,90]", true),
      ("p1[10,20] s[25,30] p2[35,40] x[50] p3[60,70] l3[80,90]", false),
      // The string is of the first snapshot, the list of the second.
      ("w1[1,2] p2[3,4] s[5,6] w3[7,8] p4[9,10] s?[11,50] x[50] r1[60,61] l2[62,63]", true),
      ("w1[1,2] p2[3,4] s[5,6] w3[7,8] p4[9,10] s?[11,50] x[50] r3[60,61] l2.4[62,63]", true),
      ("w1[1,2] p2[3,4] s[5,6] w3[7,8] p4[9,10] s?[11,50] x[50] r1[60,61] l2.4[62,63]", false),
    ] {
      let fault = HistoryChecker.fault(in: history(text), promise: .saved)
      #expect((fault == nil) == isGood, "\(text): \(fault?.description ?? "accepted")")
    }
  }

  @Test func `a promise with a delay allows the newest writes to be lost, in their order`() {
    for (text, isGood) in [
      ("p1[10,20] p2[30,40] p3[45,50] x[60] l1.2[70,80]", true),
      ("p1[10,20] p2[30,40] p3[45,50] x[60] l1.2.3[70,80]", true),
      ("p1[10,20] p2[30,40] p3[45,50] x[60] l1.3[70,80]", false),
      ("p1[10,20] p2[30,40] p3[45,50] x[60] l[70,80]", false),
    ] {
      let fault = HistoryChecker.fault(in: history(text), promise: .olderThan(nanoseconds: 30))
      #expect((fault == nil) == isGood, "\(text)")
    }
  }

  /// Histories of a register that really is one, with operations that overlap.
  private func generated(_ count: Int, seed: UInt64, isFaulty: Bool) -> History {
    var random = SeededGenerator(seed: seed)
    var history = History()
    var value: Int?
    var list: [Int] = []
    let wrong = isFaulty ? count / 2 : .max
    for number in 0..<count {
      // Each takes effect at its own moment, and began and ended around it.
      let moment = Int64(number) * 10
      let start = moment - random.number(in: 0...100)
      let end = moment + random.number(in: 0...100)
      var outcome = History.Outcome.done([])
      let action: History.Action
      switch random.number(in: 0...3) {
      case 0:
        action = .write(key: 0, value: number)
        value = number
      case 1:
        action = .append(key: 1, value: number)
        list.append(number)
      case 2:
        action = .read(key: 0)
        outcome = .done(value.map { [$0] } ?? [])
      default:
        action = .readList(key: 1)
        outcome = .done(list)
      }
      if number == wrong { list.removeLast(min(3, list.count)) }
      history.add(
        History.Operation(
          client: number % 20, action: action, start: start, end: end, outcome: outcome, life: 0))
    }
    return history
  }

  @Test func `thousands of operations are checked, and one mistake among them is found`() {
    for seed in 1...3 as ClosedRange<UInt64> {
      let good = generated(6000, seed: seed, isFaulty: false)
      #expect(HistoryChecker.fault(in: good) == nil)
      #expect(HistoryChecker.fault(in: generated(6000, seed: seed, isFaulty: true)) != nil)
    }
  }
}
