// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A view on an entry that is a stream.
struct StreamValue: CollectionValue {
  let entry: Entry

  init(_ entry: Entry) { self.entry = entry }

  /// The stream itself, to be read; it doesn't move.
  var stream: Stream { Stream(word: entry.valueWord) }

  var count: Int { stream.length }

  static func free(_ value: UnlinkedValue, budget: inout Int, _ allocator: Allocator) -> Bool {
    WritableStream(owned: value.word).free(budget: &budget)
  }

  func copiedWord(_ allocator: Allocator, seed: HashSeed) -> UInt64 {
    stream.copied(allocator).word
  }

  func allocatedSize(_ allocator: Allocator, samples: Int) -> Int {
    stream.allocatedSize(samples: samples)
  }

  func mix(into digest: inout DatasetDigest) {
    var entries = stream.entries()
    var scratch = DecimalScratch()
    while let entry = entries.next() {
      let id = Array("\(entry.id.milliseconds).\(entry.id.sequence)".utf8)
      digest.mix(id.rawSpan)
      var texts = entry.texts
      while let text = texts.next(&scratch) { digest.mix(text) }
    }
  }
}

extension WritableEntry {
  /// The stream of an entry that the caller knows to be one.
  var stream: WritableStream { WritableStream(owned: valueWord) }
}

extension UnlinkedValue {
  /// A stream that belongs to no key.
  init(_ stream: WritableStream) {
    self.init(
      type: .stream, encoding: Entry.CollectionEncoding.stream.rawValue, word: stream.word)
  }
}

extension Database {
  /// The stream of `key` for a command that reads it.
  func stream(_ key: Key) throws(CommandError) -> Stream? {
    try collection(key, .stream).map { StreamValue($0).stream }
  }

  /// The stream of `key` for a command that is going to change it.
  func streamForWriting(_ key: Key) throws(CommandError) -> WritableStream? {
    try collectionForWriting(key, .stream).map { $0.stream }
  }

  /// The stream of `key` for a command that changes what groups have pending.
  ///
  /// Compatibility: Redis looks it up as if it read only, so that it counts as a hit or a miss.
  func streamForClaiming(_ key: Key) throws(CommandError) -> WritableStream? {
    try streamForClaiming(of: read(key))
  }

  /// The same of an entry that `read` has just found.
  func streamForClaiming(of entry: Entry?) throws(CommandError) -> WritableStream? {
    guard let entry else { return nil }
    guard entry.header.type == .stream else { throw .wrongType }
    return open(entry).stream
  }

  /// Creates `key`, which is absent, with an empty stream.
  func addStream(_ key: Key) -> WritableStream {
    let stream = WritableStream.make(allocator)
    _ = addCollection(key, .stream, .stream, word: stream.word)
    return stream
  }

  /// When a stream begins a new block.
  var streamLimits: StreamLimits {
    StreamLimits(nodeBytes: limits.streamNodeMaxBytes, nodeEntries: limits.streamNodeMaxEntries)
  }
}
