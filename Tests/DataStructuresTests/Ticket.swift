// SPDX-License-Identifier: Apache-2.0
import DataStructures

/// A stand-in for a keyspace entry with a deadline, in memory of its own.
///
///     byte 0  [ deadline ] [ wheel record ] [ identity ]
@safe
struct Ticket: TimingWheelElement, Equatable {
  private let words: UnsafeMutablePointer<Int64>

  init(id: Int, deadline: Int64) {
    unsafe words = .allocate(capacity: 3)
    unsafe words[0] = deadline
    unsafe words[1] = 0
    unsafe words[2] = Int64(id)
  }

  init(word: UInt64) {
    unsafe words = UnsafeMutablePointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var word: UInt64 { UInt64(UInt(bitPattern: unsafe words)) }

  var deadline: Int64 {
    get { unsafe words[0] }
    nonmutating set { unsafe words[0] = newValue }
  }

  var wheelRecord: UInt64 {
    get { UInt64(bitPattern: unsafe words[1]) }
    nonmutating set { unsafe words[1] = Int64(bitPattern: newValue) }
  }

  var id: Int { Int(unsafe words[2]) }

  /// A copy at another address with the same note; the old one's memory is gone.
  func moved() -> Ticket {
    let copy = Ticket(id: id, deadline: deadline)
    copy.wheelRecord = wheelRecord
    free()
    return copy
  }

  func free() { unsafe words.deallocate() }

  static func == (a: Ticket, b: Ticket) -> Bool { a.word == b.word }
}
