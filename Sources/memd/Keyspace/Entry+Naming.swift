// SPDX-License-Identifier: Apache-2.0

extension Entry {
  /// How the value is stored, in OBJECT ENCODING's words.
  var encodingName: StaticString {
    let header = self.header
    guard header.isString else { return header.collectionEncoding.name }
    switch StringEncoding(rawValue: header.encoding) {
    case .integer: return "int"
    case .embedded: return "embstr"
    case .block, .embeddedRaw, nil: return "raw"
    }
  }
}

extension Entry.CollectionEncoding {
  /// The word in OBJECT ENCODING's reply.
  fileprivate var name: StaticString {
    switch self {
    case .embeddedPacked, .packed: "listpack"
    case .embeddedPackedDeadlines, .packedDeadlines: "listpackex"
    case .embeddedIntset, .intset: "intset"
    case .table: "hashtable"
    case .skipList: "skiplist"
    case .quicklist: "quicklist"
    case .stream: "stream"
    }
  }
}

extension Entry.Header {
  /// How the value is stored; for every type but string.
  var collectionEncoding: Entry.CollectionEncoding {
    Entry.CollectionEncoding(rawValue: encoding) ?? .packed
  }
}
