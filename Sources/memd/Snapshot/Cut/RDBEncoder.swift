// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Encodes images as an RDB file.
final class RDBEncoder: ImageEncoder {
  private let writer: RDBWriter
  private let options: SnapshotOutput.Options
  /// The earliest deadline of the fields of the hash that is being written.
  private var earliest: Int64?
  /// The form of the value that is being written; asked for if it is a stream.
  private var streamKind = RDBFormat.ValueKind.streamListpacks2

  init(to sink: any SnapshotSink, _ options: SnapshotOutput.Options) {
    self.options = options
    writer = RDBWriter(to: sink, compresses: options.compresses, version: options.version)
  }

  var failure: DiskError? { writer.failure }

  func begin() {
    let digits = String(options.version)
    let name = "REDIS" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
    writer.raw(Array(name.utf8).rawSpan)
    for property in options.properties {
      writer.opcode(.aux)
      writer.string(Array(property.name.utf8).rawSpan)
      writer.string(Array(property.value.utf8).rawSpan)
    }
    for library in options.libraries { writer.library(library.rawSpan) }
  }

  func finish() throws(DiskError) {
    writer.opcode(.end)
    try writer.finish(hasChecksum: options.hasChecksum)
    assert(writer.neededVersion <= options.version, "a snapshot needs a newer version")
  }

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
      writer.streamNode(reader.id(), bytes.extracting(16..<bytes.byteCount))
    case .figures: writer.figures(StreamFigures(bytes))
    case .group: writer.group(GroupImage(bytes), streamKind)
    case .encoded: writer.raw(bytes)
    }
  }

  private func database(_ bytes: RawSpan, isFirst: Bool) {
    var reader = ImageReader(bytes)
    writer.opcode(.selectDatabase)
    writer.length(reader.count())
    guard isFirst else { return }
    writer.opcode(.resize)
    writer.length(reader.count())
    writer.length(reader.count())
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
    streamKind = kind
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
