// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

/// What ZSCAN promises: a member that is there throughout is returned, whatever else happens.
struct SortedSetScanTests {
  /// What happens between two steps of a scan.
  enum Course: CaseIterable {
    /// The set becomes many times as large, or as small again.
    case growing, shrinking
    /// One and then the other, so that the index crosses the same sizes during one scan.
    case swinging
    /// Those that stay change their scores, between leaves and kinds of leaves.
    case rescoring
    /// Leaves and buckets move in memory.
    case compacting
    /// The set is cut at the ends and in the middle by ranges.
    case cutting
  }

  @Test(arguments: Course.allCases, [1, 2, 3] as [UInt64])
  func `A scan meets every member that stays`(course: Course, seed: UInt64) {
    let allocator = Allocator.create()
    do {
      let watched = ScannedSet(in: allocator, seed: seed)
      watched.add(course == .shrinking || course == .cutting ? 6000 : course == .growing ? 0 : 800)
      for number in 0..<300 + Int(seed) * 90 { watched.addStaying(number) }
      // From the first round's end on the set is as the round before left it.
      for round in 0..<3 {
        let missed = watched.missedByScan { step in
          switch course {
          // A scan of a set that grows faster than it is scanned has no end.
          case .growing: if step < 150 { watched.add(40) }
          case .shrinking: watched.remove(40)
          case .swinging: step / 25 % 2 == 0 ? watched.add(90) : watched.remove(90)
          case .rescoring: watched.rescore(30)
          case .compacting: watched.compact(3)
          case .cutting: watched.cut()
          }
        }
        #expect(missed.isEmpty, "\(course) seed \(seed) round \(round)")
        watched.set.checkInvariants()
      }
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }
}

/// A set with members that stay and others that come and go.
private final class ScannedSet {
  private let allocator: Allocator
  var set: SortedSet
  private var generator: RandomGenerator
  private var staying = Set<[UInt8]>()
  private var others: [[UInt8]] = []
  private var added = 0
  private var compactionCursor: UInt64 = 0

  init(in allocator: Allocator, seed: UInt64) {
    self.allocator = allocator
    set = SortedSet(allocator: allocator, seed: SortedModel.seed)
    generator = RandomGenerator(seed: seed)
  }

  /// Members of one and of many lengths, some with blocks of their own.
  private func member(_ number: Int, _ prefix: String) -> [UInt8] {
    Array("\(prefix)\(number)".utf8)
      + [UInt8](repeating: 0, count: number % 7 == 0 ? number % 150 : 0)
  }

  private func insert(_ member: [UInt8]) {
    let score = Double(generator.next(below: 5000)) / (added % 3 == 0 ? 3 : 1)
    set.insert(member.octets, hash: SortedModel.hash(member), score: score)
  }

  func addStaying(_ number: Int) {
    let member = member(number, "stays")
    staying.insert(member)
    insert(member)
  }

  func add(_ number: Int) {
    for _ in 0..<number {
      others.append(member(added, "goes"))
      added += 1
      insert(others[others.count - 1])
    }
  }

  func remove(_ number: Int) {
    for _ in 0..<min(number, others.count) {
      let index = generator.next(below: others.count)
      others.swapAt(index, others.count - 1)
      let member = others.removeLast()
      let isRemoved = set.remove(member.octets, hash: SortedModel.hash(member))
      #expect(isRemoved)
    }
  }

  func rescore(_ number: Int) {
    for _ in 0..<number {
      guard let element = set.random(using: &generator) else { return }
      let score = HostileScores.anything.draw(&generator)
      set.update(element, to: score)
    }
  }

  /// Steps of compaction, and now and then members that make slabs sparse.
  func compact(_ steps: Int) {
    for _ in 0..<steps {
      if compactionCursor == 0 {
        allocator.endCompaction()
        others.count < 2000 ? add(900) : remove(800)
        _ = allocator.beginCompaction(threshold: 0.999)
      }
      compactionCursor = set.leaveSparseSlabs(compactionCursor)
    }
  }

  /// Removes ranges of ranks; members that stay among them come back before the next step, which
  /// they may do with another place in leaf and index.
  func cut() {
    var taken: [[UInt8]] = []
    let start = generator.next(below: set.count)
    set.removeRange(start..<start + 25) { member, _ in taken.append(member.copied) }
    set.removeLast(15) { member, _ in taken.append(member.copied) }
    let gone = Set(taken)
    others.removeAll { gone.contains($0) }
    for member in taken where staying.contains(member) { insert(member) }
  }

  /// Scans the whole set; the members that stay and weren't met.
  func missedByScan(_ change: (Int) -> Void) -> Set<[UInt8]> {
    var missed = staying
    var cursor: UInt64 = 0
    var step = 0
    repeat {
      cursor = set.scan(cursor) { missed.remove($0.member.copied) }
      change(step)
      step += 1
    } while cursor != 0 && step < 20_000
    #expect(cursor == 0, "a scan without end")
    return missed
  }
}
