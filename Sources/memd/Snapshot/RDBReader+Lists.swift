// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Lists: elements one by one, one ziplist, or a row of ziplists, listpacks and long texts.

extension RDBReader {
  /// What a node of a list holds, as `listQuicklist2` says in front of it.
  enum ListContainer {
    static let plain: UInt64 = 1
    static let packed: UInt64 = 2
  }

  /// Reads a list.
  func list(
    _ kind: RDBFormat.ValueKind, key: RawSpan, hasDeadline: Bool, _ database: Database,
    _ scratch: inout ByteBuffer
  ) throws(RDBError) -> ValueOutcome {
    var list = QuickList(allocator: database.allocator)
    do throws(RDBError) {
      try fill(&list, kind, database.limits.list, &scratch)
    } catch {
      var budget = Int.max
      _ = list.drain(budget: &budget)
      throw error
    }
    if list.isEmpty { return .empty }
    return .entry(
      DetachedEntry.makeList(
        key: key, list, limits: database.limits, hasDeadline: hasDeadline,
        allocator: database.allocator))
  }

  private func fill(
    _ list: inout QuickList, _ kind: RDBFormat.ValueKind, _ limit: QuickListLimit,
    _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    let count = kind == .listZiplist ? 1 : try length()
    for _ in 0..<count {
      switch kind {
      case .list:
        try string(into: &scratch)
        try push(scratch.bytes, &list, limit)
      case .listQuicklist2:
        let container = try number()
        try string(into: &scratch)
        if container == ListContainer.plain {
          // Nobody writes an empty element so, and Redis refuses it.
          guard scratch.count > 0 else { throw malformed("list node") }
          try checkTextLength(scratch.count)
          list.pushBack(plain: scratch.bytes)
        } else if container == ListContainer.packed {
          list.pushBack(entriesOf: try listpack(scratch.bytes))
        } else {
          throw malformed("list node")
        }
      default: try pushZiplist(&list, limit, &scratch)
      }
    }
  }

  private func pushZiplist(
    _ list: inout QuickList, _ limit: QuickListLimit, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    try ziplist(&scratch) { text throws(RDBError) in try push(text, &list, limit) }
  }

  private func push(
    _ text: RawSpan, _ list: inout QuickList, _ limit: QuickListLimit
  ) throws(RDBError) {
    try checkTextLength(text.byteCount)
    list.pushBack(text, limit: limit)
  }
}

extension RDBWriter {
  /// Appends a list as nodes.
  func list(_ value: ListValue) {
    guard !value.isPacked else {
      length(1)
      return packedNode(value.entry.packedBytes)
    }
    let chain = value.chain
    length(chain.pointee.nodeCount)
    var next = chain.pointee.head
    while let node = next {
      if node.isPlain { plainNode(node.plainText) } else { packedNode(node.listpack.allBytes) }
      next = node.next
    }
  }

  /// Appends a node with a listpack.
  func packedNode(_ listpack: RawSpan) {
    length(RDBReader.ListContainer.packed)
    string(listpack)
  }

  /// Appends a node with one text.
  func plainNode(_ text: RawSpan) {
    length(RDBReader.ListContainer.plain)
    string(text)
  }
}
