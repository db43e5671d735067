// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Packed forms of former times, element by element.

extension RDBReader {
  /// Reads a ziplist and calls `visit` for every entry.
  func ziplist(
    _ scratch: inout ByteBuffer, visit: (RawSpan) throws(RDBError) -> Void
  ) throws(RDBError) {
    try string(into: &scratch)
    let bytes = scratch.bytes
    noteSanitization()
    guard var ziplist = Ziplist(bytes) else { throw broken("ziplist") }
    while !ziplist.isAtEnd(bytes) {
      switch ziplist.next(bytes) {
      case nil: throw broken("ziplist")
      case .integer(let integer):
        var digits = DecimalScratch()
        try visit(digits.write(integer))
      case .text(let range): try visit(bytes.extracting(range))
      }
    }
    guard ziplist.isConsistent(bytes) else { throw broken("ziplist") }
  }

  /// Reads a zipmap and calls `visit` for every name and value.
  func zipmap(
    _ scratch: inout ByteBuffer, visit: (RawSpan, RawSpan) throws(RDBError) -> Void
  ) throws(RDBError) {
    try string(into: &scratch)
    let bytes = scratch.bytes
    noteSanitization()
    guard var zipmap = Zipmap(bytes) else { throw broken("zipmap") }
    while !zipmap.isAtEnd(bytes) {
      guard let pair = zipmap.next(bytes) else { throw broken("zipmap") }
      try visit(bytes.extracting(pair.name), bytes.extracting(pair.value))
    }
    guard zipmap.isConsistent(bytes) else { throw broken("zipmap") }
  }
}
