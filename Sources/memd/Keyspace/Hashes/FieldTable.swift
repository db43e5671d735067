// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The large form of a hash: a table of fields, and those with a deadline in order.
///
/// It lives in a `Boxed` block. The database's wheel knows the hash by its earliest deadline, so
/// what the wheel keeps of it (`filedDeadline`, `wheelRecord`) is here, too.
///
/// - Complexity: O(1) per field, O(log n) if it has a deadline
struct FieldTable: ~Copyable {
  var fields: HashTable<HashField>
  var deadlines = FieldDeadlines()
  /// The deadline under which the wheel knows the hash.
  var filedDeadline = Int64.max
  /// The wheel's note; 0 if it doesn't know the hash.
  var wheelRecord: UInt64 = 0
  private let allocator: Allocator

  init(allocator: Allocator, seed: HashSeed) {
    fields = HashTable(allocator: allocator, seed: seed)
    self.allocator = allocator
  }

  // Where a hash is asked for, it is that of the field's name, or 0 if nobody has computed it.

  /// The field of this name.
  @inline(__always)
  func find(_ name: RawSpan, hash: UInt64 = 0) -> HashField? {
    fields.find(name, hash: hash == 0 ? SipHash13.hash(name, fields.seed) : hash)
  }

  /// Gives a field a value; it loses its deadline unless that is to be kept. True if it is new.
  @inline(__always)
  mutating func set(
    _ name: RawSpan, _ value: RawSpan, hash: UInt64 = 0, keepsDeadline: Bool = false
  ) -> Bool {
    let hash = hash == 0 ? SipHash13.hash(name, fields.seed) : hash
    guard let location = fields.locate(name, hash: hash) else {
      let field = WritableHashField(name, value, allocator: allocator)
      fields.insert(field.reading, hash: hash)
      return true
    }
    fields.willChange(at: location)
    var field = WritableHashField(owned: fields.element(at: location))
    if field.reading.hasDeadline, !keepsDeadline {
      deadlines.remove(field.reading, allocator)
      field = field.reshaped(deadline: nil, allocator: allocator)
    }
    let new = field.replacingValue(value, allocator: allocator).reading
    fields.replace(at: location, with: new)
    if keepsDeadline, new.hasDeadline { deadlines.relocated(new) }
    return false
  }

  /// Takes in a field that the caller knows to be absent.
  mutating func insert(_ owned: WritableHashField) {
    let field = owned.reading
    fields.insert(field, hash: field.hash(fields.seed))
    if field.hasDeadline { deadlines.insert(field, allocator) }
  }

  /// Removes a field; false if there is none.
  mutating func remove(_ name: RawSpan, hash: UInt64 = 0) -> Bool {
    guard let field = take(name, hash: hash) else { return false }
    field.free(allocator)
    return true
  }

  /// Takes a field out of table and heap; the caller frees it.
  mutating func take(_ name: RawSpan, hash: UInt64 = 0) -> WritableHashField? {
    let hash = hash == 0 ? SipHash13.hash(name, fields.seed) : hash
    guard let field = fields.remove(name, hash: hash) else { return nil }
    if field.hasDeadline { deadlines.remove(field, allocator) }
    return WritableHashField(owned: field)
  }

  /// Gives a field a deadline, or takes it away (nil); nothing happens if there is no such field.
  mutating func setDeadline(_ deadline: Int64?, of name: RawSpan) {
    let hash = SipHash13.hash(name, fields.seed)
    guard let location = fields.locate(name, hash: hash) else { return }
    let field = fields.element(at: location)
    let writable = WritableHashField(owned: field)
    if deadline != field.deadlineIfAny { fields.willChange(at: location) }
    switch (deadline, field.hasDeadline) {
    case (nil, false): return
    case (nil, true):
      deadlines.remove(field, allocator)
      let new = writable.reshaped(deadline: nil, allocator: allocator)
      fields.replace(at: location, with: new.reading)
    case (let deadline?, true):
      writable.deadline = deadline
      deadlines.deadlineChanged(field)
    case (let deadline?, false):
      let new = writable.reshaped(deadline: deadline, allocator: allocator).reading
      fields.replace(at: location, with: new)
      deadlines.insert(new, allocator)
    }
  }

  /// Takes out the field that is due first, if its deadline is before `threshold`; the caller frees
  /// it.
  mutating func takeDue(before threshold: Int64) -> WritableHashField? {
    guard let field = deadlines.first, field.deadline < threshold else { return nil }
    let hash = field.hash(fields.seed)
    guard let location = fields.locate(field, hash: hash) else {
      assertionFailure("the heap knows a field that the table doesn't")
      return nil
    }
    fields.remove(at: location)
    deadlines.remove(field, allocator)
    return WritableHashField(owned: field)
  }

  // MARK: - As a whole

  /// Moves what lies in sparse slabs of some fields and returns the next cursor, 0 at the end;
  /// `visit` learns of every field whether it has moved.
  mutating func leaveSparseSlabs(_ cursor: UInt64, visit: (_ hasMoved: Bool) -> Void) -> UInt64 {
    let allocator = self.allocator
    if cursor == 0 { deadlines.leaveSparseSlab(allocator) }
    var relocated: [HashField] = []
    let next = fields.scanLocations(cursor) { field in
      let owned = WritableHashField(owned: field)
      guard let moved = owned.movedFromSparseSlab(allocator) else { return visit(false) }
      field = moved
      if moved.hasDeadline { relocated.append(moved) }
      visit(true)
    }
    for field in relocated { deadlines.relocated(field) }
    return next
  }

  /// Frees at most about `budget` fields, counting it down; true when none is left.
  mutating func drain(budget: inout Int) -> Bool {
    deadlines.free(allocator)
    let before = fields.count
    let allocator = self.allocator
    let isEmpty = fields.drain(upTo: budget) {
      WritableHashField(owned: $0).free(allocator)
    }
    budget -= before - fields.count
    return isEmpty
  }

  /// The same fields in another table; the wheel doesn't know it.
  func copied(_ allocator: Allocator, seed: HashSeed) -> WritableBox<FieldTable> {
    let copy = WritableBox(
      FieldTable(allocator: allocator, seed: seed), allocator: allocator)
    fields.forEach { copy.pointee.insert($0.copied(allocator)) }
    return copy
  }

  /// Memory of table, heap and fields, measured on `samples` fields (0: all).
  func allocatedSize(_ allocator: Allocator, samples: Int) -> Int {
    let overhead = fields.bucketBytes + deadlines.allocatedSize(allocator)
    guard fields.count > 0 else { return overhead }
    var sum = 0
    var seen = 0
    var cursor: UInt64 = 0
    repeat {
      cursor = fields.scan(cursor) {
        sum += $0.allocatedSize(allocator)
        seen += 1
      }
    } while cursor != 0 && (samples == 0 || seen < samples)
    return overhead + Int(Double(sum) / Double(max(1, seen)) * Double(fields.count))
  }

  /// Stops if table and heap contradict each other; for tests.
  func checkInvariants() {
    fields.checkInvariants()
    deadlines.checkInvariants()
    var count = 0
    fields.forEach { if $0.hasDeadline { count += 1 } }
    precondition(count == deadlines.count, "table and heap disagree about deadlines")
  }
}
