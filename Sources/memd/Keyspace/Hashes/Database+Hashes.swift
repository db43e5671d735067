// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// How hashes change. An entry may move whenever its fields change, so it is passed `inout`; `hash`
// is always the hash of its key.

extension Database {
  // MARK: - Values

  /// Creates `key`, which is absent, as a hash of the pairs of fields and values that stand from
  /// `first` on; returns how many fields it has.
  func addHash(_ key: Key, _ arguments: Arguments, from first: Int) -> Int {
    guard let room = packedRoom(for: arguments, from: first), limits.packs(0, adding: room),
      (arguments.count &- first) / 2 <= limits.hashMaxListpackEntries
    else {
      let table = WritableBox(
        FieldTable(allocator: allocator, seed: seed), allocator: allocator)
      let count = setFields(arguments, from: first, of: table, keepsDeadlines: false)
      _ = addCollection(key, .hash, .table, word: table.word)
      return count
    }
    let entry = addPacked(key, .hash, count: Listpack.emptyByteCount &+ room)
    unsafe Listpack.writeEmpty(to: entry.packedStart)
    var fields = PackedFields(reserved: entry, hash: key.hash, in: self)
    var count = 0
    var index = first
    while index < arguments.count {
      if fields.set(arguments[index], arguments[index &+ 1]) { count &+= 1 }
      index &+= 2
    }
    fields.endReservation()
    return count
  }

  /// Gives a field a value; it loses its deadline unless that is to be kept. True if it is new.
  func setField(
    _ name: RawSpan, _ value: RawSpan, of entry: inout WritableEntry, hash: UInt64,
    keepsDeadline: Bool = false
  ) -> Bool {
    if !HashValue(entry).isTable {
      let byteCount = entry.entry.packedByteCount
      if exceedsPacked(name.byteCount, value.byteCount, byteCount: byteCount) {
        makeTable(&entry, hash: hash)
      }
    }
    guard HashValue(entry).isTable else {
      var fields = PackedFields(entry, hash: hash, in: self)
      let isNew = fields.set(name, value, keepsDeadline: keepsDeadline)
      entry = fields.entry
      if fields.list.stride == 3 { deadlinesChanged(of: entry) }
      if fields.list.count > limits.hashMaxListpackEntries { makeTable(&entry, hash: hash) }
      return isNew
    }
    let table = entry.box(of: FieldTable.self)
    let isNew = table.pointee.set(name, value, keepsDeadline: keepsDeadline)
    if table.pointee.wheelRecord != 0 { deadlinesChanged(of: entry) }
    return isNew
  }

  /// Sets pairs of fields and values that stand from `first` on; returns how many are new.
  func setFields(
    _ arguments: Arguments, from first: Int, of entry: inout WritableEntry, hash: UInt64,
    keepsDeadlines: Bool = false
  ) -> Int {
    var created = 0
    var index = first
    if !HashValue(entry).isTable {
      if let room = packedRoom(for: arguments, from: first),
        limits.packs(entry.entry.packedByteCount, adding: room)
      {
        var fields = PackedFields(entry, hash: hash, in: self)
        // A single pair makes its room itself, exactly.
        if arguments.count &- first > 2 { fields.reserve(room) }
        var countLeft = limits.hashMaxListpackEntries &- fields.list.count
        while index < arguments.count, countLeft >= 0 {
          if fields.set(arguments[index], arguments[index &+ 1], keepsDeadline: keepsDeadlines) {
            created &+= 1
            countLeft &-= 1
          }
          index &+= 2
        }
        fields.endReservation()
        entry = fields.entry
        if fields.list.stride == 3 { deadlinesChanged(of: entry) }
        if countLeft >= 0 { return created }
      }
      makeTable(&entry, hash: hash)
    }
    let table = entry.box(of: FieldTable.self)
    created &+= setFields(arguments, from: index, of: table, keepsDeadlines: keepsDeadlines)
    if table.pointee.wheelRecord != 0 { deadlinesChanged(of: entry) }
    return created
  }

  /// The same for a large form.
  @inline(__always)
  private func setFields(
    _ arguments: Arguments, from first: Int, of table: WritableBox<FieldTable>, keepsDeadlines: Bool
  ) -> Int {
    var created = 0
    var index = first
    while index < arguments.count {
      let isNew = table.pointee.set(
        arguments[index], arguments[index &+ 1], hash: arguments.hash(at: index),
        keepsDeadline: keepsDeadlines)
      if isNew { created &+= 1 }
      index &+= 2
    }
    return created
  }

