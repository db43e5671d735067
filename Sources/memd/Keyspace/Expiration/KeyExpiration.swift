// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// An entry with a deadline as the wheel of its database knows it.
@safe
struct KeyExpiration: TimingWheelElement {
  let entry: Entry

  @inline(__always)
  init(_ entry: Entry) { self.entry = entry }
  init(word: UInt64) { entry = Entry(word: word) }
  var word: UInt64 { entry.word }

  var deadline: Int64 { entry.deadline }

  var wheelRecord: UInt64 {
    get { unsafe entry.pointer.load(fromByteOffset: 16, as: UInt64.self) }
    nonmutating set {
      unsafe entry.pointer.storeBytes(of: newValue, toByteOffset: 16, as: UInt64.self)
    }
  }

  /// Whether the wheel knows the entry.
  var isFiled: Bool { wheelRecord != 0 }

  func prefetch() { entry.prefetch() }
}

extension Database {
  /// Files an entry under its deadline; the only way into the wheel.
  @inline(__always)
  func file(_ entry: Entry) {
    moment.hasDeadlines = true
    contents.expirations.insert(KeyExpiration(entry))
  }

  /// Takes an entry that leaves the table, or loses its deadline, out of the wheel. The wheel has
  /// forgotten one itself that it has just handed over because it is due.
  @inline(__always)
  func forgetDeadline(of entry: Entry) {
    guard entry.header.hasDeadline, KeyExpiration(entry).isFiled else { return }
    contents.expirations.remove(KeyExpiration(entry))
  }

  /// Lets the wheel know that an entry with a deadline has moved in memory.
  @inline(__always)
  func relocateDeadline(of entry: Entry) {
    contents.expirations.relocated(KeyExpiration(entry))
  }
}
