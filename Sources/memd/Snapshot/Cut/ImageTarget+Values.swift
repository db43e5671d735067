// SPDX-License-Identifier: Apache-2.0

import DataStructures

// What is copied into images. No function here changes the keyspace.

extension ImageTarget {
  /// A database begins, or goes on behind keys of another one.
  mutating func add(database number: Int, keys: Int, expiring: Int, isFirst: Bool) {
    let target = unsafe reserve(
      ImageHeader(kind: .database, form: isFirst ? 1 : 0), payload: 24)
    unsafe target.storeBytes(of: number, as: Int.self)
    unsafe target.storeBytes(of: keys, toByteOffset: 8, as: Int.self)
    unsafe target.storeBytes(of: expiring, toByteOffset: 16, as: Int.self)
  }

  /// An entry whose value is a string or packed.
  mutating func add(_ entry: Entry, access: RDBAccess?) {
    let byteCount = entry.byteCount
    let header = ImageHeader(kind: .entry, access: access)
    guard let block = unsafe entry.valueBytes else {
      let target = unsafe reserve(header, payload: byteCount)
      return unsafe target.copyMemory(from: entry.pointer, byteCount: byteCount)
    }
    let offset = (byteCount + 7) & ~7
    let target = unsafe reserve(header, payload: offset + block.count)
    unsafe target.copyMemory(from: entry.pointer, byteCount: byteCount)
    let copy = unsafe target + offset
    unsafe copy.copyMemory(from: block.baseAddress.unsafelyUnwrapped, byteCount: block.count)
    unsafe target.storeBytes(
      of: UInt64(UInt(bitPattern: copy)), toByteOffset: entry.header.wordOffset, as: UInt64.self)
  }

  /// The entry of a large value, whose blocks follow.
  mutating func addHead(
    of entry: Entry, access: RDBAccess?, as kind: RDBFormat.ValueKind, earliest: Int64?
  ) {
    let header = ImageHeader(
      kind: .head, access: access, form: kind.rawValue, value: earliest ?? 0)
    let byteCount = entry.byteCount
    let target = unsafe reserve(header, payload: byteCount)
    unsafe target.copyMemory(from: entry.pointer, byteCount: byteCount)
  }

  /// How many elements or blocks follow.
  mutating func add(count: Int) {
    _ = unsafe reserve(ImageHeader(kind: .count, value: Int64(count)), payload: 0)
  }

  /// A leaf of a sorted set.
  mutating func add(_ leaf: SortedSetLeaf) {
    let bytes = leaf.bytes
    let leafCount = bytes.byteCount
    var payload = leafCount
    leaf.forEachLongMember { member, _ in payload += 8 + (member.byteCount + 7) & ~7 }
    let target = unsafe reserve(ImageHeader(kind: .leaf), payload: payload)
    unsafe bytes.withUnsafeBytes {
      unsafe target.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: leafCount)
    }
    var end = leafCount
    leaf.forEachLongMember { member, place in
      let copy = unsafe target + end
      unsafe target.storeBytes(of: UInt(bitPattern: copy), toByteOffset: place, as: UInt.self)
      end += unsafe copy.store(counted: member)
    }
  }

  /// A bucket of a set.
  mutating func addMembers(of chain: BucketChain) {
    var payload = 0
    chain.forEach { payload += 8 + (SetMember(word: $0).byteCount + 7) & ~7 }
    guard payload > 0 else { return }
    let target = unsafe reserve(ImageHeader(kind: .members), payload: payload)
    var end = 0
    chain.forEach { end += unsafe (target + end).store(counted: SetMember(word: $0).bytes) }
  }

  /// A bucket of a hash.
  mutating func addFields(of chain: BucketChain) {
    var payload = 0
    chain.forEach {
      let field = HashField(word: $0)
      payload += 24 + (field.nameCount + 7) & ~7 + (field.value.byteCount + 7) & ~7
    }
    guard payload > 0 else { return }
    let target = unsafe reserve(ImageHeader(kind: .fields), payload: payload)
    var end = 0
    chain.forEach {
      let field = HashField(word: $0)
      unsafe (target + end).storeBytes(of: field.deadlineIfAny ?? .min, as: Int64.self)
      end += 8
      end += unsafe (target + end).store(counted: field.name)
      end += unsafe (target + end).store(counted: field.value)
    }
  }

  /// A node of a list.
  mutating func add(_ node: QuickListNode) {
    if node.isPlain {
      add(node.plainText, as: .plainNode)
    } else {
      add(node.listpack.allBytes, as: .packedNode)
    }
  }

  /// A block of a stream.
  mutating func add(_ node: StreamNodeView) {
    let bytes = node.listpack.allBytes
    let target = unsafe reserve(ImageHeader(kind: .streamNode), payload: 16 + bytes.byteCount)
    unsafe target.storeBytes(of: node.id.milliseconds, as: UInt64.self)
    unsafe target.storeBytes(of: node.id.sequence, toByteOffset: 8, as: UInt64.self)
    unsafe (target + 16).copy(bytes)
  }

  /// Bytes as they stand in the file.
  mutating func add(encoded bytes: RawSpan) { add(bytes, as: .encoded) }

  private mutating func add(_ bytes: RawSpan, as kind: ImageKind) {
    let target = unsafe reserve(ImageHeader(kind: kind), payload: bytes.byteCount)
    unsafe target.copy(bytes)
  }
}

extension UnsafeMutableRawPointer {
  /// Stores a length and bytes; returns how much that is, filled up to eight bytes.
  func store(counted bytes: RawSpan) -> Int {
    unsafe storeBytes(of: bytes.byteCount, as: Int.self)
    unsafe (self + 8).copy(bytes)
    return 8 + (bytes.byteCount + 7) & ~7
  }
}

extension Entry {
  /// What is used of the block that a string or a packed collection stands in; nil if the value
  /// stands behind the key or is an integer.
  @unsafe
  var valueBytes: UnsafeRawBufferPointer? {
    let header = self.header
    if header.isEmbedded { return nil }
    if header.isString {
      guard header.encoding == StringEncoding.block.rawValue else { return nil }
      let block = StringBlock(word: valueWord)
      let count = unsafe block.start - block.pointer + block.count
      return unsafe UnsafeRawBufferPointer(start: block.pointer, count: count)
    }
    guard CollectionEncoding.isPacked(header.encoding) else { return nil }
    let block = PackedBlock(word: valueWord)
    return unsafe UnsafeRawBufferPointer(
      start: block.start - PackedBlock.headerCount, count: block.byteCount)
  }
}
