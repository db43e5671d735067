// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Hashes: fields one by one or packed, with deadlines or without.

extension RDBReader {
  /// The latest deadline of a field; Redis keeps them in 48 bits.
  private static let fieldDeadlineMax: Int64 = (1 << 48) - 1

  /// Reads a hash.
  func hash(
    _ kind: RDBFormat.ValueKind, key: RawSpan, hasDeadline: Bool, _ database: Database,
    _ scratch: inout ByteBuffer
  ) throws(RDBError) -> ValueOutcome {
    let mayExpire = kind.rawValue >= RDBFormat.ValueKind.hashDeadlines.rawValue
    var assembler = HashAssembler(database, mayExpire: mayExpire)
    do throws(RDBError) {
      switch kind {
      case .hash: try addFields(to: &assembler, &scratch)
      case .hashZipmap:
        try zipmap(&scratch) { name, value throws(RDBError) in
          try add(name, value, nil, to: &assembler)
        }
      case .hashZiplist: try addZiplist(to: &assembler, &scratch)
      case .hashListpack: try addListpack(to: &assembler, stride: 2, &scratch)
      case .hashDeadlines where dialect == .valkey: try addValkeyFields(to: &assembler, &scratch)
      case .hashDeadlines: try addFields(to: &assembler, &scratch, base: nil)
      case .hashMetadata:
        let base = try littleEndian(Int64.self)
        try addFields(to: &assembler, &scratch, base: base)
      case .hashListpackDeadlines:
        // The earliest deadline, which the fields tell as well.
        _ = try littleEndian(Int64.self)
        try addListpack(to: &assembler, stride: 3, &scratch)
      default: try addListpack(to: &assembler, stride: 3, &scratch)
      }
    } catch {
      assembler.abandon()
      throw error
    }
    guard let entry = assembler.finish(key: key, hasDeadline: hasDeadline) else { return .empty }
    return .entry(entry)
  }

  private func add(
    _ name: RawSpan, _ value: RawSpan, _ deadline: Int64?, to assembler: inout HashAssembler
  ) throws(RDBError) {
    try checkTextLength(max(name.byteCount, value.byteCount))
    guard assembler.add(name, value, deadline: deadline) else {
      throw duplicate("hash fields")
    }
  }

  private func addFields(
    to assembler: inout HashAssembler, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    var value = ByteBuffer()
    for _ in 0..<(try length()) {
      try string(into: &scratch)
      try string(into: &value)
      try add(scratch.bytes, value.bytes, nil, to: &assembler)
    }
  }

  /// Fields with a deadline in front: 0 for none, else from `base` on, or as it is.
  private func addFields(
    to assembler: inout HashAssembler, _ scratch: inout ByteBuffer, base: Int64?
  ) throws(RDBError) {
    var value = ByteBuffer()
    for _ in 0..<(try length()) {
      let time = try number()
      var deadline: Int64?
      if time != 0 {
        guard var instant = Int64(exactly: time) else { throw malformed("deadline of a field") }
        if let base {
          let (sum, overflows) = instant.addingReportingOverflow(base &- 1)
          if overflows || base < 1 { throw malformed("deadline of a field") }
          instant = sum
        }
        deadline = try checked(instant)
      }
      try string(into: &scratch)
      try string(into: &value)
      try add(scratch.bytes, value.bytes, deadline, to: &assembler)
    }
  }

  /// Fields with a deadline behind, -1 for none.
  private func addValkeyFields(
    to assembler: inout HashAssembler, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    var value = ByteBuffer()
    for _ in 0..<(try length()) {
      try string(into: &scratch)
      try string(into: &value)
      let time = try littleEndian(Int64.self)
      let deadline = time == -1 ? nil : try checked(time)
      try add(scratch.bytes, value.bytes, deadline, to: &assembler)
    }
  }

  private func checked(_ deadline: Int64) throws(RDBError) -> Int64 {
    guard (1...RDBReader.fieldDeadlineMax).contains(deadline) else {
      throw malformed("deadline of a field")
    }
    return deadline
  }

  private func addZiplist(
    to assembler: inout HashAssembler, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    var name = ByteBuffer()
    var isName = true
    try ziplist(&scratch) { text throws(RDBError) in
      if isName {
        name.removeAll()
        name.append(text)
      } else {
        try add(name.bytes, text, nil, to: &assembler)
      }
      isName.toggle()
    }
    if !isName { throw broken("ziplist") }
  }

  private func addListpack(
    to assembler: inout HashAssembler, stride: Int, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    try string(into: &scratch)
    let listpack = try listpack(scratch.bytes)
    guard listpack.count.isMultiple(of: stride) else { throw broken("listpack") }
    let list = FieldList(listpack, stride: stride)
    var nameScratch = DecimalScratch()
    var valueScratch = DecimalScratch()
    var position = list.first
    while let current = position {
      var deadline: Int64?
      if stride == 3 {
        let place = list.valuePosition(list.valuePosition(current))
        guard let time = listpack.integer(at: place) else { throw malformed("deadline of a field") }
        if time != 0 { deadline = try checked(Int64(time)) }
      }
      let name = list.name(at: current).text(&nameScratch)
      let value = list.value(at: current).text(&valueScratch)
      try add(name, value, deadline, to: &assembler)
      position = list.next(current)
    }
  }
}

extension RDBWriter {
  /// How a hash is written.
  func kind(of hash: HashValue) -> RDBFormat.ValueKind {
    guard hash.earliestDeadline == nil else {
      require(version: RDBFormat.fieldDeadlineVersion)
      return hash.isTable ? .hashMetadata : .hashListpackDeadlines
    }
    return hash.isTable || FieldList(hash.entry).stride == 3 ? .hash : .hashListpack
  }

  /// Appends a hash.
  func hash(_ hash: HashValue, as kind: RDBFormat.ValueKind) {
    switch kind {
    case .hashListpack: string(hash.entry.packedBytes)
    case .hashListpackDeadlines:
      littleEndian(hash.earliestDeadline ?? 0)
      string(FieldList(hash.entry).listpack.allBytes)
    default:
      let base = kind == .hashMetadata ? hash.earliestDeadline : nil
      if let base { littleEndian(base) }
      length(hash.count)
      var nameScratch = DecimalScratch()
      var valueScratch = DecimalScratch()
      hash.forEach(before: .min) { name, value, deadline in
        if let base { fieldDeadline(deadline, from: base) }
        string(name.text(&nameScratch))
        string(value.text(&valueScratch))
      }
    }
  }

  /// Appends a field's deadline: one more than its distance from the earliest, zero for none.
  func fieldDeadline(_ deadline: Int64?, from earliest: Int64) {
    length(deadline.map { UInt64($0 - earliest) + 1 } ?? 0)
  }
}
