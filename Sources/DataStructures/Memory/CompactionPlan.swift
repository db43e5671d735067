// SPDX-License-Identifier: Apache-2.0

/// A marking under way: how full the slabs of each class are, and then which of them stay.
@safe
struct CompactionPlan {
  /// Slabs of one class with about the same occupancy.
  struct Bin {
    /// Number of slabs.
    var slabs: Int
    /// Number of blocks in use in them.
    var live: Int
    /// Number of blocks that fit into them.
    var capacity: Int
    /// How many of these slabs stay; the others are emptied.
    var kept: Int
  }

  /// The class of slabs with runs, whatever list they are in.
  static var runClass: Int { Allocator.classCount }

  /// Degrees of occupancy that are told apart; the last one is for full slabs.
  static var degrees: Int { 17 }

  /// The chunk to look at next.
  var cursor: UnsafeMutablePointer<ChunkRecord>?
  /// Whether the second pass has begun.
  var isMarking: Bool
  /// `degrees` bins for each size class, and for slabs with runs.
  let bins: UnsafeMutablePointer<Bin>

  /// A plan that has seen nothing yet.
  static func make(
    startingWith chunk: UnsafeMutablePointer<ChunkRecord>?
  ) -> UnsafeMutablePointer<CompactionPlan> {
    let binCount = (runClass + 1) * degrees
    let bins = UnsafeMutablePointer<Bin>.allocate(capacity: binCount)
    unsafe bins.initialize(
      repeating: Bin(slabs: 0, live: 0, capacity: 0, kept: 0), count: binCount)
    let plan = UnsafeMutablePointer<CompactionPlan>.allocate(capacity: 1)
    unsafe plan.initialize(to: CompactionPlan(cursor: chunk, isMarking: false, bins: bins))
    return unsafe plan
  }

  /// A chunk goes away: the walk must not step on it.
  mutating func forget(_ chunk: UnsafeMutablePointer<ChunkRecord>) {
    if unsafe cursor == chunk { unsafe cursor = unsafe chunk.pointee.next }
  }

  /// The bin of a slab of class `units` with `live` of `capacity` blocks in use.
  private func bin(live: Int, capacity: Int, _ units: Int) -> UnsafeMutablePointer<Bin> {
    let degree = live * (CompactionPlan.degrees - 1) / capacity
    return unsafe bins + (min(units, CompactionPlan.runClass) * CompactionPlan.degrees + degree)
  }

  /// Counts one slab.
  func add(live: Int, capacity: Int, _ units: Int) {
    let bin = unsafe bin(live: live, capacity: capacity, units)
    unsafe bin.pointee.slabs += 1
    unsafe bin.pointee.live += live
    unsafe bin.pointee.capacity += capacity
  }

  /// Decides for each class which slabs stay: the fullest ones with room for all its blocks.
  func decide(threshold: Double) {
    for units in 1...CompactionPlan.runClass {
      let first = unsafe bins + units * CompactionPlan.degrees
      var live = 0
      var capacity = 0
      for degree in 0..<CompactionPlan.degrees {
        live += unsafe first[degree].live
        capacity += unsafe first[degree].capacity
        unsafe first[degree].kept = unsafe first[degree].slabs
      }
      guard Double(live) < threshold * Double(capacity) else { continue }
      if units == CompactionPlan.runClass {
        unsafe decideOnRuns(first)
        continue
      }
      var homeless = live
      for degree in (0..<CompactionPlan.degrees).reversed() {
        let bin = unsafe first[degree]
        guard bin.slabs > 0 else { continue }
        let needed = (homeless * bin.slabs + bin.capacity - 1) / bin.capacity
        unsafe first[degree].kept = min(max(needed, 0), bin.slabs)
        homeless -= unsafe first[degree].kept * bin.capacity / bin.slabs
        homeless = max(homeless, 0)
      }
    }
  }

  /// Decides which slabs with runs stay: all but the emptiest quarter, as their runs seldom fit
  /// into the others' holes and rather go to new slabs, and none of the full ones goes.
  private func decideOnRuns(_ first: UnsafeMutablePointer<Bin>) {
    var slabs = 0
    for degree in 0..<CompactionPlan.degrees { slabs += unsafe first[degree].slabs }
    var emptied = (slabs + 3) / 4
    for degree in 0..<CompactionPlan.degrees - 2 {
      let number = unsafe min(emptied, first[degree].slabs)
      unsafe first[degree].kept -= number
      emptied -= number
    }
  }

  /// Whether to empty this slab; to be asked once per slab, as each yes or no uses up a place.
  func isToBeEmptied(live: Int, capacity: Int, _ units: Int) -> Bool {
    let bin = unsafe bin(live: live, capacity: capacity, units)
    if unsafe bin.pointee.kept > 0 {
      unsafe bin.pointee.kept -= 1
      return false
    }
    return true
  }
}
