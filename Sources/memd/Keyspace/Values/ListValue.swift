// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A view on the list of an entry: a listpack while it is small, then a chain of them.
///
/// A list is made large when it would go over `list-max-listpack-size`, and small again when it has
/// shrunk to half of that, so that it doesn't change back and forth. `ListEditor` changes it.
struct ListValue: CollectionValue {
  let entry: Entry

  init(_ entry: Entry) { self.entry = entry }

  /// Whether the whole list is one listpack at the entry.
  var isPacked: Bool { Entry.CollectionEncoding.isPacked(entry.header.encoding) }

  /// The large form.
  var chain: Boxed<QuickList> { entry.box(of: QuickList.self) }

  var count: Int { isPacked ? entry.listpack.count : chain.pointee.count }

  /// The first element; every list has one.
  var first: ListCursor? {
    guard isPacked else { return chain.pointee.first }
    let listpack = entry.listpack
    return listpack.first.map { ListCursor(listpack, at: $0) }
  }

  /// The last element; every list has one.
  var last: ListCursor? {
    guard isPacked else { return chain.pointee.last }
    let listpack = entry.listpack
    return listpack.last.map { ListCursor(listpack, at: $0) }
  }

  /// The element at one end.
  func element(at end: ListEnd) -> ListCursor? { end == .left ? first : last }

  /// The element with this index, negative ones from the end; nil if there is none.
  ///
  /// - Complexity: O(n) in a listpack, O(n / elements of a node) in a chain, from the nearer end.
  func cursor(at index: Int) -> ListCursor? {
    guard isPacked else { return chain.pointee.cursor(at: index) }
    let listpack = entry.listpack
    return listpack.position(at: index).map { ListCursor(listpack, at: $0) }
  }

  // MARK: - What the keyspace needs

  static func free(_ value: UnlinkedValue, budget: inout Int, _ allocator: Allocator) -> Bool {
    let chain = value.box(of: QuickList.self)
    guard chain.pointee.drain(budget: &budget) else { return false }
    chain.free(allocator)
    return true
  }

  func copiedWord(_ allocator: Allocator, seed: HashSeed) -> UInt64 {
    WritableBox(chain.pointee.copy(), allocator: allocator).word
  }

  func allocatedSize(_ allocator: Allocator, samples: Int) -> Int {
    chain.allocatedSize(allocator) + chain.pointee.allocatedSize(samples: samples)
  }

  func mix(into digest: inout DatasetDigest) {
    var scratch = DecimalScratch()
    var cursor = first
    while let element = cursor {
      digest.mix(element.text(&scratch))
      cursor = element.next
    }
  }
}

/// One end of a list.
enum ListEnd {
  /// The head.
  case left
  /// The tail.
  case right
}

extension EncodingLimits {
  /// How much of a list goes into one listpack.
  var list: QuickListLimit {
    QuickListLimit(
      listMaxListpackSize: listMaxListpackSize, packedThreshold: listPackedThreshold)
  }
}

extension QuickList {
  /// The listpack that could be the whole list: the only node's, unless it is over the limit.
  ///
  /// - Parameter divisor: 2 for a list that was large until now.
  func packedForm(_ limit: QuickListLimit, dividedBy divisor: Int) -> Listpack? {
    guard nodeCount == 1, let head, !head.isPlain,
      head.listpack.byteCount <= limit.byteCountMax / divisor,
      count <= limit.entryCountMax / divisor
    else { return nil }
    return head.listpack
  }
}

extension DetachedEntry {
  /// Makes the entry of a list with at least one element, packed if it is small enough; for who
  /// builds whole lists (RESTORE, loading, SORT STORE).
  static func makeList(
    key: RawSpan, _ list: consuming QuickList, limits: EncodingLimits, hasDeadline: Bool,
    allocator: Allocator
  ) -> DetachedEntry {
    if let listpack = list.packedForm(limits.list, dividedBy: 1) {
      let entry = make(
        key: key, type: .list, packed: listpack.allBytes, as: .packed, hasDeadline: hasDeadline,
        allocator: allocator)
      var budget = Int.max
      let isDone = list.drain(budget: &budget)
      assert(isDone)
      return entry
    }
    let chain = WritableBox(list, allocator: allocator)
    return make(
      key: key, type: .list, encoding: Entry.CollectionEncoding.quicklist.rawValue,
      word: chain.word,
      hasDeadline: hasDeadline, allocator: allocator)
  }
}
