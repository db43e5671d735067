// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A command that may not be what was written: zero bytes stand at the end of a sector in it.
struct LogGap {
  /// The last such bytes, within one sector.
  let zeros: Range<Int>
  /// Up to where the file is whole in front of the command, the checksum as of there, and the point
  /// of the stream.
  let wholeOffset: Int
  let checksum: LogChecksum
  let position: LogPosition?
}

/// Reads the commands of a log's file from bytes that come in pieces; results don't depend on how
/// they were cut.
///
///     reader.feed(bytes)
///     while true {
///       switch try reader.next() {
///       case .command: execute(reader.arguments)
///       ...
///       case .needsBytes: feed more, or at the end of the file ask finish()
///
/// A file holds commands as clients send them, in their canonical form, and annotations, which are
/// lines that begin with #. Redis reads a few more things, such as any two bytes in the place of a
/// line end behind an argument; it doesn't write them. Memory grows with the bytes that have come,
/// not with what they announce.
@safe
final class LogReader {
  /// What comes next in the file.
  enum Item: Equatable {
    /// See `arguments` and `range`.
    case command
    /// memd's, and what it says of the bytes before it is true.
    case annotation(LogAnnotation)
    /// Redis's: seconds since 1970.
    case timestamp(Int)
    /// Everything that was fed is used up, as far as it is complete.
    case needsBytes
  }

  /// Where the last command or annotation stands in the file.
  private(set) var range: Range<Int>
  /// Behind the last command that isn't part of a transaction, the last EXEC, or the last
  /// annotation between such: what is in front of it can be executed as it is.
  private(set) var wholeOffset: Int
  /// The checksum as of `wholeOffset`: who cuts the file there goes on with it.
  private(set) var wholeChecksum = LogChecksum()
  /// Behind the last annotation that has confirmed everything in front of it.
  private(set) var confirmedOffset: Int
  /// The point of the stream as of `wholeOffset`, as annotations say; nil without them.
  private(set) var wholePosition: LogPosition?
  /// The same as of the last command.
  private var streamPosition: LogPosition?
  /// Commands behind the last annotation in which sectors may be missing: if the next one says that
  /// this is not what was written, they are.
  private(set) var gaps: [LogGap] = []
  /// Whether MULTI was read and EXEC was not.
  private(set) var isInsideTransaction = false

  private let input = Held(ByteBuffer())
  /// File offset of the first byte of `input`.
  private var inputOffset: Int
  /// In `input`: behind what was read.
  private var position = 0
  private var parser = RequestParser()
  private let slices = Held(SliceBuffer(capacity: 64))
  private var checksum = LogChecksum()
  /// Where something that can't be right begins, if from there on all bytes were zero so far: then
  /// it may be that the file ends in the middle of something.
  private var suspicion: LogFailure?
  private var zeroByteCount = 0

  /// Redis's, its line end included. It reads longer lines as several.
  private static let annotationByteCountMax = 1024
  private static let gapCountMax = 4096
  private static let limits = RequestLimits(maxBulkLength: Int(UInt32.max))

  /// Reads a file from an offset on: 0, or behind the RDB that stands in front of the commands.
  init(offset: Int = 0) {
    range = offset..<offset
    wholeOffset = offset
    confirmedOffset = offset
    inputOffset = offset
  }

  deinit {
    input.free()
    slices.free()
  }

  /// The arguments of the command that `next` has found; they stand until the next call of `next`
  /// or `feed`.
  var arguments: Arguments {
    let start = range.lowerBound - inputOffset
    return unsafe input.value.bytes.withUnsafeBytes { bytes in
      precondition(start >= 0 && start < bytes.count && slices.value.count > 0)
      // The command was parsed, so there are bytes.
      return unsafe Arguments(
        base: bytes.baseAddress.unsafelyUnwrapped + start, slices: slices.value.base,
        count: slices.value.count)
    }
  }

