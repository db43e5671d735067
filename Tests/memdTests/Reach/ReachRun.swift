// SPDX-License-Identifier: Apache-2.0

import DataStructures

@testable import memd

/// A run: generated requests against a server, checks now and then, and what was reached.
final class ReachRun {
  let world: ReachWorld
  let commands: [CommandSyntax]
  /// Called with every step before it is done.
  var onStep: (ReachScript.Step) -> Void = { _ in }
  /// Steps after which follower and structures are looked at.
  var checkInterval = 1000
  /// Requests sent so far.
  private(set) var requestCount = 0
  private var maker: RequestMaker
  private var dice: Dice
  private let weighted: [Int]
  /// Commands that overwrite or remove keys.
  private let targeting: [Int]
  private let numbers: [String: Int]
  private var isAlone = true
  private let bytesAtRest: Int

  static let keys = (0..<16).map { Array("k\($0)".utf8) }

  init(seed: UInt64) {
    world = ReachWorld(seed: seed)
    dice = Dice(seed: seed)
    let commands = CommandSyntax.all(world.server.commands)
    self.commands = commands
    maker = RequestMaker(
      view: KeyspaceView(server: world.server), keys: ReachRun.keys, dice: Dice(seed: seed &+ 1))
    weighted = commands.indices.flatMap { index -> [Int] in
      guard SpecialRequests.leftOut[commands[index].name] == nil else { return [] }
      // Those that can't succeed are sent now and then, too.
      let weight = SpecialRequests.weight(of: commands[index])
      return Array(repeating: index, count: max(weight, 0))
    }
    targeting = commands.indices.filter {
      !commands[$0].targetSpecs.isEmpty
        && SpecialRequests.reasonForFailing(commands[$0].name) == nil
    }
    var numbers: [String: Int] = [:]
    for index in commands.indices { numbers[commands[index].name] = index }
    self.numbers = numbers
    bytesAtRest = world.firstRest()
    world.onReply = { [unowned self] in note($0, $1, $2) }
    world.onBytes = { [unowned self] in learn($0, $1) }
  }

  /// Sends so many requests; returns what went wrong.
  func run(requests: Int) -> String? {
    var nextCheck = checkInterval
    var checks = 0
    while requestCount < requests, world.failure == nil {
      turnful()
      if requestCount >= nextCheck {
        nextCheck += checkInterval
        checks += 1
        world.finishTurn()
        world.check(isThorough: checks % 8 == 0)
      }
    }
    return finish()
  }

  /// The last checks: everything is looked at, everything is given back.
  func finish() -> String? {
    world.finishTurn()
    if world.failure == nil { world.check(isThorough: true) }
    if let failure = world.failure { return failure }
    let bytes = world.rest()
    if let failure = world.failure { return failure }
    guard bytes != bytesAtRest else { return nil }
    return "\(bytes) bytes are in use at rest, \(bytesAtRest) at the start"
  }

  // MARK: - Steps

  /// What happens in one turn.
  private func turnful() {
    let count = dice.happens(80) ? 1 : dice.number(2...5)
    isAlone = count == 1
    for index in 0..<count {
      var pause = index == 0 ? self.pause() : nil
      for (number, event, request) in events() {
        perform(ReachScript.Step(pause: pause, connection: number, event: event), request)
        pause = isAlone ? 0 : nil
      }
    }
  }

  /// The place of the command that a request made by hand is for.
  private func number(of words: [[UInt8]]) -> Int? {
    let first = String(decoding: words[0], as: UTF8.self).lowercased()
    if let number = numbers[first] { return number }
    guard words.count > 1 else { return nil }
    return numbers[first + "|" + String(decoding: words[1], as: UTF8.self).lowercased()]
  }

  private func pause() -> Int64 {
    switch dice.below(1000) {
    case 0..<500: 0
    case 500..<750: Int64(dice.number(1000...50_000))
    case 750..<930: Int64(dice.number(100_000...3_000_000))
    case 930..<990: Int64(dice.number(3_000_000...60_000_000))
    case 990..<999: Int64(dice.number(100_000_000...3_000_000_000))
    default: 3_600_000_000_000
    }
  }

  private func perform(_ step: ReachScript.Step, _ request: ReachRequest?) {
    onStep(step)
    var request = request
    if case .request(let words) = step.event {
      requestCount += 1
      request = request ?? ReachRequest(syntax: number(of: words))
    }
    if let draft = request?.draft {
      // What it meets has been made by the steps before.
      world.finishTurn()
      request?.targets = targets(of: draft)
      request?.draft = nil
    }
    world.perform(step, request)
  }

  /// What one client does next: mostly one request.
  private func events() -> [(Int, ReachScript.Event, ReachRequest?)] {
    var number = dice.below(ReachWorld.connectionCount)
    // A client that waits says nothing, but not always.
    for _ in 0..<4 where world.connection(number).isWaiting && dice.happens(90) {
      number = dice.below(ReachWorld.connectionCount)
    }
    let connection = world.connection(number)
    if isAlone, dice.happens(12), let events = aimedAtPair(number) { return events }
    let draw = dice.below(1000)
    if draw < 2 { return [(number, draw == 0 ? .close : .cut, nil)] }
    if draw < 6 { return [(number, .pass, nil)] }
    if draw < 9, isAlone { return recipe().map { (number, .request($0), nil) } }
    if connection.isLoose || connection.isStuck, dice.happens(30) {
      connection.isStuck = false
      return [(number, connection.isLoose ? .close : words("RESET"), nil)]
    }
    if connection.isInTransaction, dice.happens(25) { return [command("exec", connection)] }
    if draw < 50 { return [(number, words(dice.pick(SpecialRequests.sessionLines)), nil)] }
    if draw < 56 { return [(number, words(SpecialRequests.debugLine(&dice)), nil)] }
    if draw < 76 {
      let used = world.server.allocator.bytesInUse
      let words = SpecialRequests.settingWords(&dice, used: used).map { Array($0.utf8) }
      return [(number, .request(words), nil)]
    }
    let index = weighted[dice.below(weighted.count)]
    if dice.happens(25) {
      // What was not reached yet, or anything.
      let missing = commands[index].reached.indices.filter { commands[index].reached[$0] == 0 }
      maker.wantedOption = missing.isEmpty ? nil : dice.pick(missing)
    }
    defer { maker.wantedOption = nil }
    return [command(index, connection)]
  }

