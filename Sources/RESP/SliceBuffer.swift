// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Owner of a growing row of slices. Emptying it keeps the memory, so a warm buffer never
/// allocates.
///
/// Growing moves the row: take `base` (and make `Arguments`) only after the last append of a batch.
@safe
public struct SliceBuffer: ~Copyable {
  @usableFromInline var memory: UnsafeMutablePointer<Slice>
  @usableFromInline var used: Int
  @usableFromInline var room: Int

  /// Address of the first slice; valid until the next append.
  @inlinable public var base: UnsafeMutablePointer<Slice> { unsafe memory }
  /// Number of slices in the row.
  @inlinable public var count: Int { used }
  /// Number of slices for which there is memory.
  @inlinable public var capacity: Int { room }

  /// Allocates memory for the given number of slices, at least for eight.
  public init(capacity: Int = 64) {
    room = max(capacity, 8)
    used = 0
    unsafe memory = Self.resized(nil, to: room)
  }

  deinit { unsafe free(memory) }

  /// Appends one slice.
  /// - Complexity: O(1) amortised.
  @inlinable @inline(__always)
  public mutating func append(_ slice: Slice) {
    if used == room { grow(to: used &+ 1) }
    unsafe (memory + used).initialize(to: slice)
    used &+= 1
  }

  /// Makes room for more slices and returns the address of the next; `used` is the caller's to
  /// move.
  @inlinable @inline(__always)
  mutating func reserve(_ added: Int) -> UnsafeMutablePointer<Slice> {
    if room &- used < added { grow(to: used &+ added) }
    return unsafe memory + used
  }

  /// Appends the slices of another buffer from the given index to its end.
  public mutating func append(contentsOf other: borrowing SliceBuffer, from first: Int = 0) {
    precondition(first >= 0 && first <= other.used)
    let added = other.used - first
    if room - used < added { grow(to: used + added) }
    unsafe (memory + used).update(from: other.memory + first, count: added)
    used += added
  }

  /// Empties the row and keeps its memory.
  @inlinable
  public mutating func removeAll() { used = 0 }

  /// Drops the slices behind the first `newCount`.
  @inlinable
  public mutating func truncate(to newCount: Int) {
    precondition(newCount >= 0 && newCount <= used)
    used = newCount
  }

  /// Reads or replaces one slice.
  @inlinable
  public subscript(index: Int) -> Slice {
    get {
      precondition(index >= 0 && index < used)
      return unsafe memory[index]
    }
    set {
      precondition(index >= 0 && index < used)
      unsafe memory[index] = newValue
    }
  }

  /// Gives memory beyond the given number of slices back, after an unusually large request.
  public mutating func shrink(toCapacity limit: Int) {
    let wanted = max(limit, used, 8)
    guard wanted < room else { return }
    unsafe memory = Self.resized(memory, to: wanted)
    room = wanted
  }

  @usableFromInline @inline(never)
  mutating func grow(to needed: Int) {
    room = max(needed, room * 2)
    unsafe memory = Self.resized(memory, to: room)
  }

  private static func resized(
    _ memory: UnsafeMutablePointer<Slice>?, to capacity: Int
  ) -> UnsafeMutablePointer<Slice> {
    let size = capacity * MemoryLayout<Slice>.stride
    guard let grown = unsafe realloc(memory, size) else {
      fatalError("out of memory for \(size) bytes")
    }
    return unsafe grown.bindMemory(to: Slice.self, capacity: capacity)
  }
}
