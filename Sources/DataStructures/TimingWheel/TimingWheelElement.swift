// SPDX-License-Identifier: Apache-2.0

/// What a timing wheel holds: a word that leads to an entry with a deadline.
public protocol TimingWheelElement {
  /// The element as the wheel keeps it.
  var word: UInt64 { get }

  /// The element that `word` stands for.
  init(word: UInt64)

  /// When the entry expires, in milliseconds of wall time; it is due once now is beyond it.
  var deadline: Int64 { get }

  /// The wheel's note in the entry of where its record is; 0 while it is in no wheel.
  var wheelRecord: UInt64 { get nonmutating set }

  /// Asks the processor to load the entry's deadline; a hint, and by default nothing.
  func prefetch()
}

extension TimingWheelElement {
  /// Loads nothing.
  @inlinable
  public func prefetch() {}
}
