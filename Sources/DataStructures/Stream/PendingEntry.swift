// SPDX-License-Identifier: Apache-2.0

/// An entry that was delivered to a consumer and not acknowledged yet, or that a consumer gave
/// back.
///
///     0                      16                        24                        32
///     +----------------------+-------------------------+-------------------------+
///     | id                   | consumer 48 | count 0-15| time 48 | count 16-31   |
///     +----------------------+-------------------------+-------------------------+
///
/// The consumer is an address, the time milliseconds since 1970. An entry that was given back has
/// address 0, and in the place of the time its number among those that were.
///
/// A delivery count has 32 bits, which is enough for a delivery per second for a hundred years. The
/// largest of them stands for `Int.max`, the count of an entry that is never to be delivered again.
public struct PendingEntry: OrderedElement {
  /// The entry's id; the entry itself may have been deleted.
  public let id: StreamID
  private var consumerAndCount: UInt64
  private var timeAndCount: UInt64

  private static var mask: UInt64 { 0xFFFF_FFFF_FFFF }

  init(_ id: StreamID, consumer: Consumer?, time: Int64, count: Int) {
    self.id = id
    consumerAndCount = consumer?.word ?? 0
    timeAndCount = 0
    self.deliveryTime = time
    self.deliveryCount = count
  }

  /// To whom the entry was delivered last; nil if it was given back to the group.
  public internal(set) var consumer: Consumer? {
    get {
      let word = consumerAndCount & PendingEntry.mask
      return word == 0 ? nil : Consumer(word: word)
    }
    set { consumerAndCount = consumerAndCount & ~PendingEntry.mask | (newValue?.word ?? 0) }
  }

  /// When it was delivered last, in milliseconds since 1970; 0 if it was given back.
  public internal(set) var deliveryTime: Int64 {
    get { consumer == nil ? 0 : Int64(timeAndCount & PendingEntry.mask) }
    set { low48 = UInt64(min(max(0, newValue), Int64(PendingEntry.mask))) }
  }

  /// The number of an entry that was given back among those that were.
  var releaseNumber: UInt64 {
    get { timeAndCount & PendingEntry.mask }
    set { low48 = newValue & PendingEntry.mask }
  }

  private var low48: UInt64 {
    get { timeAndCount & PendingEntry.mask }
    set { timeAndCount = timeAndCount & ~PendingEntry.mask | newValue }
  }

  /// How often it was delivered.
  public internal(set) var deliveryCount: Int {
    get {
      let count = consumerAndCount >> 48 | (timeAndCount >> 48) << 16
      return count == UInt64(UInt32.max) ? .max : Int(count)
    }
    set {
      let count = UInt64(min(max(0, newValue), Int(UInt32.max)))
      consumerAndCount = consumerAndCount & PendingEntry.mask | (count & 0xFFFF) << 48
      timeAndCount = timeAndCount & PendingEntry.mask | (count >> 16) << 48
    }
  }
}

extension PendingEntry {
  /// The count after one more delivery; the largest one stays.
  public var nextDeliveryCount: Int { deliveryCount == .max ? .max : deliveryCount + 1 }
}

/// An entry that was given back, in the order in which that happened.
struct ReleasedEntry: OrderedElement {
  /// The number of the release.
  let id: StreamID
  /// The id of the entry.
  let entry: StreamID

  init(number: UInt64, entry: StreamID) {
    id = StreamID(number, 0)
    self.entry = entry
  }
}
