// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Whoever holds the members of a set and can change their form: a key's value, or a set that is
/// still being put together. The rules when a form no longer suffices are here, once for both.
protocol SetStorage: SetForms, ListpackOwner, IntSetOwner {
  var allocator: Allocator { get }
  var seed: HashSeed { get }
  var limits: EncodingLimits { get }
  /// What `table` is, to be changed.
  var writableTable: SetValue.WritableTable { get }

  /// Becomes a listpack with these bytes, which are not its own.
  mutating func become(packed bytes: RawSpan)
  /// Becomes a hash table; what it was before is freed.
  mutating func become(_ table: SetValue.WritableTable)
}

extension SetStorage {
  // MARK: - Adding

  /// Adds a member; false if the set has it.
  ///
  /// - Parameter hash: the hash of the member, 0 if nobody has computed it.
  mutating func add(_ member: RawSpan, hash: UInt64 = 0) -> Bool {
    switch form {
    case .intset: addToIntset(member, hash)
    case .packed: addToListpack(member, hash)
    case .table: addToTable(member, hash)
    }
  }

  private mutating func addToIntset(_ member: RawSpan, _ hash: UInt64) -> Bool {
    if let integer = CanonicalInteger.parse(member) {
      guard insert(integer: integer) else { return false }
      if intset.count > limits.intsetEntriesMax { makeTable() }
      return true
    }
    // The set's own members become texts: the longest of them is the least or the greatest.
    let set = intset
    let count = set.count
    let longest =
      count == 0
      ? 0
      : max(CanonicalInteger.byteCount(set[0]), CanonicalInteger.byteCount(set[count - 1]))
    guard longest <= limits.setMaxListpackValue,
      fitsListpack(member, count: count, byteCount: count * 10)
    else {
      makeTable()
      return addToTable(member, hash)
    }
    makeListpack()
    append(member)
    return true
  }

  private mutating func addToListpack(_ member: RawSpan, _ hash: UInt64) -> Bool {
    let list = listpack
    if list.find(member, from: list.first) != nil { return false }
    guard fitsListpack(member, count: list.count, byteCount: list.byteCount) else {
      makeTable()
      return addToTable(member, hash)
    }
    append(member)
    return true
  }

  private mutating func addToTable(_ member: RawSpan, _ hash: UInt64) -> Bool {
    let hash = hash == 0 ? SipHash13.hash(member, seed) : hash
    if table.pointee.find(member, hash: hash) != nil { return false }
    let table = writableTable
    table.pointee.insert(SetMember(member, allocator: table.pointee.allocator), hash: hash)
    return true
  }

  private func fitsListpack(_ member: RawSpan, count: Int, byteCount: Int) -> Bool {
    count < limits.setMaxListpackEntries && member.byteCount <= limits.setMaxListpackValue
      && limits.packs(byteCount, adding: member.byteCount)
  }

  // MARK: - Removing

  /// Removes a member; false if the set doesn't have it. An empty set must not stay.
  mutating func remove(_ member: RawSpan, hash: UInt64 = 0) -> Bool {
    switch form {
    case .intset:
      guard let integer = CanonicalInteger.parse(member), let index = intset.find(integer)
      else { return false }
      removeInteger(at: index)
    case .packed:
      let list = listpack
      guard let position = list.find(member, from: list.first) else { return false }
      remove(at: position)
    case .table:
      let hash = hash == 0 ? SipHash13.hash(member, seed) : hash
      let table = writableTable
      guard let removed = table.pointee.remove(member, hash: hash) else { return false }
      removed.free(table.pointee.allocator)
    }
    return true
  }

  /// Removes a member, each with the same chance, after `visit` has seen it.
  mutating func pop(using random: inout RandomGenerator, _ visit: (RawSpan) -> Void) {
    var scratch = DecimalScratch()
    switch form {
    case .intset:
      let index = random.next(below: intset.count)
      visit(scratch.write(intset[index]))
      removeInteger(at: index)
    case .packed:
      let list = listpack
      guard let position = list.position(at: random.next(below: list.count)) else { return }
      visit(list.text(at: position, &scratch))
      remove(at: position)
    case .table:
      guard let member = table.pointee.random(using: &random) else { return }
      visit(member.bytes)
      writableTable.pointee.remove(member.bytes, hash: member.hash(seed))
      member.free(allocator)
    }
  }

  // MARK: - Forms

  /// Becomes a hash table if `count` members, about to come, are too many for the present form.
  mutating func prepare(forAdding count: Int) {
    switch form {
    case .intset: if count > limits.intsetEntriesMax { makeTable() }
    case .packed: if count > limits.setMaxListpackEntries { makeTable() }
    case .table: break
    }
  }

  /// Becomes a hash table.
  mutating func makeTable() {
    let new = SetValue.WritableTable(
      HashTable(allocator: allocator, seed: seed), allocator: allocator)
    var scratch = DecimalScratch()
    if form == .intset {
      let set = intset
      for index in 0..<set.count { insert(scratch.write(set[index]), into: new) }
    } else {
      let list = listpack
      var position = list.first
      while let current = position {
        insert(list.text(at: current, &scratch), into: new)
        position = list.next(current)
      }
    }
    become(new)
  }

  private func insert(_ member: RawSpan, into table: SetValue.WritableTable) {
    table.pointee.insert(
      SetMember(member, allocator: allocator), hash: SipHash13.hash(member, seed))
  }

  /// An intset becomes a listpack of the same integers.
  private mutating func makeListpack() {
    var block = ListpackBlock(allocator: allocator)
    let set = intset
    for index in 0..<set.count { block.append(integer: set[index]) }
    become(packed: block.listpack.allBytes)
    block.free()
  }
}
