// SPDX-License-Identifier: Apache-2.0
import RESP

/// What the parser says about one request, with everything copied out.
enum Parsed: Equatable {
  case request([[UInt8]], canonical: Bool)
  case empty
  case failure(ProtocolError)
}

/// Runs bytes through the parser in pieces, as a connection would, and compares ways of cutting.
enum RequestParserCheck {
  /// Parses all requests of `bytes`, which arrive in pieces that end at the given offsets.
  ///
  /// Every piece is parsed in memory of its own, so a stale address would show.
  static func parse(
    _ bytes: [UInt8], cuts: [Int] = [], limits: RequestLimits = RequestLimits(),
    honoursBytesNeeded: Bool = false
  ) -> [Parsed] {
    var results: [Parsed] = []
    var parser = RequestParser()
    var slices = SliceBuffer(capacity: 8)
    var kept: [UInt8] = []
    var sent = 0
    for cut in cuts + [bytes.count] {
      kept += bytes[sent..<cut]
      sent = cut
      if honoursBytesNeeded && kept.count < parser.bytesNeeded { continue }
      // The prefix shows that offsets count from the request and not from the buffer.
      var memory = [UInt8](repeating: 0x55, count: 3) + kept
      var position = 3
      let ended = feed(&memory, &position, &parser, &slices, limits, &results)
      kept = Array(memory[position...])
      if ended { break }
    }
    return results
  }

  /// Parses as far as the bytes go; true after a failure.
  private static func feed(
    _ memory: inout [UInt8], _ position: inout Int, _ parser: inout RequestParser,
    _ slices: inout SliceBuffer, _ limits: RequestLimits, _ results: inout [Parsed]
  ) -> Bool {
    while true {
      let start = position
      let outcome = unsafe memory.withUnsafeMutableBytes { buffer in
        unsafe parser.next(in: buffer, position: &position, limits: limits, slices: &slices)
      }
      switch outcome {
      case .incomplete:
        precondition(position == start)
        precondition(position == memory.count || parser.isInsideRequest)
        precondition(parser.bytesNeeded > memory.count - position)
        return false
      case .failure(let error):
        results.append(.failure(error))
        return true
      case .empty:
        precondition(position > start && slices.count == 0)
        results.append(.empty)
      case .request:
        precondition(position > start && !parser.isInsideRequest)
        results.append(
          .request(
            copies(of: memory, from: start, slices), canonical: parser.isCanonical))
        slices.removeAll()
      }
    }
  }

  private static func copies(
    of memory: [UInt8], from start: Int, _ slices: borrowing SliceBuffer
  ) -> [[UInt8]] {
    unsafe memory.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return [] }
      let arguments = unsafe Arguments(
        base: base + start, slices: slices.base, count: slices.count)
      return (0..<arguments.count).map { array(arguments[$0]) }
    }
  }

  /// Whether random cuts give what the bytes give in one piece; the body of a fuzz target.
  ///
  /// It also holds that a canonical request is encoded to the very bytes it was read from.
  static func isIndependentOfCuts(_ bytes: [UInt8], seed: UInt64) -> Bool {
    var random = SeededGenerator(seed: seed)
    let limits =
      random.next() & 3 == 0
      ? RequestLimits(
        maxBulkLength: 40, maxInlineLength: 24, authenticated: random.next() & 1 == 0)
      : RequestLimits(maxInlineLength: 64, authenticated: random.next() & 1 == 0)
    let whole = parse(bytes, limits: limits)
    for _ in 0..<4 {
      let pieces = random.below(min(bytes.count, 8) + 1)
      let cuts = (0..<pieces).map { _ in random.below(bytes.count + 1) }.sorted()
      let honours = random.next() & 1 == 0
      let result = parse(bytes, cuts: cuts, limits: limits, honoursBytesNeeded: honours)
      // A connection that waits for more bytes has not seen the end of a cut-off input yet.
      if result != whole && !(honours && whole.starts(with: result)) { return false }
    }
    return encodesCanonically(whole, bytes)
  }

  private static func encodesCanonically(_ results: [Parsed], _ bytes: [UInt8]) -> Bool {
    var writer = CommandWriter()
    for case .request(let arguments, canonical: true) in results {
      writer.removeAll()
      writer.begin(argumentCount: arguments.count)
      for argument in arguments { writer.append(unsafe argument.span.bytes) }
      let encoded = array(writer.bytes)
      if !bytes.isEmpty && !contains(bytes, encoded) { return false }
    }
    return true
  }

  private static func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    guard part.count <= bytes.count else { return false }
    return (0...(bytes.count - part.count)).contains { bytes[$0...].starts(with: part) }
  }
}
