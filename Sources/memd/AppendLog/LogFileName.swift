// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The name of a file in `appenddirname`: never a path, and short enough for a line of the
/// manifest.
struct LogFileName: Hashable, Sendable {
  /// Why bytes are no such name.
  enum Refusal: Error {
    /// Something that leads to another directory.
    case path
    /// Empty, too long, not UTF-8, or with a zero byte: no file that memd can open.
    case unusable
  }

  /// The name as Swift's files want it.
  let text: String

  /// What file systems allow.
  private static let byteCountMax = 255
  /// What is left of a line's 1024 bytes beside keys, number and type; a name in quotes may be four
  /// times as long as the name.
  fileprivate static let writtenByteCountMax = 960

  /// The name that bytes are.
  init(_ bytes: RawSpan) throws(Refusal) {
    for offset in 0..<bytes.byteCount {
      let byte = bytes.byte(offset)
      if byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\") { throw .path }
    }
    guard let text = bytes.text(ofAtMost: Self.byteCountMax), !text.isEmpty else {
      throw .unusable
    }
    if text == "." || text == ".." { throw .path }
    self.init(proven: text)
    if written.count > Self.writtenByteCountMax { throw .unusable }
  }

  fileprivate init(proven text: String) { self.text = text }

  /// The name as it stands in the manifest: in quotes if it has blanks, quotes or bytes that are
  /// not printable ASCII.
  var written: ByteText {
    let name = ByteText(text)
    let isPlain = name.bytes.allSatisfy { byte in
      // A single quote would begin a quoted word, which Redis forgets when it writes a manifest.
      (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "'")
    }
    return isPlain ? name : DirectiveText.quoted(name)
  }
}

/// The names of the files of a log, all derived from `appendfilename`:
///
///     appendonly.aof.1.base.rdb    appendonly.aof.1.base.aof    appendonly.aof.1.incr.aof
///     appendonly.aof.manifest      temp-appendonly.aof.manifest
struct LogNaming: Hashable, Sendable {
  /// How a base file is written.
  enum Format: String, Sendable {
    case rdb, aof
  }

  /// `appendfilename`, which is also the name of the whole log of a Redis before 7.0.
  let appendFilename: LogFileName

  /// The longest of what is put around `appendfilename`.
  private static let additionMax = ".9223372036854775807.base.rdb".utf8.count

  /// The names for an `appendfilename`; refuses it if it leaves no room for what belongs to it.
  init(_ appendFilename: RawSpan) throws(LogFileName.Refusal) {
    self.appendFilename = try LogFileName(appendFilename)
    let room = LogFileName.writtenByteCountMax - Self.additionMax
    guard appendFilename.byteCount + Self.additionMax <= 255,
      self.appendFilename.written.count <= room
    else { throw .unusable }
  }

  /// The name of a base file.
  func base(_ sequence: Int, _ format: Format) -> LogFileName {
    LogFileName(proven: "\(appendFilename.text).\(sequence).base.\(format.rawValue)")
  }

  /// The name of an incremental file.
  func increment(_ sequence: Int) -> LogFileName {
    LogFileName(proven: "\(appendFilename.text).\(sequence).incr.aof")
  }

  /// The name of the manifest.
  var manifest: LogFileName { LogFileName(proven: appendFilename.text + ".manifest") }

  /// The name of a manifest that is being written.
  var temporaryManifest: LogFileName {
    LogFileName(proven: "temp-\(appendFilename.text).manifest")
  }

  /// The name of an incremental file that no manifest names yet.
  var temporaryIncrement: LogFileName { LogFileName(proven: "temp-\(appendFilename.text).incr") }
}
