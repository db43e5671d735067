// SPDX-License-Identifier: Apache-2.0

/// Incremental reader of replies in both protocol versions.
///
/// Bytes are fed in pieces of any size; complete replies come out. Aggregates that are not complete
/// wait on a stack, so no byte is read twice except those of a cut line.
public struct ReplyReader {
  private struct Aggregate {
    var type: UInt8
    var missing: Int
    var elements: [Reply]
  }

  /// Deepest nesting that is accepted.
  public static var maxDepth: Int { 128 }
  /// Longest line that is accepted, in bytes.
  public static var maxLineLength: Int { 64 << 10 }
  /// Longest string that is accepted, in bytes.
  public static var maxBulkLength: Int { 4 << 30 }

  private var bytes: [UInt8] = []
  private var index = 0
  private var scanned = 0
  private var stack: [Aggregate] = []

  /// Makes a reader without bytes.
  public init() {}

  /// Adds bytes behind those that wait to be read.
  public mutating func feed(_ added: some Sequence<UInt8>) {
    discardRead()
    bytes.append(contentsOf: added)
  }

  /// Adds bytes behind those that wait to be read.
  public mutating func feed(_ added: RawSpan) {
    unsafe added.withUnsafeBytes { unsafe feed($0) }
  }

  /// The next complete reply; nil if more bytes are needed. After an error the reader is done for.
  public mutating func next() throws(ReplyError) -> Reply? {
    while let part = try part() {
      var value = part
      while true {
        guard var top = stack.popLast() else { return value }
        top.elements.append(value)
        top.missing -= 1
        if top.missing > 0 {
          stack.append(top)
          break
        }
        value = Self.finished(top)
      }
    }
    return nil
  }

  /// Reads one scalar or empty aggregate; pushes the headers of other aggregates on the stack.
  private mutating func part() throws(ReplyError) -> Reply? {
    while true {
      guard let line = try line() else { return nil }
      let type = bytes[index]
      let text = bytes[(index + 1)..<line]
      switch type {
      case 0x24, 0x21, 0x3D:
        return try bulk(type, length: text, from: line + 2)
      case 0x2A, 0x25, 0x7E, 0x3E, 0x7C:
        let count = try Self.number(text)
        consume(to: line + 2)
        if count == -1 && type == 0x2A { return .nullArray }
        let missing = try Self.elementCount(type, count)
        let aggregate = Aggregate(type: type, missing: missing, elements: [])
        if missing == 0 { return Self.finished(aggregate) }
        guard stack.count < Self.maxDepth else { throw .tooDeep }
        stack.append(aggregate)
      default:
        let reply = try Self.scalar(type, text)
        consume(to: line + 2)
        return reply
      }
    }
  }

  /// Number of replies that an aggregate of `count` consists of.
  private static func elementCount(_ type: UInt8, _ count: Int) throws(ReplyError) -> Int {
    guard count >= 0 && count <= Int(Int32.max) else { throw .invalidLength }
    switch type {
    case 0x25: return count * 2
    case 0x7C: return count * 2 + 1
    default: return count
    }
  }

  private static func finished(_ aggregate: Aggregate) -> Reply {
    switch aggregate.type {
    case 0x25: return .map(aggregate.elements)
    case 0x7E: return .set(aggregate.elements)
    case 0x3E: return .push(aggregate.elements)
    case 0x7C:
      guard let reply = aggregate.elements.last else { return .null }
      return .attributed(Array(aggregate.elements.dropLast()), reply)
    default: return .array(aggregate.elements)
    }
  }

  private static func scalar(_ type: UInt8, _ line: ArraySlice<UInt8>) throws(ReplyError) -> Reply {
    let text = String(decoding: line, as: UTF8.self)
    switch type {
    case 0x2B: return .status(text)
    case 0x2D: return .error(text)
    case 0x3A: return .integer(try number(line))
    case 0x2C: return .double(text)
    case 0x28: return .bigNumber(text)
    case 0x5F where line.isEmpty: return .null
    case 0x23 where text == "t": return .boolean(true)
    case 0x23 where text == "f": return .boolean(false)
    case 0x5F, 0x23: throw .invalidValue
    default: throw .unknownType(type)
    }
  }

  /// Reads a string whose header is complete; nil if its bytes are not.
  private mutating func bulk(
    _ type: UInt8, length: ArraySlice<UInt8>, from start: Int
  ) throws(ReplyError) -> Reply? {
    let length = try Self.number(length)
    if length == -1 && type == 0x24 {
      consume(to: start)
      return .null
    }
    guard length >= 0 && length <= Self.maxBulkLength else { throw .invalidLength }
    let end = start + length
    guard bytes.count >= end + 2 else { return nil }
    guard bytes[end] == 0x0D && bytes[end + 1] == 0x0A else { throw .missingLineEnd }
    let body = bytes[start..<end]
    consume(to: end + 2)
    switch type {
    case 0x24: return .bulk(Array(body))
    case 0x21: return .error(String(decoding: body, as: UTF8.self))
    default:
      guard length >= 4 && body[start + 3] == 0x3A else { throw .invalidValue }
      let format = String(decoding: body.prefix(3), as: UTF8.self)
      return .verbatim(format: format, text: Array(body.dropFirst(4)))
    }
  }

  /// Index of the carriage return that ends the line at `index`; nil if it has not come yet.
  private mutating func line() throws(ReplyError) -> Int? {
    var end = max(scanned, index)
    while end + 1 < bytes.count {
      if bytes[end] == 0x0D && bytes[end + 1] == 0x0A {
        guard end > index else { throw .unknownType(0x0D) }
        scanned = end
        return end
      }
      end += 1
    }
    scanned = end
    if end - index > Self.maxLineLength { throw .tooLongLine }
    return nil
  }

  private mutating func consume(to end: Int) {
    index = end
    scanned = end
  }

  /// Moves the unread bytes to the front once most of the buffer is read.
  private mutating func discardRead() {
    guard index > 4096 && index > bytes.count / 2 || index == bytes.count else { return }
    bytes.removeFirst(index)
    scanned = max(scanned - index, 0)
    index = 0
  }

  /// Reads the decimal number of a header.
  private static func number(_ text: ArraySlice<UInt8>) throws(ReplyError) -> Int {
    guard text.count <= 21, let value = Int(String(decoding: text, as: UTF8.self)) else {
      throw .invalidLength
    }
    return value
  }
}
