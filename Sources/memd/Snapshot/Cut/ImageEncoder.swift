// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Encodes images as RDB bytes; used where the images are handed to, which may be a helper thread.
final class ImageEncoder {
  private let writer: RDBWriter
  /// The earliest deadline of the fields of the hash that is being written.
  private var earliest: Int64?

  init(_ writer: RDBWriter) { self.writer = writer }

  /// Encodes all records of a piece.
  func encode(_ piece: ImagePiece) {
    guard writer.failure == nil else { return }
    unsafe piece.forEach { header, payload in unsafe encode(header, payload) }
  }

  private func encode(_ header: ImageHeader, _ payload: UnsafeMutableRawBufferPointer) {
    let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(payload))
    switch header.kind {
    case .database: database(bytes, isFirst: header.form != 0)
    case .entry: unsafe writer.key(entry(payload), access: header.access)
    case .head: unsafe head(header, payload)
    case .count: writer.length(Int(header.value))
    case .leaf: unsafe leaf(payload)
    case .members:
      var reader = ImageReader(bytes)
      while !reader.isAtEnd { writer.string(reader.text()) }
    case .fields: fields(bytes)
    case .packedNode: writer.packedNode(bytes)
    case .plainNode: writer.plainNode(bytes)
    case .streamNode:
      var reader = ImageReader(bytes)
      let milliseconds = UInt64(bitPattern: reader.integer())
      let id = StreamID(milliseconds, UInt64(bitPattern: reader.integer()))
      writer.streamNode(id, bytes.extracting(16..<bytes.byteCount))
    case .encoded: writer.raw(bytes)
    }
  }

  private func database(_ bytes: RawSpan, isFirst: Bool) {
    var reader = ImageReader(bytes)
    writer.opcode(.selectDatabase)
    writer.length(Int(reader.integer()))
    guard isFirst else { return }
    writer.opcode(.resize)
    writer.length(Int(reader.integer()))
    writer.length(Int(reader.integer()))
  }

  private func entry(_ payload: UnsafeMutableRawBufferPointer) -> Entry {
    // No record with an entry is empty.
    unsafe Entry(payload.baseAddress.unsafelyUnwrapped)
  }

  private func head(_ header: ImageHeader, _ payload: UnsafeMutableRawBufferPointer) {
    guard let kind = RDBFormat.ValueKind(rawValue: header.form) else {
      preconditionFailure("an image of a type that RDB doesn't have")
    }
    writer.head(unsafe entry(payload), access: header.access, as: kind)
    earliest = kind == .hashMetadata ? header.value : nil
    if let earliest { writer.littleEndian(earliest) }
  }

  private func leaf(_ payload: UnsafeMutableRawBufferPointer) {
    // The payload is the leaf's own bytes, which are never none.
    let leaf = unsafe SortedSetLeaf(image: payload.baseAddress.unsafelyUnwrapped)
    leaf.forEach { element in
      writer.string(element.member)
      writer.double(element.score)
    }
  }

  private func fields(_ bytes: RawSpan) {
    var reader = ImageReader(bytes)
    while !reader.isAtEnd {
      let deadline = reader.integer()
      if let earliest { writer.fieldDeadline(deadline == .min ? nil : deadline, from: earliest) }
      writer.string(reader.text())
      writer.string(reader.text())
    }
  }
}

/// Goes over the payload of a record.
private struct ImageReader: ~Escapable {
  private let bytes: RawSpan
  private var offset = 0

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan) { self.bytes = bytes }

  var isAtEnd: Bool { offset >= bytes.byteCount }

  /// The next eight bytes.
  mutating func integer() -> Int64 {
    defer { offset += 8 }
    return unsafe bytes.unsafeLoad(fromByteOffset: offset, as: Int64.self)
  }

  /// The next length and the bytes behind it.
  @_lifetime(copy self)
  mutating func text() -> RawSpan {
    let count = Int(integer())
    let text = bytes.extracting(offset..<offset + count)
    offset += (count + 7) & ~7
    return text
  }
}
