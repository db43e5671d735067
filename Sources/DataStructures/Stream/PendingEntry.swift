// SPDX-License-Identifier: Apache-2.0

/// An entry that was delivered to a consumer and not acknowledged yet.
///
///     0                      16                        24                        32
///     +----------------------+-------------------------+-------------------------+
///     | id                   | consumer 48 | count 0-15| time 48 | count 16-31   |
///     +----------------------+-------------------------+-------------------------+
///
/// The consumer is an address, the time milliseconds since 1970. A delivery count has 32 bits,
/// which is enough for a delivery per second for a hundred years; larger ones are cut.
public struct PendingEntry: OrderedElement {
  /// The entry's id; the entry itself may have been deleted.
  public let id: StreamID
  private var consumerAndCount: UInt64
  private var timeAndCount: UInt64

  private static var mask: UInt64 { 0xFFFF_FFFF_FFFF }

  init(_ id: StreamID, consumer: Consumer, time: Int64, count: Int) {
    self.id = id
    consumerAndCount = consumer.word
    timeAndCount = 0
    self.deliveryTime = time
    self.deliveryCount = count
  }

  /// To whom the entry was delivered last.
  public internal(set) var consumer: Consumer {
    get { Consumer(word: consumerAndCount & PendingEntry.mask) }
    set { consumerAndCount = consumerAndCount & ~PendingEntry.mask | newValue.word }
  }

  /// When it was delivered last, in milliseconds since 1970.
  public internal(set) var deliveryTime: Int64 {
    get { Int64(timeAndCount & PendingEntry.mask) }
    set {
      let time = UInt64(min(max(0, newValue), Int64(PendingEntry.mask)))
      timeAndCount = timeAndCount & ~PendingEntry.mask | time
    }
  }

  /// How often it was delivered.
  public internal(set) var deliveryCount: Int {
    get { Int(consumerAndCount >> 48 | (timeAndCount >> 48) << 16) }
    set {
      let count = UInt64(min(max(0, newValue), Int(UInt32.max)))
      consumerAndCount = consumerAndCount & PendingEntry.mask | (count & 0xFFFF) << 48
      timeAndCount = timeAndCount & PendingEntry.mask | (count >> 16) << 48
    }
  }
}
