// SPDX-License-Identifier: Apache-2.0

/// Tells every few seconds how far a load has come.
struct LoadingProgress {
  /// Times are monotonic nanoseconds.
  private static let interval: Int64 = 5_000_000_000

  private let byteCount: Int
  /// What the last line has told, or the start.
  private var offset = 0
  private var toldAt: Int64

  /// - Parameter byteCount: size of what is loaded.
  init(byteCount: Int, at now: Int64) {
    self.byteCount = byteCount
    toldAt = now
  }

  /// The line to log now; nil if the last one is not old enough.
  mutating func line(offset: Int, keyCount: Int, at now: Int64) -> String? {
    let elapsed = now - toldAt
    guard elapsed >= LoadingProgress.interval else { return nil }
    let rate = Double(offset - self.offset) / Double(elapsed) * 1e9
    self.offset = offset
    toldAt = now
    let percentage = FixedPoint.text(Double(offset) * 100 / Double(max(1, byteCount)), digits: 1)
    let text =
      "Loading: \(percentage)% of \(LoadingProgress.megabytes(Double(byteCount))) MB,"
      + " \(keyCount) keys, \(LoadingProgress.megabytes(rate)) MB/s"
    guard rate >= 1 else { return text }
    return text + ", \(Int(Double(max(0, byteCount - offset)) / rate)) seconds left"
  }

  private static func megabytes(_ byteCount: Double) -> String {
    FixedPoint.text(byteCount / 1_048_576, digits: 1)
  }
}
