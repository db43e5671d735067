// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What makes a command one to remember; COMMANDLOG keeps a log of each kind.
enum CommandLogKind {
  case slow
  /// By the bytes of the request as it came.
  case largeRequest
  /// By the bytes of the reply.
  case largeReply
}

/// The newest commands of one kind.
final class CommandLog {
  /// One command; arguments are shortened as Redis does.
  struct Entry {
    let id: Int
    /// Wall time in seconds.
    let time: Int64
    /// Microseconds that it took, or bytes of its request or reply, by the kind.
    let measure: Int
    let arguments: [[UInt8]]
    let clientAddress: String
    let clientName: [UInt8]

    /// Memory of the entry, roughly.
    var byteCount: Int {
      arguments.reduce(clientName.count + MemoryLayout<Entry>.stride) {
        $0 + $1.count + CommandLog.arrayByteCount
      }
    }
  }

  /// How much is kept.
  struct Limits {
    /// Entries; 0 keeps none.
    let entryCount: Int
    /// Arguments of an entry, the name included; the last of them tells how many were left out.
    let argumentCount: Int
    /// Bytes of an argument.
    let argumentByteCount: Int
  }

  /// Memory of an array beyond its elements: header and reference.
  private static let arrayByteCount = 40

  /// Newest first.
  private(set) var entries: [Entry] = []
  private var nextID = 0
  /// Commands that it has got since the start.
  var totalCount: Int { nextID }
  /// Memory of all entries, roughly.
  private(set) var byteCount = 0

  /// Adds a command and forgets the oldest ones if there are too many.
  func add(
    _ arguments: Arguments, hiding hidden: HiddenArguments, measure: Int, client: Client,
    time: Int64, limits: Limits
  ) {
    // Nothing is kept: then no number is used up either.
    guard limits.entryCount > 0 else { return }
    let entry = Entry(
      id: nextID, time: time, measure: measure,
      arguments: CommandLog.shortened(arguments, hidden, limits), clientAddress: client.address,
      clientName: client.name)
    nextID += 1
    entries.insert(entry, at: 0)
    byteCount += entry.byteCount
    while entries.count > limits.entryCount { byteCount -= entries.removeLast().byteCount }
  }

  func removeAll() {
    entries = []
    byteCount = 0
  }

  private static func shortened(
    _ arguments: Arguments, _ hidden: HiddenArguments, _ limits: Limits
  ) -> [[UInt8]] {
    let shown = min(arguments.count, limits.argumentCount)
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
      if bytes.byteCount > limits.argumentByteCount {
        let more = bytes.byteCount - limits.argumentByteCount
        result.append(
          bytes.extracting(first: limits.argumentByteCount).copied
            + Array("... (\(more) more bytes)".utf8))
      } else {
        result.append(bytes.copied)
      }
    }
    return result
  }
}
