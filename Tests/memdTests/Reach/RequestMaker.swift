// SPDX-License-Identifier: Apache-2.0

import DataStructures

@testable import memd

/// A request under construction.
struct RequestDraft {
  let syntax: CommandSyntax
  let database: Int
  var words: [[UInt8]]
  /// Numbers of the options used so far.
  var options: [Int] = []
  /// Keys named so far, with the key spec that finds them.
  var keys: [(word: Int, spec: Int)] = []
  /// Where the number of the elements that follow stands.
  var countWord: Int?
  var countName = ""
  /// Number of keys behind the last number of keys.
  var keyCount = 1
  /// How bounds of ranges are written: by index, score or alphabet.
  let rangeStyle: Int
  /// How many different members there are.
  var memberCount = 24
  /// A polygon has no center.
  var isPolygon = false
  /// BITOP NOT takes one key.
  var takesOneKey = false
  /// Percentage of options that are taken.
  let optionPercent: Int
}

/// Makes requests by the declared syntax of commands; what they work on is drawn from the state of
/// a server, so that most of them succeed.
struct RequestMaker {
  let view: KeyspaceView
  let keys: [[UInt8]]
  var dice: Dice
  /// Percentage of arguments that no honest client sends.
  var hostilePercent = 2
  /// The key that every target of a key spec is to be.
  var aim: (spec: Int, key: [UInt8])?
  /// The option that the next request is to have; nil for whatever comes.
  var wantedOption: Int?
  /// Whether repeated arguments may come in hundreds.
  var isLavish = true
  /// Values that replies have brought.
  var payloads: [[UInt8]] = []
  var cursor: [UInt8] = [UInt8(ascii: "0")]

  init(view: KeyspaceView, keys: [[UInt8]], dice: Dice) {
    self.view = view
    self.keys = keys
    self.dice = dice
  }

  /// A request of a command.
  mutating func request(_ syntax: CommandSyntax, database: Int) -> RequestDraft {
    let draw = dice.below(10)
    var draft = RequestDraft(
      syntax: syntax, database: database, words: syntax.words, rangeStyle: dice.below(3),
      optionPercent: wantedOption != nil ? 10 : draw < 3 ? 0 : draw < 8 ? 25 : 60)
    let wanted = wantedOption.map { syntax.options[$0] } ?? ""
    draft.isPolygon = wanted.hasPrefix("polygon") || (wanted.isEmpty && dice.happens(20))
    for argument in syntax.arguments { append(argument, to: &draft) }
    return draft
  }

  private mutating func append(
    _ element: SyntaxElement, to draft: inout RequestDraft, isChosen: Bool = false
  ) {
    if element.isOptional, !isChosen, !takesOption(element, draft) { return }
    if draft.isPolygon, element.offers("FROMMEMBER") { return }
    if let option = element.option { draft.options.append(option) }
    var times = element.isMultiple ? repetitions(of: element, &draft) : 1
    if element.isMultiple, let position = draft.countWord, draft.countName != "taken" {
      if draft.countName == "num-vertices" { times = max(3, times) }
      let count = dice.happens(hostilePercent) ? dice.below(5) : times
      draft.words[position] = Array(String(count).utf8)
      draft.keyCount = times
      draft.countWord = nil
    }
    for index in 0..<times {
      if let token = element.token, element.kind != .pureToken, index == 0 || element.repeatsToken {
        draft.words.append(token)
      }
      appendValue(of: element, to: &draft)
    }
  }

  private mutating func takesOption(_ element: SyntaxElement, _ draft: RequestDraft) -> Bool {
    if let wantedOption, element.covered.contains(wantedOption) { return true }
    if let aim, element.keySpecs.contains(aim.spec) { return true }
    if element.offers("BYSCORE") { return draft.rangeStyle > 0 }
    return dice.happens(draft.optionPercent)
  }

