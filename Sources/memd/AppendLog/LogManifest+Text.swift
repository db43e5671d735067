// SPDX-License-Identifier: Apache-2.0

import DataStructures

// A manifest as Redis 7 writes it, a file per line:
//
//     file appendonly.aof.2.base.rdb seq 2 type b
//     file appendonly.aof.4.incr.aof seq 4 type i
//
// b is the base, i an increment, h history. Names may be quoted as in redis.conf. Keys may come in
// any order and in any case; of a key that is there twice the last one counts, unknown keys are
// skipped. Lines that begin with # are comments. A line has at most 1024 bytes.

/// Why a manifest can't be read, in Redis's words.
struct LogManifestError: Error, Equatable {
  enum Reason: String {
    case empty = "Found an empty AOF manifest"
    case lineTooLong = "The AOF manifest file contains too long line"
    case format = "Invalid AOF manifest file format"
    case path = "File can't be a path, just a filename"
    case secondBase = "Found duplicate base file information"
    case sequenceNotRising = "Found a non-monotonic sequence number"
    case unknownType = "Unknown AOF file type"
    case unusableName = "The name of the file is too long or not UTF-8"
  }

  let reason: Reason
  /// Counted from 1; 0 if no line is to blame.
  let lineNumber: Int
  let line: ByteText

  /// What the log says, line by line.
  var logLines: [String] {
    var lines = ["*** FATAL AOF MANIFEST FILE ERROR ***"]
    if lineNumber > 0 {
      lines.append("Reading the manifest file, at line \(lineNumber)")
      lines.append(">>> '\(line.logText)'")
    }
    return lines + [reason.rawValue]
  }
}

extension LogManifest {
  private static let lineByteCountMax = 1024

  /// The manifest's bytes.
  var text: ByteText {
    var text = ByteText()
    if let base { Self.append(base, .base, to: &text) }
    for file in history { Self.append(file, .history, to: &text) }
    for file in increments { Self.append(file, .increment, to: &text) }
    return text
  }

  private static func append(_ file: File, _ kind: Kind, to text: inout ByteText) {
    text += "file \(file.name.written) seq \(file.sequence) type "
    text.bytes += [kind.rawValue, 0x0A]
  }

  /// Reads a manifest.
  init(parsing bytes: [UInt8]) throws(LogManifestError) {
    self.init()
    guard !bytes.isEmpty else {
      throw LogManifestError(reason: .empty, lineNumber: 0, line: "")
    }
    var rest = bytes[...]
    var lineNumber = 0
    while !rest.isEmpty {
      // Compatibility: what is too long for a line is the next one; that matters for comments only.
      let limit = rest.prefix(Self.lineByteCountMax)
      let end = limit.firstIndex(of: 0x0A)
      let piece = end.map { limit[...$0] } ?? limit
      rest = rest[piece.endIndex...]
      lineNumber += 1
      if piece.first == UInt8(ascii: "#") { continue }
      // Compatibility: the last line needs its end, too, and a zero byte hides it.
      guard end != nil, !piece.contains(0) else {
        throw LogManifestError(reason: .lineTooLong, lineNumber: 0, line: "")
      }
      let line = DirectiveText.trimmed(piece)
      do throws(Failure) {
        try list(line)
      } catch {
        throw LogManifestError(
          reason: error.reason, lineNumber: lineNumber, line: ByteText(Array(line)))
      }
    }
  }

  /// A reason that can be thrown; the line is added where it is known.
  private struct Failure: Error {
    let reason: LogManifestError.Reason
  }

  /// What the words of a line have said so far.
  private struct Fields {
    var name: LogFileName?
    var sequence = 0
    var type: UInt8 = 0
  }

  private mutating func list(_ line: ArraySlice<UInt8>) throws(Failure) {
    guard let words = DirectiveText.split(line), words.count >= 6, words.count.isMultiple(of: 2)
    else { throw Failure(reason: .format) }
    var fields = Fields()
    for index in stride(from: 0, to: words.count, by: 2) {
      try Self.note(words[index + 1], under: words[index], &fields)
    }
    guard let name = fields.name, fields.type != 0,
      (1...Self.sequenceMax).contains(fields.sequence)
    else { throw Failure(reason: .format) }
    guard let kind = Kind(rawValue: fields.type) else { throw Failure(reason: .unknownType) }
    do throws(Conflict) {
      try list(File(name: name, sequence: fields.sequence), as: kind)
    } catch {
      throw Failure(reason: error == .secondBase ? .secondBase : .sequenceNotRising)
    }
  }

  private static func note(
    _ value: [UInt8], under key: [UInt8], _ fields: inout Fields
  ) throws(Failure) {
    switch Keyword(folding: key.rawSpan) {
    case Keyword("file"):
      do throws(LogFileName.Refusal) {
        fields.name = try LogFileName(value.rawSpan)
      } catch {
        throw Failure(reason: error == .path ? .path : .unusableName)
      }
    case Keyword("seq"): fields.sequence = leadingNumber(value)
    // Compatibility: only the first letter counts.
    case Keyword("type"): fields.type = value.first ?? 0
    default: break
    }
  }

  /// The number that a word begins with, as C's atoll reads it; 0 if it is negative or none.
  private static func leadingNumber(_ word: [UInt8]) -> Int {
    var digits = word.drop(while: DirectiveText.isBlank)
    if digits.first == UInt8(ascii: "+") { digits.removeFirst() }
    var number = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { break }
      let (tenfold, overflows) = number.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = tenfold.addingReportingOverflow(Int(digit) - 48)
      if overflows || overflowsToo { return .max }
      number = sum
    }
    return number
  }
}
