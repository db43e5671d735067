// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A hash as the wheel of its database knows it: by the earliest deadline of its fields.
///
/// The hash is filed under `deadline`, which it keeps in front of its packed fields or in its large
/// form. Nothing here is for hashes of which no field can have a deadline.
struct HashExpiration: TimingWheelElement {
  let entry: Entry

  init(_ entry: Entry) { self.entry = entry }
  init(word: UInt64) { entry = Entry(word: word) }
  var word: UInt64 { entry.word }

  private var isTable: Bool { HashValue(entry).isTable }

  /// The large form. What the wheel notes in it is no part of the value: no door guards it.
  private var table: WritableBox<FieldTable> { WritableBox(owned: entry.valueWord) }
  /// Where the wheel's notes stand in packed fields.
  private var notes: UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(mutating: entry.packedStart)
  }

  var deadline: Int64 {
    if isTable { return table.pointee.filedDeadline }
    return unsafe notes.loadUnaligned(as: Int64.self)
  }

  var wheelRecord: UInt64 {
    get {
      if isTable { return table.pointee.wheelRecord }
      return unsafe notes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    }
    nonmutating set {
      if isTable {
        table.pointee.wheelRecord = newValue
      } else {
        unsafe notes.storeBytes(of: newValue, toByteOffset: 8, as: UInt64.self)
      }
    }
  }

  /// Notes the deadline under which the hash is filed; the caller tells the wheel.
  func setDeadline(_ deadline: Int64) {
    if isTable {
      table.pointee.filedDeadline = deadline
    } else {
      unsafe notes.storeBytes(of: deadline, as: Int64.self)
    }
  }

  /// Whether the wheel knows the hash.
  var isFiled: Bool { wheelRecord != 0 }

  /// The first of what `deadline` reads.
  func prefetch() { entry.prefetch() }
}

extension Entry {
  /// The entry as its database's wheel of fields may know it; nil if no field can have a deadline.
  @inline(__always)
  var hashExpiration: HashExpiration? {
    let header = self.header
    guard header.bits & 0xF == UInt64(ValueType.hash.rawValue) else { return nil }
    let encoding = header.encoding
    guard encoding == CollectionEncoding.table.rawValue || FieldList.hasDeadlines(encoding) else {
      return nil
    }
    return HashExpiration(self)
  }
}

extension Database {
  /// Takes an entry that leaves the database out of the wheel of fields.
  @inline(__always)
  func forgetFields(of entry: Entry) {
    guard let hash = entry.hashExpiration, hash.isFiled else { return }
    contents.fieldExpirations.remove(hash)
  }

  /// Files an entry that comes into the database, if fields of it expire.
  @inline(__always)
  func fileFields(of entry: WritableEntry) {
    guard let hash = entry.entry.hashExpiration else { return }
    // A copy may bring the note that another wheel left in the original.
    hash.wheelRecord = 0
    refile(hash)
  }

  /// Lets the wheel of fields know that another entry has the value of one that it may know: it has
  /// moved, or has a new form that the wheel has to be told about later.
  @inline(__always)
  func inheritFields(_ new: WritableEntry, from old: Entry) {
    guard let known = old.hashExpiration, known.isFiled else { return }
    if let hash = new.entry.hashExpiration, hash.isFiled {
      contents.fieldExpirations.relocated(hash)
    } else {
      contents.fieldExpirations.remove(known)
    }
  }

  /// Must be called after fields with deadlines came, went or changed.
  func deadlinesChanged(of entry: WritableEntry) {
    guard let hash = entry.entry.hashExpiration else { return }
    refile(hash)
  }

  /// Files a hash under the earliest deadline that its fields have now.
  private func refile(_ hash: HashExpiration) {
    let earliest = HashValue(hash.entry).earliestDeadline
    guard hash.isFiled else {
      guard let earliest else { return }
      hash.setDeadline(earliest)
      moment.hasDeadlines = true
      contents.fieldExpirations.insert(hash)
      return
    }
    guard let earliest else { return contents.fieldExpirations.remove(hash) }
    let old = hash.deadline
    guard earliest != old else { return }
    hash.setDeadline(earliest)
    contents.fieldExpirations.deadlineChanged(hash, from: old)
  }

  /// Number of hashes with fields that expire (INFO's subexpiry).
  var fieldExpiringCount: Int { contents.fieldExpirations.count }
}
