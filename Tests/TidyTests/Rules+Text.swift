// SPDX-License-Identifier: Apache-2.0

extension Rules {
  /// A String sees characters in bytes, and a client can send one character of a megabyte. So the
  /// server compares, folds and repeats bytes (`ByteText`, `Keyword`, `FoldedName`,
  /// `RawSpan.spells`); the few ways from bytes to a bounded String are those of `RawSpan`
  /// (`text(ofAtMost:)`, `logText`), in DataStructures.
  static func textOfBytes(_ file: Repository.File) -> [Finding] {
    let folders = ["Sources/memd/", "Sources/RESP/", "Sources/PubSub/"]
    guard folders.contains(where: { file.path.hasPrefix($0) }),
      Exceptions.filesThatMakeText[file.path] == nil
    else { return [] }
    let tokens = SwiftTokens.of(file.text)
    let findings = tokens.indices.dropLast(2).compactMap { index -> Finding? in
      guard let message = textOfBytes(index, tokens) else { return nil }
      return Finding(path: file.path, line: tokens[index].line, message: message)
    }
    // Tokens leave out the inside of strings, where an interpolation may do the same.
    let known = Set(findings.map(\.line))
    return findings
      + file.lines.enumerated().compactMap { index, line in
        guard !known.contains(index + 1), interpolates(line) else { return nil }
        return Finding(
          path: file.path, line: index + 1, message: "interpolation: use ByteText's, or bound it")
      }
  }

  private static func interpolates(_ line: some StringProtocol) -> Bool {
    guard line.contains("\\("), !line.drop(while: { $0 == " " }).hasPrefix("//") else {
      return false
    }
    return decoders.contains { line.contains("String(\($0):") }
      || characterMembers.contains { line.contains(".\($0)()") }
  }

  private static let decoders: Set = [
    "decoding", "validating", "bytes", "cString", "utf8String", "validatingCString",
    "validatingUTF8", "unsafeUninitializedCapacity",
  ]
  private static let characterMembers: Set = [
    "lowercased", "uppercased", "localizedLowercase", "localizedUppercase", "capitalized",
  ]

  private static func textOfBytes(_ index: Int, _ tokens: [Token]) -> String? {
    let next = tokens[index + 1].text
    if ["String", "Substring"].contains(tokens[index].text), next == "(",
      decoders.contains(tokens[index + 2].text)
    {
      return "String(\(tokens[index + 2].text): stay with bytes, or bound the text"
    }
    if tokens[index].text == ".", characterMembers.contains(next), tokens[index + 2].text == "(" {
      return "\(next)() folds characters: fold ASCII"
    }
    return nil
  }
}
