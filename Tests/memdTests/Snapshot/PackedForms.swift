// SPDX-License-Identifier: Apache-2.0

@testable import memd

extension PackedForm {
  /// Every packed form that RESTORE and files may have.
  static let all = lists + hashes + sets + sortedSets + streams

  private static func legacy(
    _ name: String, _ packed: PackedBytes, _ head: [UInt8], _ contradictions: [PackedBytes] = [],
    isKnown: Bool = true, version: UInt8 = 10
  ) -> PackedForm {
    PackedForm(
      name: name, isKnownToRedis70: isKnown, version: version, packed: packed, head: head,
      contradictions: contradictions.map(\.bytes))
  }

  /// The same bytes with "not known" in the place of the count.
  private func withoutCount(at offset: Int, _ width: Int, _ unknown: UInt8) -> PackedForm {
    var copy = self
    var bytes = packed.bytes
    for index in offset..<(offset + width) { bytes[index] = unknown }
    copy.equals.append(bytes)
    return copy
  }

  private var ziplist: PackedForm { withoutCount(at: 8, 2, 0xff) }
  private var listpack: PackedForm { withoutCount(at: 4, 2, 0xff) }

  // MARK: - Lists

  private static var lists: [PackedForm] {
    let texts = ["ab", "cde", "ab"]
    let items = texts.map { PackedBytes.Item.text($0) }
    var wide = legacy("list, ziplist", PackedBytes.ziplist(texts), [10]).ziplist
    // The length in front of an entry may take five bytes although one would do.
    var bytes = wide.packed.bytes
    bytes.replaceSubrange(14...14, with: [0xfe, 4, 0, 0, 0])
    bytes[0] += 4
    bytes[4] += 4
    bytes[23] += 4
    wide.equals.append(bytes)
    return [
      wide, legacy("list, quicklist", PackedBytes.ziplist(texts), [14, 1]).ziplist,
      legacy("list, quicklist 2", PackedBytes.listpack(items), [18, 1, 2]).listpack,
    ]
  }

  // MARK: - Hashes

  private static var hashes: [PackedForm] {
    let texts = ["ab", "12", "cd", "345"]
    let items = texts.map { PackedBytes.Item.text($0) }
    func expiring(_ names: [String]) -> PackedBytes {
      .listpack(names.flatMap { [.text($0), .text("v"), .deadline(1 << 45)] })
    }
    return [
      legacy(
        "zipmap", .zipmap([("ab", "cd"), ("ef", "gh")]), [9], [.zipmap([("ab", "x"), ("ab", "y")])]
      ).withoutCount(at: 0, 1, 254),
      legacy(
        "hash, ziplist", .ziplist(texts), [13],
        [.ziplist(["ab", "12", "ab", "13"]), .ziplist(["ab", "12", "cd"])]
      ).ziplist,
      legacy(
        "hash, listpack", .listpack(items), [16],
        [.listpack(items + items), .listpack(Array(items.prefix(3)))]
      ).listpack,
      legacy(
        "hash, listpack with deadlines", expiring(["ab", "cd"]),
        [25] + PackedBytes.little(1 << 45, 8), [expiring(["ab", "ab"]), .listpack(items)],
        isKnown: false, version: 12
      ).listpack,
    ]
  }

  // MARK: - Sets

  private static var sets: [PackedForm] {
    var intset = legacy(
      "intset", .intset([-2, 5, 1000]), [11],
      [.intset([5, 5, 7]), .intset([5, 4, 7])])
    intset.equals = [
      PackedBytes.little(4, 4) + PackedBytes.little(3, 4)
        + [-2, 5, 1000].flatMap { PackedBytes.little($0, 4) }
    ]
    return [
      intset,
      legacy(
        "set, listpack", .listpack([.text("ab"), .text("cd"), .number(7)]), [20],
        [.listpack([.text("ab"), .text("ab")])], isKnown: false, version: 11
      ).listpack,
    ]
  }

  // MARK: - Sorted sets

  private static var sortedSets: [PackedForm] {
    let items: [PackedBytes.Item] = [.text("ab"), .number(1), .text("cd"), .number(2)]
    return [
      legacy(
        "sorted set, ziplist", .ziplist(["ab", "10", "cd", "20"]), [12],
        [.ziplist(["ab", "10", "ab", "20"]), .ziplist(["ab", "10", "cd"])]
      ).ziplist,
      legacy(
        "sorted set, listpack", .listpack(items), [17],
        [
          .listpack([.text("ab"), .number(1), .text("ab"), .number(2)]),
          .listpack(Array(items.prefix(3))),
        ]
      ).listpack,
    ]
  }

  // MARK: - Streams

  /// A block of two entries, 1-1 and 1-3, between which 1-2 was deleted.
  static var streamBlock: PackedBytes {
    .listpack([
      .fixed(2), .fixed(1), .fixed(1), .text("f"), .fixed(0),
      .number(2), .number(0), .number(0), .text("v"), .fixed(4),
      .number(3), .number(0), .number(1), .text("v"), .fixed(4),
      .number(2), .number(0), .number(2), .text("v"), .fixed(4),
    ])
  }

  private static var streams: [PackedForm] {
    [(UInt8(15), true), (19, true), (21, false)].map { kind, isKnown in
      var form = legacy(
        "stream \(kind)", streamBlock, [kind, 1, 16] + StreamPayload.firstID, isKnown: isKnown,
        version: kind == 21 ? 11 : 10
      ).listpack
      form.tail = [2, 1, 3] + (kind == 15 ? [] : [1, 1, 1, 2, 3]) + [0]
      return form
    }
  }
}
