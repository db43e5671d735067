// SPDX-License-Identifier: Apache-2.0
import RESP
import Testing

@Suite struct ByteBufferTests {
  private func mutate(
    _ buffer: inout ByteBuffer, _ model: inout [UInt8], _ random: inout SeededGenerator
  ) {
    switch random.below(8) {
    case 0, 1, 2:
      let length = random.below(6) == 0 ? random.below(3000) : random.below(40)
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      buffer.append(unsafe bytes.span.bytes)
      model += bytes
    case 3:
      buffer.append("literal")
      model += "literal".bytes
    case 4:
      let value = Int(truncatingIfNeeded: random.next()) >> random.below(64)
      buffer.append(integer: value)
      model += String(value).bytes
    case 5:
      let dropped = random.below(model.count + 1)
      buffer.removeFirst(dropped)
      model.removeFirst(dropped)
    case 6:
      let kept = model.count - random.below(min(model.count, 50) + 1)
      buffer.truncate(to: kept)
      model.removeLast(model.count - kept)
    default:
      let count = random.below(30)
      unsafe buffer.append(upTo: 30) { room in
        for index in 0..<count { unsafe room[index] = UInt8(index) }
        return count
      }
      model += (0..<count).map { UInt8($0) }
    }
  }

  @Test func `The buffer behaves like an array`() {
    for seed in UInt64(0)..<60 {
      var random = SeededGenerator(seed: seed)
      var buffer = ByteBuffer()
      var model: [UInt8] = []
      for _ in 0..<120 {
        mutate(&buffer, &model, &random)
        #expect(buffer.count == model.count, "seed \(seed)")
        #expect(array(buffer.bytes) == model, "seed \(seed)")
      }
      buffer.removeAll(keepingCapacity: random.next() & 1 == 0)
      let left = buffer.count
      #expect(left == 0)
    }
  }

  @Test func `A buffer that is drained as fast as it is filled does not grow`() {
    var buffer = ByteBuffer()
    let chunk = [UInt8](repeating: 7, count: 300)
    buffer.append(unsafe chunk.span.bytes)
    for _ in 0..<2000 {
      buffer.append(unsafe chunk.span.bytes)
      buffer.removeFirst(300)
    }
    #expect(buffer.count == 300)
    #expect(buffer.capacity <= 2048)
  }
}
