// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A compiled script.
final class Script: Procedure {
  let digest: ScriptDigest
  let body: [UInt8]
  /// The globals that it could look at.
  let sees: GlobalsOfRequest
  /// Known by EVAL only, and so forgotten if there are too many of its kind.
  fileprivate(set) var isEvictable: Bool
  fileprivate unowned(unsafe) var previous: Script?
  fileprivate unowned(unsafe) var next: Script?

  init(
    _ digest: ScriptDigest, body: [UInt8], flags: ScriptFlags, number: Int, isEvictable: Bool
  ) {
    self.digest = digest
    self.body = body
    sees = GlobalsOfRequest(seenBy: body.rawSpan)
    self.isEvictable = isEvictable
    super.init(flags: flags, number: number)
  }

  override var name: ByteText { digest.hex }
}

/// The globals that are tables made of a request: a script that can't look at one needs none, and
/// may find that of an earlier script behind the name that it doesn't know.
struct GlobalsOfRequest: OptionSet {
  let rawValue: UInt8

  static let keys = GlobalsOfRequest(rawValue: 1 << 0)
  static let arguments = GlobalsOfRequest(rawValue: 1 << 1)

  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A global is looked at by its name, which then stands in the text; or by one that is put
  /// together, for which there are the table of globals and the functions that compile.
  init(seenBy text: RawSpan) {
    self = []
    let looksUpAny = ["_G", "load"].contains { GlobalsOfRequest.stands($0, in: text) }
    if looksUpAny || GlobalsOfRequest.stands("KEYS", in: text) { insert(.keys) }
    if looksUpAny || GlobalsOfRequest.stands("ARGV", in: text) { insert(.arguments) }
  }

  private static func stands(_ name: String, in text: RawSpan) -> Bool {
    let name = Array(name.utf8)
    var start = 0
    while start + name.count <= text.byteCount {
      if text.byte(start) == name[0],
        text.extracting(start..<start + name.count).equals(name.rawSpan)
      {
        return true
      }
      start += 1
    }
    return false
  }
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

/// Forty digits as a client has sent them.
private struct Spelling: Equatable {
  private var words: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)

  init() {}

  init(_ digits: RawSpan) {
    words = (
      digits.octets8(at: 0), digits.octets8(at: 8), digits.octets8(at: 16), digits.octets8(at: 24),
      digits.octets8(at: 32)
    )
  }

  /// Where it belongs among 64: a multiplicative hash.
  var slot: Int { Int(truncatingIfNeeded: (words.0 &* 0x9E37_79B9_7F4A_7C15) >> 58) }

  @inline(__always)
  static func == (left: Spelling, right: Spelling) -> Bool { left.words == right.words }
}

/// A script that was asked for lately.
private struct Recent {
  var spelling = Spelling()
  unowned(unsafe) var script: Script?
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
  /// Scripts that were asked for lately, by what their digests' digits look like: reading these
  /// takes longer than looking into the dictionary. Each of these is there, too.
  private var recent = [64 of Recent](repeating: Recent())
  /// The evictable ones, from the one that was used longest ago.
  private unowned(unsafe) var first: Script?
  private unowned(unsafe) var last: Script?
  private var evictableCount = 0
  /// Memory of all scripts, without what the interpreter has compiled.
  private(set) var byteCount = 0

  var count: Int { scripts.count }

  subscript(digest: ScriptDigest) -> Script? { scripts[digest] }

  /// The script whose digest these digits are, in either case.
  func script(hex digits: RawSpan) -> Script? {
    guard digits.byteCount == 40 else { return nil }
    let spelling = Spelling(digits)
    let slot = spelling.slot
    if recent[slot].spelling == spelling { return unsafe recent[slot].script }
    return look(for: digits, spelling)
  }

  @inline(never)
  private func look(for digits: RawSpan, _ spelling: Spelling) -> Script? {
    guard let digest = ScriptDigest(hex: digits), let script = scripts[digest] else { return nil }
    recent[spelling.slot].spelling = spelling
    unsafe recent[spelling.slot].script = script
    return script
  }

  /// Has no digits lead to a script, which goes.
  private func forget(_ script: Script) {
    for slot in recent.indices where unsafe recent[slot].script === script {
      recent[slot] = Recent()
    }
  }

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
      forget(oldest)
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
    recent = [64 of Recent](repeating: Recent())
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