  /// Removes a field; false if there is none. An emptied hash is to be removed by the caller.
  ///
  /// - Parameter nameHash: the hash of the name, 0 if nobody has computed it.
  func removeField(
    _ name: RawSpan, nameHash: UInt64 = 0, of entry: inout WritableEntry, hash: UInt64
  ) -> Bool {
    if HashValue(entry).isTable {
      let table = entry.box(of: FieldTable.self)
      guard table.pointee.remove(name, hash: nameHash) else { return false }
      if table.pointee.wheelRecord != 0 { deadlinesChanged(of: entry) }
      return true
    }
    guard let position = FieldList(entry.entry).find(name) else { return false }
    var fields = PackedFields(entry, hash: hash, in: self)
    fields.removeField(at: position)
    entry = fields.entry
    if fields.list.stride == 3 { deadlinesChanged(of: entry) }
    return true
  }

  // MARK: - Deadlines

  /// Gives a field that exists a deadline, or takes it away (nil).
  func setFieldDeadline(
    _ deadline: Int64?, of name: RawSpan, in entry: inout WritableEntry, hash: UInt64
  ) {
    if HashValue(entry).isTable {
      entry.box(of: FieldTable.self).pointee.setDeadline(deadline, of: name)
      return deadlinesChanged(of: entry)
    }
    if deadline != nil { makeRoomForDeadlines(&entry, hash: hash) }
    guard !HashValue(entry).isTable else {
      return setFieldDeadline(deadline, of: name, in: &entry, hash: hash)
    }
    let list = FieldList(entry.entry)
    guard list.stride == 3, let position = list.find(name),
      list.deadline(at: position) != deadline
    else { return }
    // The field goes where its deadline belongs, so its bytes are taken out first.
    var scratch = DecimalScratch()
    let value = list.value(at: position).text(&scratch).copied
    var fields = PackedFields(entry, hash: hash, in: self)
    fields.removeField(at: position)
    let place = fields.list.place(for: deadline)
    fields.insert(integer: Int(deadline ?? 0), at: place)
    fields.insert(name, value.rawSpan, at: place)
    entry = fields.entry
    deadlinesChanged(of: entry)
  }

  /// Lets a packed hash have deadlines: its listpack gets a third entry per field.
  private func makeRoomForDeadlines(_ entry: inout WritableEntry, hash: UInt64) {
    let old = FieldList(entry.entry)
    // A deadline takes up to eleven bytes, as does one that is changed later.
    let added = old.stride == 2 ? old.count &* 11 &+ FieldList.headerCount : 0
    guard limits.packs(entry.entry.packedByteCount, adding: added) else {
      return makeTable(&entry, hash: hash)
    }
    guard old.stride == 2 else { return }
    var fields = ListpackBlock(allocator: allocator)
    var position = old.first
    while let current = position {
      fields.insert(
        entriesOf: old.listpack, from: current, to: old.end(ofFieldAt: current), count: 2,
        at: fields.listpack.end)
      fields.append(integer: 0)
      position = old.next(current)
    }
    let bytes = fields.listpack.allBytes
    let new = DetachedEntry.makeExpiringHash(
      key: entry.key, bytes, hasDeadline: entry.header.hasDeadline, allocator: allocator)
    entry = replace(entry, hash: hash, with: new, .remade)
    fields.free()
  }

  // MARK: - Forms

  /// Whether a packed hash of so many bytes needs the large form for a name and a value of these
  /// lengths.
  @inline(__always)
  private func exceedsPacked(_ name: Int, _ value: Int, byteCount: Int) -> Bool {
    max(name, value) > limits.hashMaxListpackValue
      || !limits.packs(byteCount, adding: name &+ value)
  }

  /// Bytes that suffice to pack pairs of names and values; nil if one of them is too long.
  private func packedRoom(for arguments: Arguments, from first: Int) -> Int? {
    var room = 0
    for index in first..<arguments.count {
      let count = arguments.byteCount(at: index)
      if count > limits.hashMaxListpackValue { return nil }
      // Head and length are at most 4 bytes for texts below 4096, 10 for longer ones.
      room += count + (count < 4000 ? 4 : 10)
    }
    return room + (arguments.count - first)
  }

  /// Gives a packed hash its large form.
  func makeTable(_ entry: inout WritableEntry, hash: UInt64) {
    let list = FieldList(entry.entry)
    let table = WritableBox(
      FieldTable(allocator: allocator, seed: seed), allocator: allocator)
    var position = list.first
    while let current = position {
      table.pointee.insert(field(of: list, at: current))
      position = list.next(current)
    }
    entry = convert(entry, hash: hash, to: .table, word: table.word)
    deadlinesChanged(of: entry)
  }

  private func field(of list: FieldList, at position: Int) -> WritableHashField {
    var nameScratch = DecimalScratch()
    var valueScratch = DecimalScratch()
    return WritableHashField(
      list.name(at: position).text(&nameScratch), list.value(at: position).text(&valueScratch),
      deadline: list.deadline(at: position), allocator: allocator)
  }
}
