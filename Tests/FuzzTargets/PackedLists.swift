// SPDX-License-Identifier: Apache-2.0
// Fuzz modules: DataStructures

import DataStructures

// Two things at once. The input as a listpack from outside: if the check says that it is one, it
// can be read from both ends, searched and edited. And the input as a script of edits: a chain of
// listpacks must then hold what an array holds. The blocks come from malloc, so that the address
// sanitizer sees a byte too many.

private nonisolated(unsafe) let allocator = Allocator.create()

/// Reads the script: numbers and texts until it ends.
private struct Script {
  var bytes: ArraySlice<UInt8>

  mutating func number() -> Int { Int(bytes.popFirst() ?? 0) }

  mutating func text() -> [UInt8] {
    let kind = number()
    switch kind % 4 {
    case 0: return Array(String(kind * 1_000_003 * number() - 4000).utf8)
    case 1: return [UInt8](repeating: 120, count: kind * 3)
    default:
      let text = Array(bytes.prefix(kind / 4))
      bytes = bytes.dropFirst(text.count)
      return text
    }
  }
}

/// All entries as text, from the front or from the end.
private func texts(_ listpack: Listpack, backwards: Bool) -> [[UInt8]] {
  var scratch = DecimalScratch()
  var result: [[UInt8]] = []
  var position = backwards ? listpack.last : listpack.first
  while let current = position {
    result.append(listpack.text(at: current, &scratch).copied)
    position = backwards ? listpack.previous(current) : listpack.next(current)
  }
  return backwards ? result.reversed() : result
}

/// The input as a listpack from outside.
private func checkPayload(_ bytes: [UInt8]) {
  guard Listpack.isValid(bytes.rawSpan) else { return }
  var block = ListpackBlock(
    copying: Listpack(validated: bytes.rawSpan), allocator: allocator)
  let before = texts(block.listpack, backwards: false)
  precondition(before == texts(block.listpack, backwards: true))
  precondition(block.listpack.count == before.count)
  if let last = before.last {
    let found = block.listpack.find(last.rawSpan, from: block.listpack.first)
    precondition(found != nil, "an entry is not found")
    block.replace(at: block.listpack.position(at: -1) ?? 0, with: [1, 2, 3].rawSpan)
    block.remove(at: block.listpack.first ?? 0)
  }
  let first = before.first ?? []
  block.append(Array("12".utf8).rawSpan, first.rawSpan)
  block.listpack.checkInvariants()
  block.free()
}

/// One edit of both; the places are taken from the script.
private func edit(
  _ list: inout QuickList, _ model: inout [[UInt8]], _ script: inout Script,
  _ limit: QuickListLimit, _ dropped: inout QuickList
) {
  let kind = script.number() % 9
  if kind < 2 {
    let text = script.text()
    if kind == 0 {
      list.pushBack(text.rawSpan, limit: limit)
      model.append(text)
    } else {
      list.pushFront(text.rawSpan, limit: limit)
      model.insert(text, at: 0)
    }
    return
  }
  guard !model.isEmpty else { return }
  let index = script.number() % model.count
  guard let cursor = list.cursor(at: index) else { preconditionFailure("no element") }
  switch kind {
  case 2:
    list.removeFirst()
    model.removeFirst()
  case 3:
    list.removeLast()
    model.removeLast()
  case 4, 5:
    let text = script.text()
    if kind == 4 {
      list.insert(text.rawSpan, before: cursor, limit: limit)
      model.insert(text, at: index)
    } else {
      list.insert(text.rawSpan, after: cursor, limit: limit)
      model.insert(text, at: index + 1)
    }
  case 6:
    let text = script.text()
    list.replace(at: cursor, with: text.rawSpan, limit: limit)
    model[index] = text
  case 7:
    list.remove(at: cursor)
    model.remove(at: index)
  default:
    let count = script.number() % (model.count - index + 1)
    list.removeRange(from: index, count: count, into: &dropped)
    model.removeSubrange(index..<index + count)
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: data, count: count))
  checkPayload(bytes)
  var script = Script(bytes: bytes[...])
  let sizes = [1, 2, 3, 8, -1, -2]
  let limit = QuickListLimit(
    listMaxListpackSize: sizes[script.number() % sizes.count],
    packedThreshold: script.number() % 2 == 0 ? 0 : 100)
  var list = QuickList(allocator: allocator)
  var dropped = QuickList(allocator: allocator)
  var model: [[UInt8]] = []
  while !script.bytes.isEmpty { edit(&list, &model, &script, limit, &dropped) }
  list.checkInvariants()
  var scratch = DecimalScratch()
  var cursor = list.first
  for text in model {
    precondition(cursor?.text(&scratch).copied == text, "another element than in the array")
    cursor = cursor?.next
  }
  precondition(cursor == nil && list.count == model.count)
  var budget = Int.max
  precondition(list.drain(budget: &budget) && dropped.drain(budget: &budget))
  return 0
}
