// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The newest slow commands.
final class SlowLog {
  /// One slow command; arguments are shortened as Redis does.
  struct Entry {
    let id: Int
    /// Wall time in seconds.
    let time: Int64
    let microseconds: Int
    let arguments: [[UInt8]]
    let clientAddress: String
    let clientName: [UInt8]

    /// Memory of the entry, roughly.
    var byteCount: Int {
      arguments.reduce(clientName.count + MemoryLayout<Entry>.stride) {
        $0 + $1.count + SlowLog.arrayByteCount
      }
    }
  }

  /// Memory of an array beyond its elements: header and reference.
  private static let arrayByteCount = 40

  /// Newest first.
  private(set) var entries: [Entry] = []
  private var nextID = 0
  /// Memory of all entries, roughly.
  private(set) var byteCount = 0
  static let argumentCountMax = 32
  static let argumentByteCountMax = 128

  /// Adds a command and forgets the oldest ones beyond `limit`.
  func add(
    _ arguments: Arguments, hiding hidden: HiddenArguments, microseconds: Int, client: Client,
    time: Int64, limit: Int
  ) {
    // Nothing is kept: then no number is used up either.
    guard limit > 0 else { return }
    let entry = Entry(
      id: nextID, time: time, microseconds: microseconds,
      arguments: SlowLog.shortened(arguments, hidden), clientAddress: client.address,
      clientName: client.name)
    nextID += 1
    entries.insert(entry, at: 0)
    byteCount += entry.byteCount
    while entries.count > limit { byteCount -= entries.removeLast().byteCount }
  }

  func removeAll() {
    entries = []
    byteCount = 0
  }

  private static func shortened(
    _ arguments: Arguments, _ hidden: HiddenArguments
  ) -> [[UInt8]] {
    let shown = min(arguments.count, argumentCountMax)
    var result: [[UInt8]] = []
    for index in 0..<shown {
      if shown < arguments.count, index == shown - 1 {
        let more = arguments.count - shown + 1
        result.append(Array("... (\(more) more arguments)".utf8))
        break
      }
      if hidden.contains(index) {
        result.append(HiddenArguments.substitute)
        continue
      }
      let bytes = arguments[index]
      if bytes.byteCount > argumentByteCountMax {
        let more = bytes.byteCount - argumentByteCountMax
        result.append(
          bytes.extracting(first: argumentByteCountMax).copied
            + Array("... (\(more) more bytes)".utf8))
      } else {
        result.append(bytes.copied)
      }
    }
    return result
  }
}
