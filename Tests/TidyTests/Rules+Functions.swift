// SPDX-License-Identifier: Apache-2.0

extension Rules {
  /// A function fits on a screen.
  static func functionLength(_ file: Repository.File) -> [Finding] {
    let tokens = SwiftTokens.of(file.text)
    return tokens.indices.compactMap { index in
      guard introducesFunction(index, tokens), let end = endOfBody(from: index, tokens) else {
        return nil
      }
      let count = tokens[end].line - tokens[index].line + 1
      guard count > functionLineCountMax else { return nil }
      return Finding(
        path: file.path, line: tokens[index].line, message: "function of \(count) lines, at most 70"
      )
    }
  }

  private static func introducesFunction(_ index: Int, _ tokens: [Token]) -> Bool {
    let previous = index > 0 ? tokens[index - 1].text : ""
    guard previous != "." else { return false }
    switch tokens[index].text {
    case "func", "deinit": return true
    case "init", "subscript":
      return index + 1 < tokens.count && ["(", "<", "?"].contains(tokens[index + 1].text)
    default: return false
    }
  }

  /// The brace that ends the body of the function at `start`; nil if it has none.
  private static func endOfBody(from start: Int, _ tokens: [Token]) -> Int? {
    var depth = 0
    var index = start + 1
    while index < tokens.count {
      switch tokens[index].text {
      case "(", "[": depth += 1
      case ")", "]": depth -= 1
      case "{" where depth == 0: return matchingBrace(of: index, tokens)
      // A requirement of a protocol: the next declaration begins, or the protocol ends.
      case "}", "func", "var", "let", "init", "deinit", "subscript", "static", "associatedtype":
        if depth == 0 { return nil }
      default: break
      }
      index += 1
    }
    return nil
  }

  private static func matchingBrace(of start: Int, _ tokens: [Token]) -> Int? {
    var depth = 0
    for index in start..<tokens.count {
      if tokens[index].text == "{" { depth += 1 }
      if tokens[index].text == "}" { depth -= 1 }
      if depth == 0 { return index }
    }
    return nil
  }
}
