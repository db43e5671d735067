// SPDX-License-Identifier: Apache-2.0

// Bytes of clients against words of the server, and the few ways in which they become text.

extension RawSpan {
  /// Whether these are the bytes of a word in any case; only A to Z have another one.
  ///
  /// - Complexity: O(length of the word), however many bytes there are.
  public func spells(_ word: StaticString) -> Bool {
    guard byteCount == word.utf8CodeUnitCount else { return false }
    return word.withUTF8Buffer { unsafe matches($0) }
  }

  /// Whether these are the bytes of a word in any case; only A to Z have another one.
  ///
  /// - Complexity: O(length of the word), however many bytes there are.
  public func spells(_ word: String) -> Bool {
    let utf8 = word.utf8
    return byteCount == utf8.count && matches(utf8)
  }

  /// Whether these are the bytes of a word in any case; only A to Z have another one.
  ///
  /// - Complexity: O(length of the word), however many bytes there are.
  public func spells(_ word: ByteText) -> Bool {
    byteCount == word.count && matches(word.bytes)
  }

  private func matches(_ word: some Sequence<UInt8>) -> Bool {
    var offset = 0
    for other in word {
      if RawSpan.fold(byte(offset)) != RawSpan.fold(other) { return false }
      offset += 1
    }
    return true
  }

  private static func fold(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }

  /// Whether these are exactly the bytes of a string of the server's own.
  public func equals(_ text: String) -> Bool {
    let utf8 = text.utf8
    guard byteCount == utf8.count else { return false }
    var offset = 0
    for other in utf8 {
      if byte(offset) != other { return false }
      offset += 1
    }
    return true
  }

  /// Most bytes that an error repeats of a client's word.
  public static var echoByteCountMax: Int { 128 }

  /// As much of a client's word as an error repeats: 128 bytes.
  ///
  /// Compatibility: a zero byte ends it, as it ends what C formats.
  public var echo: RawSpan {
    @_lifetime(copy self)
    get { echo(ofAtMost: RawSpan.echoByteCountMax) }
  }

  /// The same with another limit.
  @_lifetime(copy self)
  public func echo(ofAtMost byteCountMax: Int) -> RawSpan {
    var count = 0
    while count < byteCount, count < byteCountMax, byte(count) != 0 { count += 1 }
    return extracting(first: count)
  }

  /// A String for those who need one (paths, names of hosts); nil if the bytes are more, or are not
  /// UTF-8, or contain a zero byte, which would end them there.
  public func text(ofAtMost byteCountMax: Int) -> String? {
    guard byteCount <= byteCountMax else { return nil }
    for offset in 0..<byteCount where byte(offset) == 0 { return nil }
    return unsafe withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
  }

  /// The beginning of the bytes for a line of the log; what is not UTF-8 is replaced.
  public func logText(ofAtMost byteCountMax: Int = 1024) -> String {
    unsafe extracting(first: Swift.min(byteCount, byteCountMax)).withUnsafeBytes {
      unsafe String(decoding: $0, as: UTF8.self)
    }
  }
}
