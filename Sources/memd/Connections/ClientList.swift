// SPDX-License-Identifier: Apache-2.0

/// Clients that do not outlive the turn, in order. The list doesn't own them, so that filling and
/// emptying it counts no references: `ClientTable` holds each until the end of its last turn.
@safe
struct ClientList: ~Copyable {
  private var base: UnsafeMutablePointer<Unmanaged<Client>>
  private var capacity = 64
  private(set) var count = 0

  init() { unsafe base = .allocate(capacity: capacity) }

  deinit { unsafe base.deallocate() }

  @inline(__always)
  mutating func append(_ client: Client) {
    if count == capacity { grow() }
    unsafe (base + count).initialize(to: .passUnretained(client))
    count &+= 1
  }

  /// The client at `index`, without counting a reference.
  subscript(index: Int) -> Unmanaged<Client> {
    @inline(__always) get {
      precondition(index >= 0 && index < count)
      return unsafe base[index]
    }
  }

  /// Takes out the last client if it is this one; false if it isn't.
  mutating func removeLast(if client: Client) -> Bool {
    guard count > 0,
      unsafe base[count - 1].toOpaque() == Unmanaged.passUnretained(client).toOpaque()
    else { return false }
    count -= 1
    return true
  }

  mutating func removeAll() { count = 0 }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Unmanaged<Client>>.allocate(capacity: capacity * 2)
    unsafe larger.moveInitialize(from: base, count: count)
    unsafe base.deallocate()
    unsafe base = larger
    capacity *= 2
  }
}
