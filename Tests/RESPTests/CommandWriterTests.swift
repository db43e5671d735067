// SPDX-License-Identifier: Apache-2.0
import RESP
import Testing

@Suite struct CommandWriterTests {
  @Test func `A command is an array of bulk strings`() {
    var writer = CommandWriter()
    let fresh = (writer.count, writer.capacity)
    #expect(fresh == (0, 0))
    writer.begin(argumentCount: 5)
    writer.append("ZADD")
    writer.append("key" as String)
    writer.append(integer: -7)
    writer.append(double: 2.5)
    writer.append(unsafe ([0, 255] as [UInt8]).span.bytes)
    let expected = "*5\r\n$4\r\nZADD\r\n$3\r\nkey\r\n$2\r\n-7\r\n$3\r\n2.5\r\n$2\r\n".bytes
    #expect(array(writer.bytes) == expected + [0, 255, 13, 10])
  }

  @Test func `An argument can be written in parts`() {
    var writer = CommandWriter()
    writer.begin(argumentCount: 2)
    writer.append("ECHO")
    writer.beginArgument(byteCount: 5)
    writer.append(raw: unsafe "ab".bytes.span.bytes)
    writer.append(raw: unsafe "cde".bytes.span.bytes)
    writer.endArgument()
    #expect(array(writer.bytes).text == "*2\r\n$4\r\nECHO\r\n$5\r\nabcde\r\n")
  }

  @Test func `Commands can be dropped from both ends`() {
    var writer = CommandWriter()
    for name in ["A", "B", "C"] {
      writer.begin(argumentCount: 1)
      writer.append(name)
    }
    let one = "*1\r\n$1\r\nA\r\n".utf8.count
    writer.removeFirst(one)
    writer.truncate(to: one)
    #expect(array(writer.bytes).text == "*1\r\n$1\r\nB\r\n")
  }

  @Test func `Arguments are forwarded as they were received`() {
    var bytes = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n".bytes
    var parser = RequestParser()
    var slices = SliceBuffer()
    var position = 0
    var writer = CommandWriter()
    unsafe bytes.withUnsafeMutableBytes { buffer in
      let outcome = unsafe parser.next(
        in: buffer, position: &position, limits: RequestLimits(), slices: &slices)
      guard outcome == .request, let base = buffer.baseAddress else { return }
      let arguments = unsafe Arguments(base: base, slices: slices.base, count: slices.count)
      writer.append(arguments)
      arguments.setHash(42, at: 1)
      #expect(arguments.hash(at: 0) == 0 && arguments.dropFirst(1).hash(at: 0) == 42)
      #expect(arguments.byteCount(at: 0) == 3 && arguments.dropFirst(1).count == 2)
      #expect(array(arguments.dropFirst(1)[0]) == "k".bytes)
    }
    #expect(array(writer.bytes) == bytes)
  }
}

@Suite struct SliceBufferTests {
  @Test func `A slice has sixteen bytes`() {
    #expect(MemoryLayout<Slice>.size == 16 && MemoryLayout<Slice>.stride == 16)
    #expect(MemoryLayout<Slice>.offset(of: \.count) == 4)
    #expect(MemoryLayout<Slice>.offset(of: \.hash) == 8)
  }

  @Test func `Slices survive growth, truncation and shrinking`() {
    var buffer = SliceBuffer(capacity: 0)
    for index in 0..<1000 { buffer.append(Slice(offset: UInt32(index), count: 1)) }
    #expect(buffer.count == 1000 && buffer.capacity >= 1000)
    buffer.truncate(to: 10)
    buffer.shrink(toCapacity: 4)
    #expect(buffer.capacity == 10)
    #expect((0..<10).allSatisfy { buffer[$0].offset == UInt32($0) })
    buffer[3].hash = 9
    #expect(buffer[3] == Slice(offset: 3, count: 1, hash: 9))
    var other = SliceBuffer()
    other.append(contentsOf: buffer, from: 8)
    #expect(other.count == 2 && other[1].offset == 9)
    buffer.removeAll()
    #expect(buffer.count == 0 && buffer.capacity == 10)
  }
}
