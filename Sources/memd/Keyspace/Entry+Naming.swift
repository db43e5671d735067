// SPDX-License-Identifier: Apache-2.0

extension Entry {
  /// How the value is stored, in OBJECT ENCODING's words.
  var encodingName: StaticString {
    let header = self.header
    switch header.type {
    case .string:
      switch StringEncoding(rawValue: header.encoding) {
      case .integer: return "int"
      case .embedded: return "embstr"
      case .block, .embeddedRaw, nil: return "raw"
      }
    case .list, .set, .hash, .sortedSet: return "listpack"
    case .stream: return "stream"
    }
  }
}
