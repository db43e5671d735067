// SPDX-License-Identifier: Apache-2.0

// Changing a register of a sparse sketch splits the run that it lies in, at most into three. The
// order of splitting and merging is Redis's, so that equal elements give equal bytes.

extension HyperLogLog {
  /// Some neighbouring registers with one value.
  struct SparseRun {
    /// What all of them are; 0 for ZERO and XZERO.
    let value: UInt8
    /// Number of registers.
    let length: Int
    /// Bytes that the run takes, 1 or 2.
    let byteCount: Int
  }

  /// The run at `offset`, which lies inside; a second byte behind the end counts as zero.
  func sparseRun(at offset: Int) -> SparseRun {
    HyperLogLog.sparseRun(bytes, at: offset)
  }

  static func sparseRun(_ bytes: RawSpan, at offset: Int) -> SparseRun {
    let byte = bytes.octet(at: offset)
    if byte & 0x80 != 0 {
      return SparseRun(value: byte >> 2 & 31 &+ 1, length: Int(byte & 3) &+ 1, byteCount: 1)
    }
    if byte & 0x40 == 0 { return SparseRun(value: 0, length: Int(byte & 63) &+ 1, byteCount: 1) }
    let low = offset &+ 1 < bytes.byteCount ? bytes.octet(at: offset &+ 1) : 0
    return SparseRun(value: 0, length: (Int(byte & 63) << 8 | Int(low)) &+ 1, byteCount: 2)
  }

  /// What adding an element does to a sparse sketch.
  public enum SparseChange: Sendable {
    /// The register is as large already.
    case none
    /// Some bytes are replaced by others.
    case splice(SparseSplice)
    /// The sketch must become dense first.
    case promotion
    /// The runs end before the register.
    case corruption
  }

  /// The runs that replace one run.
  public struct SparseSplice: Sendable {
    /// Where the old run stands, and how many bytes it takes.
    let offset: Int
    let oldByteCount: Int
    /// The new runs, the first byte lowest: at most five bytes.
    fileprivate(set) var runs: UInt64 = 0
    fileprivate(set) var byteCount = 0
    /// Where the run in front stands, from which on equal runs are merged.
    let previous: Int

    /// How much longer the sketch gets before equal runs are merged.
    public var growth: Int { byteCount &- oldByteCount }

    fileprivate init(offset: Int, oldByteCount: Int, previous: Int) {
      self.offset = offset
      self.oldByteCount = oldByteCount
      self.previous = previous
    }

    private mutating func append(_ byte: UInt8) {
      runs |= UInt64(byte) << UInt64(byteCount &* 8)
      byteCount &+= 1
    }

    /// Adds a run; none if it is empty.
    fileprivate mutating func append(_ value: UInt8, length: Int) {
      guard length > 0 else { return }
      if value > 0 {
        append(0x80 | (value &- 1) << 2 | UInt8(truncatingIfNeeded: length &- 1))
      } else if length > 64 {
        append(0x40 | UInt8(truncatingIfNeeded: (length &- 1) >> 8))
        append(UInt8(truncatingIfNeeded: length &- 1))
      } else {
        append(UInt8(truncatingIfNeeded: length &- 1))
      }
    }
  }

  /// Finds out what raising a register means for this sparse sketch.
  ///
  /// - Parameter byteCountMax: a sketch that would become longer becomes dense.
  /// - Complexity: O(bytes).
  public func change(_ place: Place, byteCountMax: Int) -> SparseChange {
    guard place.value <= HyperLogLog.sparseValueMax else { return .promotion }
    var first = 0
    var offset = HyperLogLog.headerByteCount
    var previous = offset
    while offset < bytes.byteCount {
      let run = sparseRun(at: offset)
      if place.register < first &+ run.length {
        return change(place, run, at: offset, first: first, previous, byteCountMax)
      }
      first &+= run.length
      previous = offset
      offset &+= run.byteCount
    }
    return .corruption
  }

  private func change(
    _ place: Place, _ run: SparseRun, at offset: Int, first: Int, _ previous: Int,
    _ byteCountMax: Int
  ) -> SparseChange {
    if run.value >= place.value { return .none }
    guard offset &+ run.byteCount <= bytes.byteCount else { return .corruption }
    var splice = SparseSplice(offset: offset, oldByteCount: run.byteCount, previous: previous)
    splice.append(run.value, length: place.register &- first)
    splice.append(place.value, length: 1)
    splice.append(run.value, length: first &+ run.length &- 1 &- place.register)
    if splice.growth > 0, bytes.byteCount &+ splice.growth > byteCountMax { return .promotion }
    return .splice(splice)
  }
}

extension MutableRawSpan {
  /// Carries a change of a sparse sketch out and returns how many bytes the sketch has afterwards.
  ///
  /// These bytes are the sketch, with room for its growth behind it if it grows.
  @_lifetime(self: copy self)
  public mutating func apply(
    _ splice: HyperLogLog.SparseSplice, oldByteCount: Int
  ) -> Int {
    precondition(oldByteCount &+ max(0, splice.growth) <= byteCount)
    let tail = splice.offset &+ splice.oldByteCount
    move(from: tail, to: tail &+ splice.growth, count: oldByteCount &- tail)
    for index in 0..<splice.byteCount {
      let byte = UInt8(truncatingIfNeeded: splice.runs >> UInt64(index &* 8))
      storeBytes(of: byte, toByteOffset: splice.offset &+ index, as: UInt8.self)
    }
    let end = mergeRuns(from: splice.previous, end: oldByteCount &+ splice.growth)
    invalidateCardinality()
    return end
  }

  /// Merges equal runs of values among the five runs from `start` on; returns the new end.
  @_lifetime(self: copy self)
  private mutating func mergeRuns(from start: Int, end: Int) -> Int {
    var end = end
    var offset = start
    var remaining = 5
    while offset < end, remaining > 0 {
      remaining &-= 1
      let run = HyperLogLog.sparseRun(bytes, at: offset)
      guard run.value > 0, offset &+ 1 < end else {
        offset &+= run.byteCount
        continue
      }
      let next = HyperLogLog.sparseRun(bytes, at: offset &+ 1)
      let length = run.length &+ next.length
      guard next.value == run.value, length <= 4 else {
        offset &+= 1
        continue
      }
      let merged = 0x80 | (run.value &- 1) << 2 | UInt8(truncatingIfNeeded: length &- 1)
      storeBytes(of: merged, toByteOffset: offset &+ 1, as: UInt8.self)
      move(from: offset &+ 1, to: offset, count: end &- offset &- 1)
      end &-= 1
    }
    return end
  }

  /// Moves bytes within the span; source and target may overlap.
  @_lifetime(self: copy self)
  private mutating func move(from source: Int, to target: Int, count: Int) {
    guard count > 0, source != target else { return }
    precondition(source >= 0 && target >= 0 && Swift.max(source, target) &+ count <= byteCount)
    unsafe withUnsafeMutableBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      unsafe (start + target).copyMemory(from: start + source, byteCount: count)
    }
  }
}

extension HyperLogLog {
  /// The runs of a sparse sketch in words: `Z:100 v:3,1 z:20`. What is corrupt is shown, too.
  public var runsDescription: String {
    var words: [String] = []
    var offset = HyperLogLog.headerByteCount
    while offset < bytes.byteCount {
      let run = sparseRun(at: offset)
      if run.value > 0 {
        words.append("v:\(run.value),\(run.length)")
      } else {
        words.append("\(run.byteCount == 2 ? "Z" : "z"):\(run.length)")
      }
      offset += run.byteCount
    }
    return words.joined(separator: " ")
  }
}
