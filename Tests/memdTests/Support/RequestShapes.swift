// SPDX-License-Identifier: Apache-2.0

@testable import memd

/// Requests of every form that a command's declared syntax allows, one deviation at a time.
struct RequestShapes {
  /// A word of a request.
  struct Word: Equatable {
    var text: String
    /// Stands where a number is expected.
    var isNumber = false
  }

  private let key: String

  private init(key: String) { self.key = key }

  /// The requests of a command that work on `key`: the shortest one, one for every option and
  /// alternative, and each of these with the option or repeatable part twice.
  static func of(_ description: CommandTable.Description, key: String) -> [[Word]] {
    let name = description.fullName.split(separator: "|").map { Word(text: String($0)) }
    let shapes = RequestShapes(key: key).sequences(description.command.arguments)
    return shapes.map { name + $0 }
  }

  /// The ways to write several elements in a row; the first is the shortest.
  private func sequences(_ specs: [ArgumentSpec]) -> [[Word]] {
    let variants = specs.map(variants)
    let shortest = variants.flatMap { $0[0] }
    var sequences = [shortest]
    for index in variants.indices {
      for variant in variants[index].dropFirst() {
        let before = variants[..<index].flatMap { $0[0] }
        let after = variants[(index + 1)...].flatMap { $0[0] }
        sequences.append(before + variant + after)
      }
    }
    return sequences
  }

  /// The ways to write one element; the first is the shortest, empty if it is optional.
  private func variants(_ spec: ArgumentSpec) -> [[Word]] {
    var forms: [[Word]]
    switch spec.kind {
    case .oneOf: forms = spec.members.flatMap { variants($0).filter { !$0.isEmpty } }
    case .block: forms = sequences(spec.members)
    default: forms = [[word(spec)]]
    }
    if let token = spec.token, spec.kind != .pureToken {
      forms = forms.map { [Word(text: token.description)] + $0 }
    }
    // Twice: a repetition where that is allowed, and an option given again where it is not.
    if spec.isMultiple || spec.isOptional { forms += forms.map { $0 + $0 } }
    return spec.isOptional ? [[]] + forms : forms
  }

  private func word(_ spec: ArgumentSpec) -> Word {
    switch spec.kind {
    case .key: Word(text: key)
    case .integer: Word(text: "1", isNumber: true)
    case .double: Word(text: "1.5", isNumber: true)
    case .unixTime: Word(text: "4102444800", isNumber: true)
    case .pattern: Word(text: "*")
    case .pureToken: Word(text: (spec.token ?? spec.name).description)
    default: Word(text: spec.name.description)
    }
  }
}
