// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// What the transport remembers of one descriptor.
internal struct SocketSlot {
  /// The generation of the connection that has the descriptor now or had it last.
  var generation: UInt32
  /// The listener that it came in through; -1 for outgoing connections.
  var listener: Int16
  /// Whether a connection has the descriptor.
  var isOpen: Bool
  /// Whether it carries an encrypted connection.
  var isCarrier: Bool
  /// What epoll watches.
  var interest: UInt8
}

/// Connections by descriptor: 12 bytes each, grown to the highest descriptor seen.
@safe
internal struct SocketTable: ~Copyable {
  private var base: UnsafeMutablePointer<SocketSlot>
  private var capacity: Int

  init() {
    capacity = 64
    unsafe base = .allocate(capacity: capacity)
    unsafe base.initialize(repeating: SocketTable.empty, count: capacity)
  }

  deinit { unsafe base.deallocate() }

  private static var empty: SocketSlot {
    SocketSlot(generation: 0, listener: -1, isOpen: false, isCarrier: false, interest: 0)
  }

  /// Whether the identity is that of the connection which has the descriptor now.
  @inline(__always)
  func isCurrent(_ id: ConnectionID) -> Bool {
    let index = Int(id.slot)
    guard index < capacity else { return false }
    return unsafe base[index].generation == id.generation && base[index].isOpen
  }

  /// Gives a fresh descriptor its next generation.
  mutating func open(_ descriptor: Int32, listener: Int) -> ConnectionID {
    let index = Int(descriptor)
    if index >= capacity { grow(toHold: index) }
    let generation = ConnectionID.generation(after: unsafe base[index].generation)
    unsafe base[index] = SocketSlot(
      generation: generation, listener: Int16(truncatingIfNeeded: listener), isOpen: true,
      isCarrier: false, interest: UInt8(truncatingIfNeeded: MEMD_EPOLL_READABLE))
    return ConnectionID(slot: UInt32(descriptor), generation: generation)
  }

  /// Forgets a connection that `isCurrent`; its generation is kept so that it is not given again.
  mutating func close(_ id: ConnectionID) {
    unsafe base[Int(id.slot)].isOpen = false
  }

  /// The slot of a connection that `isCurrent`.
  subscript(_ id: ConnectionID) -> SocketSlot {
    get { unsafe base[Int(id.slot)] }
    set { unsafe base[Int(id.slot)] = newValue }
  }

  /// Calls `body` with the descriptor of each open connection.
  func forEachOpen(_ body: (Int32) -> Void) {
    for index in 0..<capacity where unsafe base[index].isOpen { body(Int32(index)) }
  }

  private mutating func grow(toHold index: Int) {
    var larger = capacity
    while larger <= index { larger *= 2 }
    let moved = UnsafeMutablePointer<SocketSlot>.allocate(capacity: larger)
    unsafe moved.moveInitialize(from: base, count: capacity)
    unsafe (moved + capacity).initialize(repeating: SocketTable.empty, count: larger - capacity)
    unsafe base.deallocate()
    unsafe base = moved
    capacity = larger
  }
}
