// SPDX-License-Identifier: Apache-2.0

// BITOP without a buffer as large as its operands: a window of 4 KiB moves over all of them at
// once. What stands in it never leaves the first-level cache, however many operands there are and
// however long they are, and each pass over it is a loop over words that the compiler vectorises.

/// The ways to combine bit strings.
public enum BitOperation: Sendable {
  case and, or, xor
  /// The opposite of the one string.
  case not
  /// Set in the first string and in none of the others.
  case diff
  /// Set in one of the others and not in the first.
  case diff1
  /// Set in the first string and in one of the others.
  case andOr
  /// Set in exactly one string.
  case one
}

/// Combines the same part of several bit strings; parts that are too short end in zeros.
@safe
public struct BitCombination: ~Copyable {
  // Layout: two windows of `wordCount` words. The first holds the result. The second holds
  // diff1, andOr: the first string; one: the bits that were seen twice.
  private let words: UnsafeMutablePointer<UInt64>
  private let operation: BitOperation
  private var partCount = 0
  /// Bytes and words of the part under way.
  private var byteCount = 0
  private var usedWordCount = 0

  private static let wordCount = 512

  /// The longest part in bytes.
  public static let windowByteCount = wordCount * 8

  /// Makes the windows.
  public init(_ operation: BitOperation) {
    unsafe words = .allocate(capacity: BitCombination.wordCount * 2)
    unsafe words.initialize(repeating: 0, count: BitCombination.wordCount * 2)
    self.operation = operation
  }

  deinit { unsafe words.deallocate() }

  /// Starts with another part of all strings, `byteCount` bytes of the result.
  public mutating func begin(byteCount: Int) {
    precondition(byteCount >= 0 && byteCount <= BitCombination.windowByteCount)
    partCount = 0
    self.byteCount = byteCount
    usedWordCount = (byteCount &+ 7) >> 3
    unsafe words.update(repeating: 0, count: usedWordCount)
    let other = unsafe words + BitCombination.wordCount
    unsafe other.update(repeating: 0, count: usedWordCount)
  }

  /// Takes the part of the next string in; an empty one is all zeros.
  public mutating func add(_ part: RawSpan) {
    precondition(part.byteCount <= byteCount)
    defer { partCount += 1 }
    let isFirst = partCount == 0
    switch operation {
    case .or: combine(part) { old, new in old | new }
    case .xor: combine(part) { old, new in old ^ new }
    case .and:
      if isFirst { load(part) } else { restrict(to: part) }
    case .not:
      load(part)
      let result = unsafe words
      for index in 0..<usedWordCount { unsafe result[index] = ~result[index] }
    case .diff:
      if isFirst { load(part) } else { combine(part) { old, new in old & ~new } }
    case .diff1, .andOr:
      if isFirst { load(part, into: 1) } else { combine(part) { old, new in old | new } }
    case .one:
      addOnce(part)
    }
  }

  /// The result of this part.
  @_lifetime(borrow self)
  public func finish() -> RawSpan {
    let result = unsafe words
    let other = unsafe words + BitCombination.wordCount
    switch operation {
    case .diff1, .one:
      for index in 0..<usedWordCount { unsafe result[index] &= ~other[index] }
    case .andOr:
      for index in 0..<usedWordCount { unsafe result[index] &= other[index] }
    default: break
    }
    let span = unsafe RawSpan(_unsafeStart: result, byteCount: byteCount)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// Copies a part into a window that is all zeros.
  private func load(_ part: RawSpan, into window: Int = 0) {
    let target = unsafe words + window * BitCombination.wordCount
    unsafe part.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      unsafe UnsafeMutableRawPointer(target).copyMemory(from: start, byteCount: bytes.count)
    }
  }

  /// Combines the result with a part; where the part has ended the result stays.
  @inline(__always)
  private func combine(_ part: RawSpan, _ operation: (UInt64, UInt64) -> UInt64) {
    let result = unsafe words
    unsafe part.withUnsafeBytes { bytes in
      let whole = bytes.count >> 3
      for index in 0..<whole {
        let word = unsafe bytes.loadUnaligned(fromByteOffset: index &<< 3, as: UInt64.self)
        unsafe result[index] = operation(result[index], word)
      }
    }
    let rest = part.byteCount & 7
    guard rest != 0 else { return }
    let word = part.octets(at: part.byteCount &- rest, count: rest)
    let index = part.byteCount >> 3
    unsafe result[index] = operation(result[index], word)
  }

  /// Keeps what the part has, too; behind its end there is nothing.
  private func restrict(to part: RawSpan) {
    combine(part) { old, new in old & new }
    let used = (part.byteCount &+ 7) >> 3
    unsafe (words + used).update(repeating: 0, count: usedWordCount - used)
  }

  /// Notes what was seen for the first time, and for the second.
  private func addOnce(_ part: RawSpan) {
    let seen = unsafe words
    let repeated = unsafe words + BitCombination.wordCount
    unsafe part.withUnsafeBytes { bytes in
      for index in 0..<(bytes.count >> 3) {
        let word = unsafe bytes.loadUnaligned(fromByteOffset: index &<< 3, as: UInt64.self)
        unsafe repeated[index] |= seen[index] & word
        unsafe seen[index] |= word
      }
    }
    let rest = part.byteCount & 7
    guard rest != 0 else { return }
    let word = part.octets(at: part.byteCount &- rest, count: rest)
    let index = part.byteCount >> 3
    unsafe repeated[index] |= seen[index] & word
    unsafe seen[index] |= word
  }
}