  private mutating func appendValue(of element: SyntaxElement, to draft: inout RequestDraft) {
    switch element.kind {
    case .pureToken: draft.words.append(element.token ?? [])
    case .oneOf:
      var chosen = element.members[dice.below(element.members.count)]
      if element.offers("BYSCORE"), draft.rangeStyle > 0 {
        chosen = element.members[min(draft.rangeStyle, element.members.count) - 1]
      } else if let wantedOption,
        let wanted = element.members.first(where: { $0.covered.contains(wantedOption) })
      {
        chosen = wanted
      }
      if draft.isPolygon, let polygon = element.members.first(where: { $0.name == "polygon" }) {
        chosen = polygon
      }
      if let aim, let aimed = element.members.first(where: { $0.keySpecs.contains(aim.spec) }) {
        chosen = aimed
      }
      append(chosen, to: &draft, isChosen: true)
    case .block:
      let before = draft.keys.count
      for member in element.members {
        if member.meaning == .streamReadID || member.meaning == .streamID, member.isMultiple,
          draft.keys.count > before
        {
          // As many ids as there are keys in front of them.
          for index in before..<draft.keys.count {
            let key = draft.words[draft.keys[index].word]
            draft.words.append(value(of: member, draft, near: key))
          }
        } else {
          append(member, to: &draft)
        }
      }
    case .key:
      draft.keys.append((draft.words.count, element.keySpecIndex))
      draft.words.append(key(for: element, draft))
    default: appendPlain(element, to: &draft)
    }
  }

  private mutating func appendPlain(_ element: SyntaxElement, to draft: inout RequestDraft) {
    if element.meaning == .following {
      draft.countWord = draft.words.count
      draft.countName = element.name
      draft.words.append([UInt8(ascii: "1")])
      return
    }
    if dice.happens(hostilePercent) {
      draft.words.append(hostileWord(for: element))
      return
    }
    let word = value(of: element, draft, near: draft.keys.last.map { draft.words[$0.word] } ?? [])
    if element.meaning == .bitOperation {
      draft.takesOneKey = word.elementsEqual("NOT".utf8)
    }
    draft.words.append(word)
  }

  private mutating func repetitions(
    of element: SyntaxElement, _ draft: inout RequestDraft
  ) -> Int {
    if element.name == "weight" { return draft.keyCount }
    let isKeys = element.kind == .key || element.members.contains { $0.kind == .key }
    if isKeys { return draft.takesOneKey ? 1 : dice.pick([1, 1, 2, 3]) }
    let draw = dice.below(1000)
    if draw < 600 { return 1 }
    if draw < 850 { return dice.number(2...4) }
    let takesMany = [.member, .value, .score, .streamID, .longitude].contains {
      element.meaning == $0 || element.members.first?.meaning == $0
    }
    guard takesMany else { return 2 }
    if draw < 985 || !isLavish { return dice.number(4...16) }
    draft.memberCount = 3000
    return draw < 998 ? dice.number(100...400) : 1100
  }

  // MARK: - Keys

  /// A key for an element: mostly one that the command can work on.
  private mutating func key(for element: SyntaxElement, _ draft: RequestDraft) -> [UInt8] {
    if let aim, aim.spec == element.keySpecIndex {
      // Only the first of several.
      if draft.keys.count(where: { $0.spec == aim.spec }) == 1 { return aim.key }
    }
    if dice.happens(hostilePercent) { return dice.pick(RequestMaker.oddKeys) }
    let isOverwritten = !element.access.isDisjoint(with: [.overwrite, .remove])
    let wanted = isOverwritten ? nil : draft.syntax.description.group.valueType
    guard let wanted else { return anyKey(in: draft.database) }
    if element.access.contains(.insert), dice.happens(25) { return dice.pick(keys) }
    let start = dice.below(keys.count)
    for offset in keys.indices {
      let key = keys[(start + offset) % keys.count]
      guard view.type(of: key, in: draft.database) == wanted else { continue }
      if suits(key, draft) { return key }
    }
    return missingKey(in: draft.database)
  }

  private mutating func suits(_ key: [UInt8], _ draft: RequestDraft) -> Bool {
    let name = draft.syntax.name
    if draft.syntax.description.group == .hyperloglog {
      return view.isSketch(key, in: draft.database)
    }
    if name.hasPrefix("incr") || name.hasPrefix("decr") {
      return view.isInteger(key, in: draft.database)
    }
    return true
  }

  private mutating func anyKey(in database: Int) -> [UInt8] {
    for _ in 0..<3 {
      let key = dice.pick(keys)
      if view.type(of: key, in: database) != nil { return key }
    }
    return dice.pick(keys)
  }

  private mutating func missingKey(in database: Int) -> [UInt8] {
    for _ in 0..<8 {
      let key = dice.pick(keys)
      if view.type(of: key, in: database) == nil { return key }
    }
    return dice.pick(keys)
  }

  static let oddKeys: [[UInt8]] = [
    [], Array(repeating: UInt8(ascii: "k"), count: 300), [0, 255, 13, 10, 32], Array("{k}1".utf8),
  ]
}
