// SPDX-License-Identifier: Apache-2.0

/// First in, first out.
///
/// - Complexity: O(1) amortised for every operation.
internal struct Queue<Element> {
  private var elements: [Element?] = []
  private var head = 0

  var isEmpty: Bool { head == elements.count }
  var count: Int { elements.count - head }
  var first: Element? { isEmpty ? nil : elements[head] }

  mutating func append(_ element: Element) { elements.append(element) }

  mutating func popFirst() -> Element? {
    guard !isEmpty else { return nil }
    defer { advance() }
    return elements[head]
  }

  private mutating func advance() {
    elements[head] = nil
    head += 1
    guard head > 32, head * 2 > elements.count else { return }
    elements.removeFirst(head)
    head = 0
  }
}

/// Memory for the time of a call.
@safe
internal final class ScratchBuffer {
  let bytes: UnsafeMutableRawBufferPointer

  init(byteCount: Int) { unsafe bytes = .allocate(byteCount: byteCount, alignment: 64) }

  deinit { unsafe bytes.deallocate() }

  /// Copies what follows the first `start` bytes of the pieces, as far as there is room.
  func join(_ pieces: SendPieces, from start: Int) -> UnsafeRawBufferPointer {
    var skipped = start
    var filled = 0
    for index in 0..<3 {
      let piece = unsafe pieces.piece(index)
      let rest = unsafe UnsafeRawBufferPointer(rebasing: piece.dropFirst(skipped))
      skipped -= piece.count - rest.count
      let part = unsafe UnsafeRawBufferPointer(rebasing: rest.prefix(bytes.count - filled))
      unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[filled...]).copyMemory(from: part)
      filled += part.count
    }
    return unsafe UnsafeRawBufferPointer(rebasing: bytes[..<filled])
  }
}
