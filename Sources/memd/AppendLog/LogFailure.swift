// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Why the bytes of a log can't be read.
struct LogFailure: Error, Equatable {
  enum Reason: Equatable {
    /// Neither a command nor an annotation stands here.
    case malformed
    /// An annotation of memd's can't be read.
    case annotation
    /// An annotation says that these bytes are not those that were written.
    case checksum
  }

  let reason: Reason
  /// Where the damage is: behind the last annotation that said the truth, and not behind the byte
  /// that can't be right.
  let range: Range<Int>
  /// Up to where commands can be executed.
  let wholeOffset: Int

  /// What the log says: Redis's line and, since that says little, memd's.
  func logLines(file: LogFileName) -> [String] {
    let place = "between offsets \(range.lowerBound) and \(range.upperBound)"
    let detail =
      switch reason {
      case .malformed:
        "\(file.text): no command or annotation at offset \(range.upperBound - 1); the damage is"
          + " \(place)"
      case .annotation: "\(file.text): an annotation can't be read; the damage is \(place)"
      case .checksum: "\(file.text): the checksum is wrong; the damage is \(place)"
      }
    return [
      "Bad file format reading the append only file \(file.text): make a backup of your AOF file, "
        + "then use memd --check-aof --fix <filename.manifest>",
      detail + ", and everything before offset \(wholeOffset) is complete",
    ]
  }
}

/// How the bytes of a log end.
enum LogEnding: Equatable {
  /// Behind a command or annotation, outside of a transaction.
  case whole
  /// In the middle of something; as many zero bytes stand there, where a power cut may have put
  /// them in the place of what was never written.
  case torn(zeroByteCount: Int)
  /// Behind a command of a transaction whose EXEC is missing.
  case insideTransaction

  /// What Redis logs of a file that is cut at the last whole offset.
  func truncationLines(file: LogFileName, wholeOffset: Int) -> [String] {
    guard self != .whole else { return [] }
    return revertLines(file) + [
      "!!! Warning: short read while loading the AOF file \(file.text)!!!",
      "!!! Truncating the AOF \(file.text) at offset \(wholeOffset) !!!",
      "AOF \(file.text) loaded anyway because aof-load-truncated is enabled",
    ]
  }

  /// What Redis logs of a file that must not be cut.
  func refusalLines(file: LogFileName) -> [String] {
    guard self != .whole else { return [] }
    return revertLines(file) + [
      "Unexpected end of file reading the append only file \(file.text). You can: 1) Make a backup"
        + " of your AOF file, then use memd --check-aof --fix <filename.manifest>. 2)"
        + " Alternatively you can set the 'aof-load-truncated' configuration option to yes and"
        + " restart the server."
    ]
  }

  private func revertLines(_ file: LogFileName) -> [String] {
    self == .insideTransaction
      ? ["Revert incomplete MULTI/EXEC transaction in AOF file \(file.text)"] : []
  }
}
