// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A compiled script.
final class Script: Procedure {
  let digest: ScriptDigest
  let body: [UInt8]
  /// Known by EVAL only, and so forgotten if there are too many of its kind.
  fileprivate(set) var isEvictable: Bool
  fileprivate unowned(unsafe) var previous: Script?
  fileprivate unowned(unsafe) var next: Script?

  init(
    _ digest: ScriptDigest, body: [UInt8], flags: ScriptFlags, number: Int, isEvictable: Bool
  ) {
    self.digest = digest
    self.body = body
    self.isEvictable = isEvictable
    super.init(flags: flags, number: number)
  }

  override var name: ByteText { digest.hex }
}

/// The SHA-1 of a script, by which it is known.
struct ScriptDigest: Hashable {
  private let words: (UInt64, UInt64, UInt32)

  /// The digest of a script.
  init(of body: RawSpan) {
    let bytes = SHA1.digest(of: body).bytes
    words = ScriptDigest.words { bytes[$0] }
  }

  /// A digest in forty hexadecimal digits; nil for anything else.
  init?(hex text: RawSpan) {
    guard text.byteCount == 40 else { return nil }
    var parts = [5 of UInt32](repeating: 0)
    for index in 0..<5 {
      guard let part = text.hexadecimalNumber(at: index * 8) else { return nil }
      parts[index] = part
    }
    words = (
      UInt64(parts[0]) << 32 | UInt64(parts[1]), UInt64(parts[2]) << 32 | UInt64(parts[3]),
      parts[4]
    )
  }

  private static func words(_ byte: (Int) -> UInt8) -> (UInt64, UInt64, UInt32) {
    var words: (UInt64, UInt64, UInt32) = (0, 0, 0)
    for index in 0..<8 { words.0 = words.0 << 8 | UInt64(byte(index)) }
    for index in 8..<16 { words.1 = words.1 << 8 | UInt64(byte(index)) }
    for index in 16..<20 { words.2 = words.2 << 8 | UInt32(byte(index)) }
    return words
  }

  static func == (left: ScriptDigest, right: ScriptDigest) -> Bool { left.words == right.words }

  /// The first bytes of a digest are as good as all of them.
  func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

  /// Forty hexadecimal digits in lower case.
  var hex: ByteText {
    let words = self.words
    return ByteText(
      SHA1Digest(
        bytes: [20 of UInt8] { index in
          switch index {
          case 0..<8: UInt8(truncatingIfNeeded: words.0 >> UInt64(8 * (7 - index)))
          case 8..<16: UInt8(truncatingIfNeeded: words.1 >> UInt64(8 * (15 - index)))
          default: UInt8(truncatingIfNeeded: words.2 >> UInt32(8 * (19 - index)))
          }
        }
      ).description)
  }
}

/// Scripts by their digests. Those that SCRIPT LOAD has brought stay until SCRIPT FLUSH; of those
/// that EVAL alone has brought the latest 500 stay, so that scripts made up for one call don't pile
/// up.
final class ScriptCache {
  /// So many scripts of EVAL's are kept.
  static let evictableCountMax = 500
  /// What a script needs beyond its text, roughly: object, array, place in the table.
  private static let overhead = 180

  private var scripts: [ScriptDigest: Script] = [:]
  /// The evictable ones, from the one that was used longest ago.
  private unowned(unsafe) var first: Script?
  private unowned(unsafe) var last: Script?
  private var evictableCount = 0
  /// Memory of all scripts, without what the interpreter has compiled.
  private(set) var byteCount = 0

  var count: Int { scripts.count }

  subscript(digest: ScriptDigest) -> Script? { scripts[digest] }

  /// Keeps a script, which must not be there yet.
  ///
  /// - Returns: a script that had to go.
  func add(_ script: Script) -> Script? {
    scripts[script.digest] = script
    byteCount += script.body.count + ScriptCache.overhead
    guard script.isEvictable else { return nil }
    var evicted: Script?
    if evictableCount == ScriptCache.evictableCountMax, let oldest = unsafe first {
      evicted = oldest
      unlink(oldest)
      scripts[oldest.digest] = nil
      byteCount -= oldest.body.count + ScriptCache.overhead
    }
    append(script)
    return evicted
  }

  /// SCRIPT LOAD has named a script that only EVAL knew: it stays from now on.
  func keep(_ script: Script) {
    guard script.isEvictable else { return }
    unlink(script)
    script.isEvictable = false
  }

  /// A script was used.
  func touch(_ script: Script) {
    guard script.isEvictable, unsafe last !== script else { return }
    unlink(script)
    append(script)
  }

  func removeAll() {
    unsafe first = nil
    unsafe last = nil
    evictableCount = 0
    byteCount = 0
    scripts = [:]
  }

  private func append(_ script: Script) {
    unsafe script.previous = last
    if let last = unsafe last { unsafe last.next = script } else { unsafe first = script }
    unsafe last = script
    evictableCount += 1
  }

  private func unlink(_ script: Script) {
    let previous = unsafe script.previous
    let next = unsafe script.next
    if let previous { unsafe previous.next = next } else { unsafe first = next }
    if let next { unsafe next.previous = previous } else { unsafe last = previous }
    unsafe script.previous = nil
    unsafe script.next = nil
    evictableCount -= 1
  }
}
