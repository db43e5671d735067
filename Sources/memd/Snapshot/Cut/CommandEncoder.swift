// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Encodes images as the commands that make the same data of nothing, as clients send them.
///
/// Of a large value nothing is kept but what one command takes, and, of a stream, what is pending.
/// What commands don't say is lost: how recently a key was used, when a consumer was seen.
final class CommandEncoder: ImageEncoder {
  private let output: CommandOutput
  private let options: SnapshotOutput.Options

  /// What the records of a large value are.
  private enum Parts {
    /// Bytes of a string.
    case text
    case elements
    case stream(StreamRestorer)
  }

  /// The large value that is under way.
  private var parts: Parts?
  /// The deadline of the key that is under way.
  private var deadline: Int64?
  /// Deadlines of gathered fields, and where their names stand among the gathered elements.
  private var fieldDeadlines: [(deadline: Int64, name: Range<Int>)] = []

  init(to sink: any SnapshotSink, _ options: SnapshotOutput.Options) {
    output = CommandOutput(to: sink)
    self.options = options
  }

  var failure: DiskError? { output.failure }

  /// Commands have no header, but libraries of functions come first.
  func begin() {
    for library in options.libraries {
      output.beginKeyless("FUNCTION", argumentCount: 2)
      output.append("LOAD")
      output.append(library.rawSpan)
    }
  }

  func encode(_ piece: ImagePiece) {
    guard output.failure == nil else { return }
    unsafe piece.forEach { header, payload in unsafe encode(header, payload) }
  }

  func finish() throws(DiskError) {
    endKey()
    try output.finish()
  }

  // MARK: - Records