  /// Appends the bytes of the command that `next` has found, as long as its arguments stand.
  func appendCommand(to bytes: inout [UInt8]) {
    let start = range.lowerBound - inputOffset
    let command = input.value.bytes.extracting(start..<start + range.count)
    unsafe command.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  /// Memory that is in use.
  var memoryByteCount: Int {
    input.value.capacity + slices.value.capacity * MemoryLayout<Slice>.stride
  }

  /// Takes the next bytes of the file.
  func feed(_ bytes: RawSpan) {
    input.value.removeFirst(position)
    inputOffset += position
    position = 0
    if input.value.isEmpty, input.value.capacity > 1 << 20 {
      input.value.removeAll(keepingCapacity: false)
    }
    input.value.append(bytes)
  }

  /// Reads the next command or annotation.
  func next() throws(LogFailure) -> Item {
    if suspicion != nil { return try passZeros() }
    if !parser.isInsideRequest { slices.value.removeAll() }
    while position < input.value.count {
      switch input.value.bytes.byte(position) {
      case UInt8(ascii: "*"): return try command()
      case UInt8(ascii: "#"): if let item = try annotation() { return item }
      default: return try refuse(at: position)
      }
    }
    return .needsBytes
  }

  /// There are no more bytes: tells how the file ends, or that it doesn't end but is damaged.
  func finish() throws(LogFailure) -> LogEnding {
    if suspicion != nil { _ = try passZeros() }
    let end = input.value.count
    if suspicion == nil, position == end {
      return isInsideTransaction ? .insideTransaction : .whole
    }
    if let place = swallowedAnnotation() { throw failure(.checksum, end: place) }
    var zeros = 0
    while zeros < end - position, input.value.bytes.byte(end - 1 - zeros) == 0 { zeros += 1 }
    return .torn(zeroByteCount: zeros + zeroByteCount)
  }

  // MARK: - Commands

  private func command() throws(LogFailure) -> Item {
    let start = position
    guard input.value.count - start >= parser.bytesNeeded else { return .needsBytes }
    let outcome = parse(&parser, first: input.value.count, &position, &slices.value)
    guard parser.isCanonical, outcome == .request || outcome == .incomplete else {
      position = start
      return try refuse(at: firstOffence())
    }
    guard outcome == .request else { return .needsBytes }
    range = inputOffset + start..<inputOffset + position
    checksum.add(input.value.bytes.extracting(start..<position))
    noteGap()
    streamPosition?.advance(position - start)
    switch Keyword(folding: arguments[0]) {
    case Keyword("multi"): isInsideTransaction = true
    case Keyword("exec"): isInsideTransaction = false
    default: break
    }
    noteWhole()
    return .command
  }

  /// Notes whether zero bytes stand at the end of a sector in the command that was read last. One
  /// byte of each is looked at; values may hold such bytes, too. Without annotations nobody could
  /// tell.
  private func noteGap() {
    let size = UnwrittenSectors.sectorByteCount
    guard streamPosition != nil, gaps.count < Self.gapCountMax else { return }
    var end = range.upperBound / size * size
    let bytes = input.value.bytes
    while end > range.lowerBound {
      if bytes.byte(end - 1 - inputOffset) == 0 {
        var start = end - 1
        while start > max(end - size, range.lowerBound), bytes.byte(start - 1 - inputOffset) == 0 {
          start -= 1
        }
        gaps.append(
          LogGap(
            zeros: start..<end, wholeOffset: wholeOffset, checksum: wholeChecksum,
            position: wholePosition))
        return
      }
      end -= size
    }
  }

  /// Takes what was read for what was written.
  func forgetGaps() { gaps.removeAll() }

  private func noteWhole() {
    guard !isInsideTransaction else { return }
    wholeOffset = inputOffset + position
    wholeChecksum = checksum
    wholePosition = streamPosition
  }

  /// Lets a parser look at the bytes from `position` up to `end`.
  private func parse(
    _ parser: inout RequestParser, first end: Int, _ position: inout Int,
    _ slices: inout SliceBuffer
  ) -> RequestParser.Outcome {
    unsafe input.value.bytes.extracting(first: end).withUnsafeBytes { bytes in
      // Only inline requests are changed in place, and this one begins with an asterisk.
      unsafe parser.next(
        in: UnsafeMutableRawBufferPointer(mutating: bytes), position: &position,
        limits: Self.limits, slices: &slices)
    }
  }

  /// Where in the input the first byte stands that doesn't fit what begins at `position`, which was
  /// refused. It must not depend on how many bytes were there.
  private func firstOffence() -> Int {
    var parser = RequestParser()
    var slices = SliceBuffer(capacity: 8)
    var end = position
    while end < input.value.count {
      end = min(max(position + parser.bytesNeeded, end + 1), input.value.count)
      var place = position
      let outcome = parse(&parser, first: end, &place, &slices)
      if outcome != .incomplete || !parser.isCanonical { break }
    }
    return end - 1
  }

  // MARK: - Annotations

  /// Reads a line that begins with #; nil if it is of no interest.
  private func annotation() throws(LogFailure) -> Item? {
    let rest = input.value.bytes.extracting(position..<input.value.count)
    let limit = min(rest.byteCount, Self.annotationByteCountMax)
    guard let end = (0..<limit).first(where: { rest.byte($0) == 0x0A }) else {
      if limit < Self.annotationByteCountMax { return .needsBytes }
      return try refuse(at: position + limit - 1)
    }
    let line = rest.extracting(first: end + 1)
    // Nobody writes such a line: a part of the file is missing in it.
    if let zero = (0..<end).first(where: { rest.byte($0) == 0 }) {
      return try refuse(at: position + zero)
    }
    range = inputOffset + position..<inputOffset + position + line.byteCount
    if Self.begins(line, with: LogAnnotation.start) { return try confirm(line) }
    checksum.add(line)
    position += line.byteCount
    noteWhole()
    return Self.timestamp(line).map(Item.timestamp)
  }

  /// Compares what an annotation says with what was read.
  private func confirm(_ line: RawSpan) throws(LogFailure) -> Item {
    guard let annotation = LogAnnotation(line: line) else {
      throw failure(.annotation, end: range.upperBound)
    }
    var sealed = checksum
    let own = sealed.seal(
      replicationID: annotation.replicationID, offset: annotation.offset,
      synced: annotation.synced)
    guard own == annotation else { throw failure(.checksum, end: range.upperBound) }
    checksum = sealed
    position += line.byteCount
    confirmedOffset = range.upperBound
    gaps.removeAll()
    streamPosition = LogPosition(annotation)
    noteWhole()
    return .annotation(annotation)
  }

  private static func begins(_ line: RawSpan, with start: StaticString) -> Bool {
    let start = ByteText(start)
    return line.byteCount >= start.count
      && line.extracting(first: start.count).equals(start.rawSpan)
  }

  /// Seconds since 1970 from Redis's `#TS:<seconds>`.
  private static func timestamp(_ line: RawSpan) -> Int? {
    guard begins(line, with: "#TS:") else { return nil }
    return ByteText(DirectiveText.trimmed(line.copied.dropFirst(4))).integer()
  }

  /// Where an annotation ends that was taken for a part of what is incomplete: it continues the
  /// chain of annotations, so what looks incomplete has a wrong length and is damaged.
  private func swallowedAnnotation() -> Int? {
    let bytes = input.value.bytes
    var place = position + 1
    while place < bytes.byteCount {
      defer { place += 1 }
      let rest = bytes.extracting(place..<min(bytes.byteCount, place + LogAnnotation.byteCountMax))
      guard rest.byte(0) == UInt8(ascii: "#"), Self.begins(rest, with: LogAnnotation.start),
        let end = (0..<rest.byteCount).first(where: { rest.byte($0) == 0x0A }),
        let annotation = LogAnnotation(line: rest.extracting(first: end + 1)),
        inputOffset + place - annotation.since == confirmedOffset
      else { continue }
      return inputOffset + place + end + 1
    }
    return nil
  }

  // MARK: - Damage

  /// The byte at `place` of the input can't be right. Unless it and all behind it are zero, the
  /// file is damaged.
  private func refuse(at place: Int) throws(LogFailure) -> Item {
    suspicion = failure(.malformed, end: inputOffset + place + 1)
    // What was fed behind the place is looked at like what is still to come.
    return try passZeros(from: place)
  }

  /// Counts the zero bytes behind a suspicion, and drops those that were fed since.
  private func passZeros(from place: Int? = nil) throws(LogFailure) -> Item {
    guard let suspicion else { return .needsBytes }
    let bytes = input.value.bytes
    let first = place ?? suspicion.range.upperBound - inputOffset
    for offset in max(first, 0)..<max(bytes.byteCount, first, 0) where bytes.byte(offset) != 0 {
      throw suspicion
    }
    let kept = max(position, suspicion.range.upperBound - inputOffset)
    if bytes.byteCount > kept {
      zeroByteCount += bytes.byteCount - kept
      input.value.truncate(to: kept)
    }
    return .needsBytes
  }

  private func failure(_ reason: LogFailure.Reason, end: Int) -> LogFailure {
    LogFailure(reason: reason, range: confirmedOffset..<end, wholeOffset: wholeOffset)
  }
}
