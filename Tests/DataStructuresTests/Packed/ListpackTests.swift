// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

/// What tests ask of a listpack in its block.
extension ListpackBlock {
  /// All entries as text, from the front.
  var texts: [[UInt8]] {
    var scratch = DecimalScratch()
    var result: [[UInt8]] = []
    let pack = listpack
    var position = pack.first
    while let current = position {
      result.append(pack.text(at: current, &scratch).copied)
      #expect(pack.textCount(at: current) == result[result.count - 1].count)
      position = pack.next(current)
    }
    return result
  }

  /// All entries as text, read from the end, in their order.
  var textsFromEnd: [[UInt8]] {
    var scratch = DecimalScratch()
    var result: [[UInt8]] = []
    let pack = listpack
    var position = pack.last
    while let current = position {
      result.append(pack.text(at: current, &scratch).copied)
      position = pack.previous(current)
    }
    return result.reversed()
  }
}

/// Texts of every kind of entry, at the edges of each.
struct PackedTexts {
  static let edges: [String] = [
    "f", "1", "name", "x", "12", "-1", "127", "128", "-4096", "4095", "4096", "-4097", "32767",
    "-32768", "32768", "8388607", "-8388609", "2147483647", "-2147483648", "2147483648",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "01", "-0", "+1", "0",
    "", " 1", "1 ",
  ]

  /// A text, short and long, number or not.
  static func random(_ generator: inout RandomGenerator) -> [UInt8] {
    switch generator.next(below: 8) {
    case 0, 1:
      let shift = UInt64(generator.next(below: 64))
      let number = Int(truncatingIfNeeded: generator.next() >> shift)
      return Array(String(generator.next(below: 2) == 0 ? number : 0 &- number).utf8)
    case 2: return Array(edges[generator.next(below: edges.count)].utf8)
    case 3: return [UInt8](repeating: 97, count: generator.next(below: 300))
    case 4:
      let count = [62, 63, 64, 124, 125, 126, 4094, 4095, 4096, 5000][generator.next(below: 10)]
      return [UInt8](repeating: 98, count: count)
    default:
      return (0..<generator.next(below: 20)).map { _ in
        UInt8(truncatingIfNeeded: generator.next())
      }
    }
  }
}

