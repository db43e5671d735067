// SPDX-License-Identifier: Apache-2.0
// Fuzz modules: RESP DataStructures PubSub EventLoop memd

import DataStructures
import EventLoop
import RESP

@testable import memd

// A payload for RESTORE, whatever its bytes, becomes a value or is refused. The value can be
// dumped, and what was dumped can be restored and is the same.
//
// Input: one byte with the version, then type and value; footer and checksum are added here.

nonisolated(unsafe) private var server = makeServer()

private func makeServer() -> Server {
  let clock = SimulatedClock()
  let transport = SimulatedTransport(clock: clock, seed: 1)
  let world = World(
    clock: clock, transport: transport, disk: SimulatedDisk(),
    helpers: SimulatedHelpers(transport: transport, seed: 1), seed: 1)
  let configuration = Configuration()
  configuration.rdbCompression = false
  return Server(configuration: configuration, world: world, log: Log())
}

/// The entry of a payload; nil if it is refused.
private func entry(_ payload: [UInt8], _ database: Database) -> DetachedEntry? {
  guard let version = DumpPayload.version(of: payload.rawSpan, verifiesChecksum: true) else {
    return nil
  }
  let key = Array("key".utf8)
  return try? DumpPayload.entry(
    payload.rawSpan, version: version, key: key.rawSpan, hasDeadline: false, in: database)
}

// MARK: - Mutation

/// The library's own mutation of bytes; returns how many there are afterwards.
@_silgen_name("LLVMFuzzerMutate")
private func mutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int) -> Int

/// Mutates elements of a listpack and puts it together anew, every other time: mutated byte by byte
/// nearly all listpacks would be refused before anybody looks at their elements.
@_cdecl("LLVMFuzzerCustomMutator")
func mutatePayload(
  _ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, _ seed: UInt32
) -> Int {
  let input = Array(UnsafeBufferPointer(start: data, count: count))
  var random = RandomGenerator(seed: UInt64(seed))
  guard random.next(below: 2) == 0, let start = listpackStart(input),
    var elements = elements(Array(input[start...]))
  else { return mutate(data, count, limit) }
  for _ in 0...random.next(below: 3) { change(&elements, &random) }
  var block = ListpackBlock(allocator: server.keyspace.allocator)
  for element in elements { block.append(element.rawSpan) }
  let bytes = block.listpack.allBytes.copied
  block.free()
  // Version, type, and for a hash with deadlines the earliest one; then a length of 14 bits.
  let prefix = input[..<(start - (input[start - 2] & 0xC0 == 0x40 ? 2 : 1))]
  let length = [UInt8(0x40 | bytes.count >> 8), UInt8(truncatingIfNeeded: bytes.count)]
  let output = prefix + length + bytes
  guard bytes.count < 1 << 14, output.count <= limit else { return mutate(data, count, limit) }
  for (index, byte) in output.enumerated() { data[index] = byte }
  return output.count
}

/// Where the listpack of a payload begins whose value is one; nil for other payloads.
private func listpackStart(_ input: [UInt8]) -> Int? {
  guard input.count > 12, let kind = RDBFormat.ValueKind(rawValue: input[1]) else { return nil }
  let first: Int
  switch kind {
  case .hashListpack, .sortedSetListpack, .setListpack: first = 2
  case .hashListpackDeadlines: first = 10
  default: return nil
  }
  switch input[first] & 0xC0 {
  case 0: return first + 1
  case 0x40: return first + 2
  default: return nil
  }
}

/// The elements of a listpack as texts; nil if the bytes are none.
private func elements(_ bytes: [UInt8]) -> [[UInt8]]? {
  guard Listpack.isValid(bytes.rawSpan) else { return nil }
  let listpack = Listpack(validated: bytes.rawSpan)
  var scratch = DecimalScratch()
  var result: [[UInt8]] = []
  var position = listpack.first
  while let current = position {
    result.append(listpack.text(at: current, &scratch).copied)
    position = listpack.next(current)
  }
  return result
}

private func change(_ elements: inout [[UInt8]], _ random: inout RandomGenerator) {
  let index = elements.isEmpty ? 0 : random.next(below: elements.count)
  let kind = random.next(below: 6)
  if elements.isEmpty || kind == 0 {
    let numbers = [0, 1, -1, 127, 4095, -4096, 1 << 31, .max, .min]
    elements.insert(Array(String(numbers[random.next(below: numbers.count)]).utf8), at: index)
    return
  }
  switch kind {
  case 1: elements.remove(at: index)
  case 2: elements.insert(elements[index], at: random.next(below: elements.count))
  case 3: elements.swapAt(index, random.next(below: elements.count))
  default:
    var buffer = elements[index] + [UInt8](repeating: 0, count: 32)
    let count = elements[index].count
    let length = buffer.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { mutate($0, count, buffer.count) } ?? 0
    }
    elements[index] = Array(buffer[..<length])
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  guard count > 1 else { return 0 }
  let body = Array(UnsafeBufferPointer(start: data + 1, count: count - 1)) + [data[0], 0]
  let sum = CRC64.of(body.rawSpan)
  let payload = body + (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64(8 * $0)) }
  let database = server.keyspace.databases[0]
  guard let first = entry(payload, database) else { return 0 }
  let digest = DatasetDigest(valueOf: first.entry).text
  let dumped = DumpPayload.make(of: first.entry, compresses: false)
  guard let second = entry(dumped, database) else {
    preconditionFailure("what was dumped can't be restored")
  }
  precondition(DatasetDigest(valueOf: second.entry).text == digest, "a round trip loses something")
  database.discard(first)
  database.discard(second)
  while server.keyspace.unlinked.free(upTo: .max) {}
  return 0
}