  private func words(_ line: String) -> ReachScript.Event {
    .request(line.split(separator: " ").map { Array($0.utf8) })
  }

  /// The making of a value of some form, then a command that overwrites or removes it.
  private func aimedAtPair(_ number: Int) -> [(Int, ReachScript.Event, ReachRequest?)]? {
    let connection = world.connection(number)
    guard !connection.isInTransaction, !connection.isLoose, !connection.isStuck else { return nil }
    let (index, target, form) = pair()
    let command = commands[index]
    let key = dice.pick(ReachRun.keys)
    let name = String(decoding: key, as: UTF8.self)
    var events = ([[Array("DEL".utf8), key]] + form.recipe(name)).map { line in
      (number, ReachScript.Event.request(line), ReachRequest?.none)
    }
    maker.aim = (command.targetSpecs[target], key)
    let covering = command.options.indices.filter { _ in dice.happens(20) }
    maker.wantedOption = covering.first
    let draft = maker.request(command, database: world.database(of: connection))
    maker.aim = nil
    maker.wantedOption = nil
    var request = ReachRequest(syntax: index, options: draft.options)
    request.draft = draft
    events.append((number, .request(draft.words), request))
    return events
  }

  /// A command, one of its targets and a form for it: mostly of those that have not met yet.
  private func pair() -> (command: Int, target: Int, form: ValueForm) {
    let prefersMissing = dice.happens(90)
    var attempts = 0
    while true {
      let index = dice.pick(targeting)
      let command = commands[index]
      let target = dice.below(command.targetSpecs.count)
      let forms = command.forms(ofTarget: target)
      let missing = forms.filter { command.met[target][$0.number] == 0 }
      if prefersMissing, !missing.isEmpty { return (index, target, dice.pick(missing)) }
      attempts += 1
      if !prefersMissing || attempts >= 40 { return (index, target, dice.pick(forms)) }
    }
  }

  /// The making of a value of some form, in the place of what is there.
  private func recipe() -> [[[UInt8]]] {
    let form = dice.pick(ValueForm.all)
    let key = "k\(dice.below(ReachRun.keys.count))"
    return [["DEL", key].map { Array($0.utf8) }] + form.recipe(key)
  }

  private func command(
    _ name: String, _ connection: ReachConnection
  ) -> (Int, ReachScript.Event, ReachRequest?) {
    command(commands.firstIndex { $0.name == name } ?? 0, connection)
  }

  private func command(
    _ index: Int, _ connection: ReachConnection
  ) -> (Int, ReachScript.Event, ReachRequest?) {
    let database = world.database(of: connection)
    let draft = maker.request(commands[index], database: database)
    var request = ReachRequest(syntax: index, options: draft.options)
    if isAlone { request.draft = draft }
    return (connection.number, .request(draft.words), request)
  }

  /// The keys of a request that may be overwritten or removed, as they are now.
  private func targets(of draft: RequestDraft) -> [ReachRequest.Target] {
    draft.keys.compactMap { key in
      guard let number = draft.syntax.targetSpecs.firstIndex(of: key.spec),
        let place = maker.view.place(of: draft.words[key.word], in: draft.database)
      else { return nil }
      return ReachRequest.Target(
        number: number, key: draft.words[key.word], database: draft.database, form: place.form,
        address: place.address)
    }
  }

  // MARK: - Replies

  private func note(
    _ connection: ReachConnection, _ request: ReachRequest, _ outcome: ReachOutcome
  ) {
    guard let index = request.syntax, outcome != .queued else { return }
    let command = commands[index]
    command.calls += 1
    guard outcome == .success else { return }
    command.successes += 1
    for option in request.options { command.reached[option] += 1 }
    for target in request.targets {
      let place = maker.view.place(of: target.key, in: target.database)
      if !command.takesWhole(target: target.number) || place?.address != target.address
        || place?.form.shape != target.form.shape
      {
        command.met[target.number][target.form.number] += 1
      }
    }
    follow(command, connection)
  }

  /// What a successful command means for its connection.
  private func follow(_ command: CommandSyntax, _ connection: ReachConnection) {
    switch command.name {
    case "multi": connection.isInTransaction = true
    case "exec", "discard": connection.isInTransaction = false
    case "reset":
      connection.isInTransaction = false
      connection.isLoose = false
    case "subscribe", "psubscribe", "ssubscribe", "monitor", "sync", "psync", "client|reply",
      "unsubscribe", "punsubscribe", "sunsubscribe":
      connection.isLoose = true
    default: break
    }
  }

  /// Keeps what later requests can use: payloads and cursors.
  private func learn(_ bytes: [UInt8], _ range: Range<Int>) {
    if let text = ReplyScanner.payload(bytes, in: range) {
      if maker.payloads.count < 40 {
        maker.payloads.append(text)
      } else {
        maker.payloads[dice.below(40)] = text
      }
    } else if let text = ReplyScanner.firstString(bytes, from: range.lowerBound), text.count < 20,
      text.allSatisfy({ $0 >= 48 && $0 < 58 })
    {
      maker.cursor = text
    }
  }
}
