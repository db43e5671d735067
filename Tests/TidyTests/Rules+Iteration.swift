// SPDX-License-Identifier: Apache-2.0

extension Rules {
  /// The order of a Dictionary or Set differs between two runs, so nothing may depend on it.
  ///
  /// A heuristic: looks for names that a file declares with such a type, followed by something that
  /// walks over the elements.
  static func unorderedIteration(_ file: Repository.File) -> [Finding] {
    guard Exceptions.filesWithHarmlessIteration[file.path] == nil else { return [] }
    let tokens = SwiftTokens.of(file.text)
    let names = unorderedNames(tokens)
    guard !names.isEmpty else { return [] }
    return tokens.indices.compactMap { index in
      guard names.contains(tokens[index].text) else { return nil }
      guard isWalked(index, tokens) || isSubjectOfFor(index, tokens) else { return nil }
      return Finding(
        path: file.path, line: tokens[index].line,
        message: "\(tokens[index].text) is walked, but its order is not defined")
    }
  }

  private static let walkingMembers: Set = [
    "keys", "values", "map", "compactMap", "flatMap", "mapValues", "forEach", "filter", "reduce",
    "sorted", "first", "min", "max", "randomElement", "enumerated", "makeIterator", "allSatisfy",
    "popFirst", "joined", "lazy",
  ]

  private static func isWalked(_ index: Int, _ tokens: [Token]) -> Bool {
    index + 2 < tokens.count && tokens[index + 1].text == "."
      && walkingMembers.contains(tokens[index + 2].text)
  }

  /// `for x in name {`, `for x in self.name where`.
  private static func isSubjectOfFor(_ index: Int, _ tokens: [Token]) -> Bool {
    guard index + 1 < tokens.count, ["{", "where"].contains(tokens[index + 1].text) else {
      return false
    }
    var start = index
    while start >= 2, tokens[start - 1].text == ".", tokens[start - 2].isWord { start -= 2 }
    return start > 0 && tokens[start - 1].text == "in"
  }

  /// Names declared as dictionaries or sets: by their type, or by what they are initialised with.
  private static func unorderedNames(_ tokens: [Token]) -> Set<String> {
    var names: Set<String> = []
    for index in tokens.indices.dropLast(3) where tokens[index].isWord {
      let separator = tokens[index + 1].text
      let previous = index > 0 ? tokens[index - 1].text : ""
      let isVariable = previous == "var" || previous == "let"
      guard separator == ":" || (separator == "=" && isVariable) else { continue }
      if startsUnorderedType(index + 2, tokens, allowsBrackets: isVariable) {
        names.insert(tokens[index].text)
      }
    }
    return names
  }

  private static func startsUnorderedType(
    _ start: Int, _ tokens: [Token], allowsBrackets: Bool
  ) -> Bool {
    switch tokens[start].text {
    case "Set", "Dictionary": return ["<", "="].contains(tokens[start + 1].text)
    case "[" where allowsBrackets: break
    default: return false
    }
    // `[Key: Value]`, `[:]` or a literal: a colon that no inner bracket encloses.
    var depth = 0
    for index in start..<tokens.count {
      switch tokens[index].text {
      // The colon belongs to a conditional expression.
      case "?" where depth == 1: return false
      case "[", "(", "{": depth += 1
      case "]", ")", "}":
        depth -= 1
        if depth == 0 { return false }
      case ":" where depth == 1: return true
      default: break
      }
    }
    return false
  }
}
