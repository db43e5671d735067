// SPDX-License-Identifier: Apache-2.0

/// Something that `Transport.wait` reports.
public struct Event: Equatable, Sendable {
  /// What happened.
  public enum Kind: Equatable, Sendable {
    /// Bytes, or the end of the stream, can be received.
    case readable
    /// The socket takes bytes again, or an outgoing connection was made or refused.
    case writable
    /// The connection failed and nothing can be received any more.
    case hangup
    /// A listener has connections to accept; the payload is its index.
    case acceptable(Int32)
    /// Somebody called `wakeUp()`; several calls may be reported as one.
    case wakeup
    /// A watched signal arrived; the payload is its number.
    case signal(Int32)
  }

  /// The connection that it happened to; `.none` for listeners, wake-ups and signals.
  public let id: ConnectionID
  /// What happened.
  public let kind: Kind

  /// Describes an event.
  @inlinable
  public init(id: ConnectionID = .none, kind: Kind) {
    self.id = id
    self.kind = kind
  }
}

/// Reusable list of events; it allocates when it is made, and when a wait reports more than ever.
@safe
public struct EventList: ~Copyable {
  @usableFromInline
  internal var base: UnsafeMutablePointer<Event>
  /// How many events fit before the list grows.
  public private(set) var capacity: Int
  /// How many events the last wait reported.
  public private(set) var count = 0

  /// Makes room for `capacity` events.
  public init(capacity: Int = 4096) {
    self.capacity = max(capacity, 8)
    unsafe base = .allocate(capacity: self.capacity)
  }

  deinit { unsafe base.deallocate() }

  /// Whether nothing happened.
  public var isEmpty: Bool { count == 0 }

  /// The event at a position below `count`.
  ///
  /// - Complexity: O(1)
  @inlinable
  public subscript(index: Int) -> Event {
    precondition(index >= 0 && index < count)
    return unsafe base[index]
  }

  /// Forgets all events, keeps the memory.
  public mutating func removeAll() { count = 0 }

  /// Adds an event at the end.
  ///
  /// - Complexity: O(1) amortised
  public mutating func append(_ event: Event) {
    if count == capacity { grow() }
    unsafe (base + count).initialize(to: event)
    count &+= 1
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Event>.allocate(capacity: capacity * 2)
    unsafe larger.moveInitialize(from: base, count: count)
    unsafe base.deallocate()
    unsafe base = larger
    capacity *= 2
  }
}