  private func encode(_ header: ImageHeader, _ payload: UnsafeMutableRawBufferPointer) {
    let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(payload))
    switch header.kind {
    case .database: select(bytes)
    case .entry: entry(unsafe Entry(payload.baseAddress.unsafelyUnwrapped))
    case .head: head(unsafe Entry(payload.baseAddress.unsafelyUnwrapped), header)
    case .count: count(Int(header.value))
    case .leaf:
      // The payload is the leaf's own bytes, which are never none.
      let leaf = unsafe SortedSetLeaf(image: payload.baseAddress.unsafelyUnwrapped)
      leaf.forEach { add($0.member, score: $0.score) }
    case .members:
      var reader = ImageReader(bytes)
      while !reader.isAtEnd { add(reader.text()) }
    case .fields: fields(bytes)
    case .packedNode: add(unsafe Listpack(payload.baseAddress.unsafelyUnwrapped))
    case .plainNode: add(bytes)
    case .streamNode, .figures, .group: streamPart(header.kind, bytes)
    case .encoded: encoded(bytes)
    }
  }

  private func select(_ bytes: RawSpan) {
    endKey()
    var reader = ImageReader(bytes)
    output.beginKeyless("SELECT", argumentCount: 1)
    output.append(integer: reader.count())
  }

  private func beginKey(of entry: Entry) {
    endKey()
    output.beginKey(entry.key)
    deadline = entry.deadlineIfAny
  }

  /// Writes what stands behind the value of the key that is under way.
  private func endKey() {
    switch parts {
    case .text: output.endArgument()
    case .elements: writeElements()
    case .stream(let stream): stream.finish()
    case nil: break
    }
    parts = nil
    guard let deadline else { return }
    output.begin("PEXPIREAT", argumentCount: 1)
    output.append(integer: Int(deadline))
    self.deadline = nil
  }

  /// A key whose value is a string or packed.
  private func entry(_ entry: Entry) {
    beginKey(of: entry)
    guard !entry.header.isString else {
      output.begin("SET", argumentCount: 1)
      let value = StringValue(entry)
      if let integer = value.integer { return output.append(integer: integer) }
      return output.append(value.stored)
    }
    beginElements(of: entry.header.type)
    switch entry.header.type {
    case .list: add(entry.listpack)
    case .set:
      SetValue(entry).forEach {
        add($0)
        return true
      }
    case .sortedSet:
      let set = SortedSetValue(entry)
      var walk = SortedSetWalk(set, from: 0, count: set.count)
      var scratch = DecimalScratch()
      while let member = walk.next() { add(member.text(&scratch), score: member.score) }
    case .hash:
      var nameScratch = DecimalScratch()
      var valueScratch = DecimalScratch()
      HashValue(entry).forEach(before: .min) { name, value, deadline in
        add(name.text(&nameScratch), value.text(&valueScratch), deadline: deadline)
      }
    case .string, .stream: preconditionFailure("a value that is not packed")
    }
    writeElements()
  }

  /// The entry of a large value, whose parts follow.
  private func head(_ entry: Entry, _ header: ImageHeader) {
    beginKey(of: entry)
    switch entry.header.type {
    case .string: parts = .text
    case .stream:
      guard let kind = RDBFormat.ValueKind(rawValue: header.form) else {
        preconditionFailure("an image of a type that RDB doesn't have")
      }
      parts = .stream(StreamRestorer(output, kind, compresses: options.compresses))
    case .list, .set, .sortedSet, .hash:
      parts = .elements
      beginElements(of: entry.header.type)
    }
  }

  private func count(_ count: Int) {
    switch parts {
    case .text:
      output.begin("SET", argumentCount: 1)
      output.beginArgument(byteCount: count)
    case .stream(let stream): stream.nodeCount = count
    case .elements, nil: break
    }
  }

  private func encoded(_ bytes: RawSpan) {
    if case .stream(let stream) = parts { return stream.producers = bytes.copied }
    output.append(raw: bytes)
  }

  private func streamPart(_ kind: ImageKind, _ bytes: RawSpan) {
    guard case .stream(let stream) = parts else {
      preconditionFailure("a part of a stream without its head")
    }
    switch kind {
    case .figures: stream.figures = StreamFigures(bytes)
    case .group: stream.groups.append(bytes.copied)
    default: stream.add(node: bytes)
    }
  }

  // MARK: - Elements

  private func beginElements(of type: Entry.ValueType) {
    switch type {
    case .list: output.beginElements("RPUSH")
    case .set: output.beginElements("SADD")
    case .sortedSet: output.beginElements("ZADD")
    case .hash: output.beginElements("HSET")
    case .string, .stream: preconditionFailure("a value without elements")
    }
  }

  private func writeElements() {
    output.writeElements()
    writeFieldDeadlines()
    output.dropElements()
  }

  private func endElement(argumentCount: Int) {
    if output.endElement(argumentCount: argumentCount) { writeElements() }
  }

  /// An element of a list or set.
  private func add(_ text: RawSpan) {
    output.elements.value.append(text)
    endElement(argumentCount: 1)
  }

  private func add(_ listpack: Listpack) {
    var scratch = DecimalScratch()
    var position = listpack.first
    while let current = position {
      add(listpack.text(at: current, &scratch))
      position = listpack.next(current)
    }
  }

  private func add(_ member: RawSpan, score: Double) {
    output.elements.value.append(double: score)
    output.elements.value.append(member)
    endElement(argumentCount: 2)
  }

  // MARK: - Fields

  private func fields(_ bytes: RawSpan) {
    var reader = ImageReader(bytes)
    while !reader.isAtEnd {
      let deadline = reader.integer()
      let name = reader.text()
      add(name, reader.text(), deadline: deadline == .min ? nil : deadline)
    }
  }

  private func add(_ name: RawSpan, _ value: RawSpan, deadline: Int64?) {
    let start = output.elements.value.count
    output.elements.value.append(name)
    if let deadline {
      // HPEXPIREAT takes no later ones; files may have them.
      let instant = min(deadline, Int64(FieldDeadline.latest))
      fieldDeadlines.append((instant, start..<output.elements.value.count))
    }
    output.elements.value.append(value)
    endElement(argumentCount: 2)
  }

  /// Writes the deadlines of the fields that have just been written, those of neighbours together
  /// if they are the same.
  private func writeFieldDeadlines() {
    var start = 0
    while start < fieldDeadlines.count {
      let deadline = fieldDeadlines[start].deadline
      var end = start + 1
      while end < fieldDeadlines.count, fieldDeadlines[end].deadline == deadline { end += 1 }
      output.begin("HPEXPIREAT", argumentCount: 3 + end - start)
      output.append(integer: Int(deadline))
      output.append("FIELDS")
      output.append(integer: end - start)
      for index in start..<end {
        output.append(elementsIn: fieldDeadlines[index].name)
      }
      start = end
    }
    fieldDeadlines.removeAll(keepingCapacity: true)
  }
}