struct ListpackTests {
  @Test func `The bytes are those that redis-server 7.0 writes`() {
    let allocator = Allocator.create()
    var block = ListpackBlock(allocator: allocator)
    for text in PackedTexts.edges { block.append(Array(text.utf8).octets) }
    // The listpack in the payload of DUMP for a hash of these 15 pairs.
    let expected = """
      9c0000001e008166020101846e616d65058178020c01dfff027f01c08002d00002cfff02f1001003f1ffef03\
      f1ff7f03f1008003f200800004f2ffff7f04f3ffff7fff05f3ffffff7f05f30000008005f4000000800000000\
      009f4ffffffffffffff7f09f400000000000000800993393232333337323033363835343737353830381482303\
      103822d3003822b3103000180018220310382312003ff
      """
    let hexadecimal = block.listpack.allBytes.copied
      .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(hexadecimal == expected)
    block.free()
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  /// First bytes and last bytes of the listpack of "a" and n times "x", from redis-server 7.0.
  @Test(arguments: [
    (63, [0x4b, 0, 0, 0, 2, 0, 0x81, 0x61, 2, 0xbf], [0x40, 0xff]),
    (64, [0x4d, 0, 0, 0, 2, 0, 0x81, 0x61, 2, 0xe0, 0x40], [0x42, 0xff]),
    (125, [0x8a, 0, 0, 0, 2, 0, 0x81, 0x61, 2, 0xe0, 0x7d], [0x7f, 0xff]),
    (126, [0x8c, 0, 0, 0, 2, 0, 0x81, 0x61, 2, 0xe0, 0x7e], [1, 0x80, 0xff]),
    (4095, [0x0d, 0x10, 0, 0, 2, 0, 0x81, 0x61, 2, 0xef, 0xff], [0x20, 0x81, 0xff]),
    (4096, [0x11, 0x10, 0, 0, 2, 0, 0x81, 0x61, 2, 0xf0, 0, 0x10, 0, 0], [0x20, 0x85, 0xff]),
    (16377, [0x0a, 0x40, 0, 0, 2, 0, 0x81, 0x61, 2, 0xf0, 0xf9, 0x3f], [0x7f, 0xfe, 0xff]),
    (16378, [0x0c, 0x40, 0, 0, 2, 0, 0x81, 0x61, 2, 0xf0, 0xfa, 0x3f], [0, 0xff, 0xff, 0xff]),
    (16380, [0x0e, 0x40, 0, 0, 2, 0, 0x81, 0x61, 2, 0xf0, 0xfc, 0x3f], [1, 0x80, 0x81, 0xff]),
  ])
  func `Long texts have the heads and lengths that redis-server 7.0 writes`(
    count: Int, head: [UInt8], tail: [UInt8]
  ) {
    let allocator = Allocator.create()
    var block = ListpackBlock(allocator: allocator)
    block.append(Array("a".utf8).octets, [UInt8](repeating: 120, count: count).octets)
    let bytes = block.listpack.allBytes.copied
    #expect(Array(bytes.prefix(head.count)) == head)
    #expect(Array(bytes.suffix(tail.count)) == tail)
    #expect(block.texts == block.textsFromEnd)
    block.free()
    allocator.destroy()
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func `Edits do to a listpack what they do to an array`(seed: UInt64) {
    let allocator = Allocator.create()
    var generator = RandomGenerator(seed: seed)
    var block = ListpackBlock(allocator: allocator)
    var model: [[UInt8]] = []
    for step in 0..<1500 {
      ListpackTests.edit(&block, &model, &generator, limit: [3, 20, 100][Int(seed) % 3])
      #expect(block.listpack.count == model.count)
      #expect(block.listpack.isEmpty == model.isEmpty)
      guard step % 8 == 0 else { continue }
      block.listpack.checkInvariants()
      #expect(block.texts == model, "seed \(seed) step \(step)")
      #expect(block.textsFromEnd == model, "seed \(seed) step \(step)")
    }
    block.free()
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  /// One random edit of both.
  private static func edit(
    _ block: inout ListpackBlock, _ model: inout [[UInt8]], _ generator: inout RandomGenerator,
    limit: Int
  ) {
    let text = PackedTexts.random(&generator)
    let index = generator.next(below: model.count + 1)
    let position = block.listpack.position(at: index) ?? block.listpack.end
    let number = Int(truncatingIfNeeded: generator.next() >> 40) - 1000
    switch model.count >= limit ? 8 + generator.next(below: 3) : generator.next(below: 11) {
    case 0, 1:
      block.insert(text.octets, at: position)
      model.insert(text, at: index)
    case 2:
      block.append(text.octets)
      model.append(text)
    case 3:
      block.prepend(text.octets)
      model.insert(text, at: 0)
    case 4:
      block.insert(integer: number, at: position)
      model.insert(Array(String(number).utf8), at: index)
    case 5:
      block.append(text.octets, Array("7".utf8).octets)
      model += [text, [55]]
    case 6, 7:
      guard index < model.count else { return }
      if generator.next(below: 2) == 0 {
        block.replace(at: position, with: text.octets)
        model[index] = text
      } else {
        block.replace(at: position, withInteger: number)
        model[index] = Array(String(number).utf8)
      }
    case 8, 9:
      guard index < model.count else { return }
      block.remove(at: position)
      model.remove(at: index)
    default:
      let count = generator.next(below: 4)
      block.remove(at: position, count: count)
      model.removeSubrange(index..<min(model.count, index + count))
      if generator.next(below: 4) == 0 { block.trim() }
    }
  }

  @Test func `Positions are found from both ends`() {
    let allocator = Allocator.create()
    var block = ListpackBlock(allocator: allocator)
    #expect(block.listpack.first == nil && block.listpack.last == nil)
    #expect(block.listpack.position(at: 0) == nil && block.listpack.position(at: -1) == nil)
    for number in 0..<100 { block.append(integer: number * 1000) }
    let pack = block.listpack
    for index in -110..<110 {
      let expected = index < 0 ? index + 100 : index
      let found = pack.position(at: index).flatMap { pack.integer(at: $0) }
      #expect(found == (0..<100 ~= expected ? expected * 1000 : nil))
    }
    #expect(pack.position(at: .min) == nil && pack.position(at: .max) == nil)
    block.free()
    allocator.destroy()
  }

  @Test func `More than 65534 entries are counted`() {
    let allocator = Allocator.create()
    var block = ListpackBlock(allocator: allocator)
    for number in 0..<70_000 { block.append(integer: number & 63) }
    #expect(block.listpack.count == 70_000)
    #expect(block.listpack.position(at: 69_999) == block.listpack.last)
    #expect(block.listpack.position(at: -70_000) == block.listpack.first)
    #expect(block.listpack.position(at: .min) == nil && block.listpack.position(at: .max) == nil)
    block.listpack.checkInvariants()
    block.remove(at: 6, count: 69_999)
    #expect(block.listpack.count == 1)
    block.listpack.checkInvariants()
    block.free()
    allocator.destroy()
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func `A text is found where it stands, among every entry or every second`(seed: UInt64) {
    let allocator = Allocator.create()
    var generator = RandomGenerator(seed: seed)
    var block = ListpackBlock(allocator: allocator)
    var model: [[UInt8]] = []
    for _ in 0..<100 {
      let text = PackedTexts.random(&generator)
      model.append(text)
      block.append(text.octets)
    }
    let pack = block.listpack
    for text in model + [[1, 2, 3], Array("4711".utf8)] {
      let index = model.firstIndex(of: text)
      #expect(pack.find(text.octets, from: pack.first) == index.flatMap { pack.position(at: $0) })
      let even = stride(from: 0, to: 100, by: 2).first { model[$0] == text }
      let found = pack.find(text.octets, from: pack.first, stride: 2)
      #expect(found == even.flatMap { pack.position(at: $0) })
      if let found { #expect(pack.equals(text.octets, at: found) == true) }
    }
    #expect(pack.equals([1, 2, 3].octets, at: 6) == false)
    #expect(pack.find([1].octets, from: nil) == nil)
    block.free()
    allocator.destroy()
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func `Damaged bytes are refused or can be read to the end`(seed: UInt64) {
    let allocator = Allocator.create()
    var generator = RandomGenerator(seed: seed)
    var block = ListpackBlock(allocator: allocator)
    for _ in 0..<12 { block.append(PackedTexts.random(&generator).octets) }
    let intact = block.listpack.allBytes.copied
    #expect(Listpack.isValid(intact.octets) == true)
    var refused = 0
    for round in 0..<3000 {
      var bytes = intact
      if round % 3 == 0 { bytes.removeLast(1 + generator.next(below: bytes.count)) }
      for _ in 0..<(round % 3) where !bytes.isEmpty {
        // Most of the bytes are text; the front is where the heads are.
        let place = generator.next(below: min(bytes.count, generator.next(below: bytes.count) + 1))
        bytes[place] = UInt8(truncatingIfNeeded: generator.next())
      }
      guard Listpack.isValid(bytes.octets) else {
        refused += 1
        continue
      }
      let copy = ListpackBlock(copying: Listpack(validated: bytes.octets), allocator: allocator)
      #expect(copy.texts.count == copy.listpack.count)
      #expect(copy.texts == copy.textsFromEnd)
      copy.free()
    }
    #expect(refused > 1000)
    block.free()
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `Integers read as what was written, at every width`() {
    let allocator = Allocator.create()
    var block = ListpackBlock(allocator: allocator)
    var numbers: [Int] = [0, .min, .max]
    for bit in 0..<63 {
      for number in [1 << bit, (1 << bit) - 1, (1 << bit) + 1] { numbers += [number, -number] }
    }
    var scratch = DecimalScratch()
    for number in numbers {
      block.append(integer: number)
      let pack = block.listpack
      guard let last = pack.last else { return }
      #expect(pack.integer(at: last) == number)
      #expect(pack.bytes(at: last).byteCount == 0)
      #expect(pack.text(at: last, &scratch).copied == Array(String(number).utf8))
      #expect(pack.equals(Array(String(number).utf8).octets, at: last) == true)
    }
    block.free()
    allocator.destroy()
  }
}
