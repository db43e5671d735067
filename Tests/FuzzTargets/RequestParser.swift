// SPDX-License-Identifier: Apache-2.0
// Fuzz modules: RESP

import RESP

// The parser must give the same requests however the bytes arrive, and never read or write outside
// of what it was given. Each call sees a block of exactly the bytes that have arrived, so that the
// address sanitizer notices one byte too many.
//
// Input: one byte of settings, one byte that says how to cut, then what the client sends.

/// One parsed request, or what ended the parsing.
private enum Event: Equatable {
  case request([[UInt8]], isCanonical: Bool)
  case empty
  case failure(ProtocolError)
}

/// Parses all of `bytes`, arriving in pieces whose lengths `next` tells.
private func parse(
  _ bytes: [UInt8], limits: RequestLimits, next: () -> Int
) -> (events: [Event], rest: Int) {
  var events: [Event] = []
  var parser = RequestParser()
  var slices = SliceBuffer(capacity: 8)
  var start = 0
  var arrived = 0
  var stream = bytes
  while arrived < bytes.count {
    arrived = min(bytes.count, arrived + max(1, next()))
    while start < arrived {
      let count = arrived - start
      let needed = parser.bytesNeeded
      let block = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
      defer { block.deallocate() }
      block.copyBytes(from: stream[start..<arrived])
      var position = 0
      let outcome = parser.next(
        in: block, position: &position, limits: limits, slices: &slices)
      precondition(position >= 0 && position <= count)
      precondition(count >= needed || outcome == .incomplete, "bytesNeeded asked for too much")
      // Words of inline requests are unescaped in place.
      stream.replaceSubrange(start..<arrived, with: block)
      switch outcome {
      case .incomplete:
        precondition(position == 0)
        precondition(parser.bytesNeeded > count || !parser.isInsideRequest)
      case .empty:
        precondition(position > 0 && slices.count == 0)
        events.append(.empty)
      case .request:
        // The words of an inline request are limited by its length only.
        precondition(slices.count > 0)
        precondition(slices.count <= limits.maxArguments || stream[start] != UInt8(ascii: "*"))
        var words: [[UInt8]] = []
        for index in 0..<slices.count {
          let slice = slices[index]
          let end = Int(slice.offset) + Int(slice.count)
          precondition(end <= position, "an argument reaches behind its request")
          words.append(Array(block[Int(slice.offset)..<end]))
        }
        events.append(.request(words, isCanonical: parser.isCanonical))
        slices.removeAll()
      case .failure(let error):
        events.append(.failure(error))
        return (events, bytes.count - start)
      }
      start += position
      if outcome == .incomplete { break }
    }
  }
  return (events, bytes.count - start)
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  guard count > 2 else { return 0 }
  let settings = data[0]
  var limits = RequestLimits(authenticated: settings & 1 == 0)
  if settings & 2 != 0 { limits.maxBulkLength = 64 }
  if settings & 4 != 0 { limits.maxArguments = 3 }
  if settings & 8 != 0 { limits.maxInlineLength = 32 }
  let bytes = Array(UnsafeBufferPointer(start: data + 2, count: count - 2))

  let whole = parse(bytes, limits: limits) { bytes.count }
  var state = UInt32(data[1]) &* 2_654_435_761 | 1
  let pieces = parse(bytes, limits: limits) {
    state = state &* 1_664_525 &+ 1_013_904_223
    return Int(state >> 24) % (Int(data[1]) % 24 + 1) + 1
  }
  // A line that is too long is refused as soon as that is known; how much is left may differ.
  precondition(whole.events == pieces.events, "the result depends on how the bytes were cut")
  return 0
}
