// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// A set has one of three forms: a sorted array of integers while all members are integers and few,
// a listpack while members are few and short, a hash table otherwise. It goes from one to the next
// as it grows and never back (SetStorage says when).

/// A view on an entry of this type.
struct SetValue: CollectionValue, SetForms {
  let entry: Entry

  init(_ entry: Entry) { self.entry = entry }

  /// How the members are stored.
  enum Form {
    case intset
    case packed
    case table
  }

  /// The large form, to be read.
  typealias Table = Boxed<HashTable<SetMember>>
  /// The large form, for whoever changes it.
  typealias WritableTable = WritableBox<HashTable<SetMember>>

  var form: Form {
    switch entry.header.collectionEncoding {
    case .intset, .embeddedIntset: .intset
    case .table: .table
    default: .packed
    }
  }

  var intset: IntSet { unsafe IntSet(UnsafeMutableRawPointer(mutating: entry.packedStart)) }
  var listpack: Listpack { entry.listpack }
  var table: Table { Table(word: entry.valueWord) }

  // MARK: - CollectionValue

  static func free(_ value: UnlinkedValue, budget: inout Int, _ allocator: Allocator) -> Bool {
    let table = value.box(of: HashTable<SetMember>.self)
    var freed = 0
    let isEmpty = table.pointee.drain(upTo: budget) {
      $0.free(allocator)
      freed += 1
    }
    budget -= min(budget, freed)
    if isEmpty { table.free(allocator) }
    return isEmpty
  }

  func copiedWord(_ allocator: Allocator, seed: HashSeed) -> UInt64 {
    let copy = WritableTable(HashTable(allocator: allocator, seed: seed), allocator: allocator)
    table.pointee.forEach { member in
      copy.pointee.insert(
        SetMember(member.bytes, allocator: allocator), hash: member.hash(seed))
    }
    return copy.word
  }

  func allocatedSize(_ allocator: Allocator, samples: Int) -> Int {
    let table = self.table
    let limit = samples == 0 ? Int.max : samples
    var sampled = 0
    var bytes = 0
    forEachMember(upTo: limit) {
      sampled += 1
      bytes += $0.allocatedSize(allocator)
    }
    let mean = Double(bytes) / Double(max(1, sampled))
    let members = sampled == count ? bytes : Int(mean * Double(count))
    return table.allocatedSize(allocator) + table.pointee.bucketBytes + members
  }

  /// Visits about the first `limit` members of the large form.
  private func forEachMember(upTo limit: Int, _ visit: (SetMember) -> Void) {
    var rest = limit
    var cursor: UInt64 = 0
    repeat {
      cursor = table.pointee.scan(cursor) {
        guard rest > 0 else { return }
        rest -= 1
        visit($0)
      }
    } while cursor != 0 && rest > 0
  }

  static func leaveSparseSlabs(
    of entry: WritableEntry, _ cursor: UInt64, _ allocator: Allocator,
    visit: (_ hasMoved: Bool) -> Void
  ) -> UInt64 {
    let table = entry.box(of: HashTable<SetMember>.self)
    return table.pointee.scanLocations(cursor) { member in
      let moved = member.movedFromSparseSlab(allocator)
      if let moved { member = moved }
      visit(moved != nil)
    }
  }

  func mix(into digest: inout DatasetDigest) {
    var sum = digest
    forEach {
      sum.add($0)
      return true
    }
    digest = sum
  }
}
