// SPDX-License-Identifier: Apache-2.0
// Fuzz modules: RESP DataStructures PubSub EventLoop memd
// Fuzz length: 256

import DataStructures
import EventLoop
import RESP

@testable import memd

// A log of several files, damaged or not, is loaded or refused, and `memd --check-aof` says the
// same of it, up to the offset. What is loaded are the units in front of the damage; what the check
// has mended can be loaded, and a log that was cut at start can be gone on with.
//
// Input: the choices that `Choices` lists, up to three mutations of five bytes, and then a script,
// of which `LogMaker` makes the files. Each unit of a log appends the next letter to the key "u".

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  var input = Input(Array(UnsafeBufferPointer(start: data, count: count)))
  let choices = Choices(&input)
  let mutations = (0..<choices.mutationCount).map { _ in Mutation(&input) }
  var maker = LogMaker(base: choices.base)
  maker.run(&input)
  var log = maker.log
  for mutation in mutations { log.apply(mutation) }
  var run = Run(log, choices)
  run.all()
  return 0
}

// MARK: - Input

/// The bytes of an input; zeros behind their end.
struct Input {
  private var bytes: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

  var isEmpty: Bool { bytes.isEmpty }

  mutating func byte() -> Int { Int(bytes.popFirst() ?? 0) }

  mutating func bytes(_ count: Int) -> [UInt8] {
    defer { bytes = bytes.dropFirst(count) }
    return Array(bytes.prefix(count))
  }
}

/// What is to be done with a log.
struct Choices {
  enum Base: Int {
    case none, commands, snapshot, snapshotAndCommands
  }

  let base: Base
  /// Whether damage of any size may be dropped at start.
  let dropsDamage: Bool
  let cutsAtTimestamp: Bool
  /// The operation of the disk that fails; 0 for none.
  let failingOperation: Int
  /// Bytes that are read at once.
  let readByteCount: Int
  let mutationCount: Int

  init(_ input: inout Input) {
    let flags = input.byte()
    base = Base(rawValue: flags & 3) ?? .none
    dropsDamage = flags & 4 != 0
    cutsAtTimestamp = flags & 8 != 0
    mutationCount = flags >> 4 & 3
    let number = input.byte()
    failingOperation = flags & 64 != 0 ? number % 64 + 1 : 0
    readByteCount = flags & 128 != 0 ? number + 8 : .max
  }
}

/// A change of the bytes of a file.
struct Mutation {
  let file: Int
  let kind: Int
  let place: Int
  let value: UInt8

  init(_ input: inout Input) {
    let choice = input.byte()
    file = choice & 15
    kind = choice >> 4
    place = input.byte() << 8 | input.byte()
    value = UInt8(input.byte())
  }
}

/// How one file of a log ends, in the words of both who read it.
struct Ending {
  /// Up to where the loader executes; nil for an RDB that can't be read.
  var wholeOffset: Int?
  var isWhole = false
  /// Whether a part of what was to be there is missing, and nothing is damaged.
  var isTorn = false
}

// MARK: - A run

/// Everything that is done with a log.
struct Run {
  let log: MadeLog
  let choices: Choices
  private let files: [(name: String, bytes: [UInt8])]
  /// How its files end, in reading order; nil if the manifest can't be read or a file is missing.
  private var endings: [Ending]?
  /// Whether the log is loaded as it is; nothing else is then.
  private var isLoaded = false

  init(_ log: MadeLog, _ choices: Choices) {
    self.log = log
    self.choices = choices
    files = log.files.map { ($0.name, $0.bytes) }
  }

  mutating func all() {
    put()
    endings = readFiles()
    put()
    let isValid = checkAndLoad()
    put()
    fix(isValid: isValid)
    put()
    cutAtStart(isValid: isValid)
    if choices.cutsAtTimestamp {
      put()
      cutAtTimestamp()
    }
    if choices.failingOperation > 0 { failSomewhere() }
  }

  private func put() {
    world.put(files, manifest: log.manifest)
    world.disk.faults.readByteCountMax = choices.readByteCount
  }

  private var lastName: String? {
    guard let manifest = try? LogManifest(parsing: log.manifest) else { return nil }
    return manifest.readingOrder.last?.name.text
  }

  // MARK: - File by file

  private func readFiles() -> [Ending]? {
    guard let manifest = try? LogManifest(parsing: log.manifest) else { return nil }
    var endings: [Ending] = []
    for listed in manifest.readingOrder {
      let path = FuzzWorld.directory + listed.name.text
      guard let bytes = world.disk.content(of: path) else { return nil }
      guard let offset = commandsOffset(path, bytes) else {
        endings.append(Ending())
        continue
      }
      endings.append(compareReaders(path, bytes, from: offset))
    }
    return endings
  }

  private func open(_ path: String, at offset: Int) -> DiskFile {
    guard let file = try? world.disk.open(path, .read), (try? file.seek(to: offset)) != nil else {
      preconditionFailure("can't open what is there")
    }
    return file
  }

  /// Where the commands of a file begin; nil if the RDB in front of them can't be read.
  private func commandsOffset(_ path: String, _ bytes: [UInt8]) -> Int? {
    guard LogCheck.isRDB(bytes) else { return 0 }
    let file = open(path, at: 0)
    defer { file.close() }
    return RDBCheck.end(of: file, path: path, clock: world.clock) { _ in }
  }

  /// The loader's reader and the check's read the same, and the first one gives out what is in
  /// front of the whole offset, and nothing else.
  private func compareReaders(_ path: String, _ bytes: [UInt8], from offset: Int) -> Ending {
    let source = LogSource(open(path, at: offset), offset: offset)
    var commands: [UInt8] = []
    var end: LogChunk.End?
    while end == nil {
      let chunk = source.read()
      commands += chunk.commands
      end = chunk.end
    }
    source.close()
    let file = open(path, at: offset)
    let reading = LogCheckReading(file, offset: offset, timestampMax: nil)
    guard let verdict = try? reading.run() else { preconditionFailure("the disk failed") }
    file.close()
    let ending = compare(end, verdict, reading)
    if let whole = ending.wholeOffset {
      precondition(offset <= whole && whole <= bytes.count, "whole beyond the end")
      let expected = Self.commands(Array(bytes[offset..<whole]))
      precondition(commands == expected, "not the units in front of the whole offset")
    }
    return ending
  }

  private func compare(
    _ end: LogChunk.End?, _ verdict: LogCheckReading.Verdict, _ reading: LogCheckReading
  ) -> Ending {
    guard case .damaged(let damage) = verdict else {
      guard case .ended(.whole, let whole, _) = end else {
        preconditionFailure("the loader finds damage, the check doesn't")
      }
      precondition(whole == reading.wholeOffset, "whole up to another offset")
      return Ending(wholeOffset: whole, isWhole: true)
    }
    let hasMisplacedWord = damage.text.hasPrefix("Unexpected")
    switch end {
    case .ended(let ending, let whole, _):
      precondition(ending != .whole || hasMisplacedWord, "the check finds damage alone")
      if !hasMisplacedWord { precondition(whole == damage.wholeOffset, "torn elsewhere") }
      // EXEC without MULTI, and MULTI within a transaction, are refused when they are executed.
      return Ending(wholeOffset: whole, isTorn: !hasMisplacedWord)
    case .damaged(let failure, _):
      if !hasMisplacedWord {
        precondition(failure.range == damage.range, "damaged elsewhere")
        precondition(failure.wholeOffset == damage.wholeOffset, "whole up to another offset")
      }
      return Ending(wholeOffset: failure.wholeOffset)
    case .unreadable, nil: preconditionFailure("the disk failed")
    }
  }

  /// The bytes of all commands of a whole file.
  private static func commands(_ bytes: [UInt8]) -> [UInt8] {
    let reader = LogReader()
    if !bytes.isEmpty { reader.feed(bytes.rawSpan) }
    var commands: [UInt8] = []
    do throws(LogFailure) {
      while true {
        switch try reader.next() {
        case .command: reader.appendCommand(to: &commands)
        case .annotation, .timestamp: break
        case .needsBytes:
          let ending = try reader.finish()
          precondition(ending == .whole, "not whole up to the whole offset")
          return commands
        }
      }
    } catch {
      preconditionFailure("damaged in front of the whole offset")
    }
  }

  // MARK: - As a whole

  /// What is wrong with commands only shows when they are executed.
  private var hasRefusedCommand: Bool { world.hasSaid("can't be executed") }

  /// The log is valid if it can be loaded as it is, and the other way round.
  private mutating func checkAndLoad() -> Bool {
    let before = content
    let check = world.check()
    precondition(content == before, "looking changes something")
    isLoaded = world.load(cutsTorn: false, dropsDamage: false)
    precondition(content == before, "loading changes something")
    precondition(
      !world.hasSaid("Bad file format reading the append only file appendonlydir/"),
      "the reader lets something through")
    if check.code == 0 {
      precondition(isLoaded || isRefusedForAnotherReason, "valid, and can't be loaded")
    } else {
      precondition(!isLoaded, "not valid, and loaded: \(check.text)")
    }
    if let endings, check.code == 0 {
      precondition(endings.allSatisfy(\.isWhole), "valid, and can't be read")
    }
    if isLoaded { checkLetters() }
    precondition(!isLoaded || !log.isGivenAway, "a change in front of annotations goes unnoticed")
    return check.code == 0
  }

  /// Whether a valid log is refused for what only loading finds.
  private var isRefusedForAnotherReason: Bool {
    hasRefusedCommand || world.hasSaid("is in the RDB twice") || world.hasSaid("fewer databases")
      || world.hasSaid("There is no append only file to load")
  }

  private var content: [[UInt8]?] {
    files.map { world.disk.content(of: FuzzWorld.directory + $0.name) }
  }

  /// What was loaded are units in their order, and all of those in front of a damage.
  private func checkLetters() {
    guard !log.isManifestChanged else { return }
    let letters = world.letters
    let expected = log.lettersBeforeTrouble
    precondition(letters.count >= expected, "units are missing")
    for index in 0..<expected {
      precondition(letters[index] == LogMaker.letter(index), "another order")
    }
    if log.isUntouched { precondition(letters.count == expected, "a part of a unit") }
  }

  /// What `--fix` has cut can be loaded; nothing else is touched.
  private func fix(isValid: Bool) {
    let before = content
    let check = world.check(fixes: true)
    let after = content
    if isValid { return precondition(check.code == 0 && after == before, "mends what is whole") }
    guard check.code == 0 else {
      return precondition(after == before, "gives up and leaves something else")
    }
    let last = lastName
    for (index, file) in files.enumerated() where after[index] != before[index] {
      precondition(file.name == last, "cuts a file that isn't the last")
      guard let left = after[index] else { preconditionFailure("the file is gone") }
      precondition(file.bytes.starts(with: left), "does more than cut")
      if let ending = endings?.last, ending.isTorn {
        precondition(left.count == ending.wholeOffset, "cuts elsewhere than loading would")
      }
    }
    if log.isManifestChanged, Self.hasFileTwice(log.manifest) { return }
    precondition(world.check().code == 0, "mended, and not valid")
    let isLoaded = world.load(cutsTorn: false, dropsDamage: false)
    precondition(isLoaded || isRefusedForAnotherReason, "mended, and can't be loaded")
    if isLoaded { checkMendedLetters() }
  }

  private static func hasFileTwice(_ manifest: [UInt8]) -> Bool {
    guard let names = try? LogManifest(parsing: manifest).readingOrder.map(\.name) else {
      return false
    }
    return Set(names).count < names.count
  }

  /// What was cut in front of a doubt may lack units, but none in the middle.
  private func checkMendedLetters() {
    guard !log.isManifestChanged else { return }
    for (index, letter) in world.letters.prefix(log.lettersBeforeTrouble).enumerated() {
      precondition(letter == LogMaker.letter(index), "another order")
    }
  }

  /// A start that may cut the log leaves one that is whole, and that can be gone on with.
  private func cutAtStart(isValid: Bool) {
    let before = content
    guard isLoaded || world.load(cutsTorn: true, dropsDamage: choices.dropsDamage) else {
      return precondition(
        content == before || isRefusedForAnotherReason, "refused, and something is cut")
    }
    checkLetters()
    let letters = world.letters
    guard let name = lastName, let endings, let whole = endings.last?.wholeOffset,
      let place = files.firstIndex(where: { $0.name == name }),
      !(log.isManifestChanged && Self.hasFileTwice(log.manifest))
    else { return }
    let left = world.disk.content(of: FuzzWorld.directory + name) ?? []
    precondition(left == Array(files[place].bytes[..<whole]), "cut elsewhere than it is whole")
    precondition(isValid || left.count < files[place].bytes.count, "loaded what is not valid")
    guard let end = world.server.appendLog.loadedEnd else { preconditionFailure("no end") }
    precondition(end.wholeOffset == whole, "goes on elsewhere")
    var checksum = end.checksum
    let command = Array(
      "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$6\r\nAPPEND\r\n$1\r\nu\r\n$1\r\n!\r\n".utf8)
    checksum.add(command.rawSpan)
    let annotation = checksum.seal(replicationID: LogMaker.replicationID, offset: 1)
    let longer = left + command + annotation.line.bytes
    world.disk.setContent(longer, of: FuzzWorld.directory + name)
    let check = world.check()
    precondition(check.code == 0, "what was gone on with is not valid: \(check.text)")
    precondition(check.text.contains("confirmed up to offset \(longer.count) "), "not confirmed")
    precondition(world.load(cutsTorn: false, dropsDamage: false), "can't be loaded again")
    precondition(world.letters == letters + [UInt8(ascii: "!")], "another dataset")
  }

  private func cutAtTimestamp() {
    let before = content
    let check = world.check(timestampMax: 100)
    let after = content
    for (index, bytes) in after.enumerated() where bytes != before[index] {
      precondition(check.code == 0 && files[index].name == lastName, "cuts what it must not")
      precondition(files[index].bytes.starts(with: bytes ?? [0]), "does more than cut")
    }
    guard after != before, !Self.hasFileTwice(log.manifest) else { return }
    precondition(world.check().code == 0, "cut, and not valid")
  }

  /// A disk that fails in one operation costs nothing that isn't said.
  private func failSomewhere() {
    put()
    let before = content
    world.disk.fail(inOperation: choices.failingOperation)
    let code = world.check(fixes: true).code
    precondition(code == 0 || content == before || isCut(before), "fails and leaves something else")
    put()
    world.disk.fail(inOperation: choices.failingOperation)
    let isLoaded = world.load(cutsTorn: true, dropsDamage: choices.dropsDamage)
    if isLoaded { checkLetters() }
    put()
    if let name = lastName { _ = world.check(FuzzWorld.directory + name, fixes: true) }
    world.disk.faults.failsRead = true
    precondition(!world.load(cutsTorn: true, dropsDamage: true), "loaded what can't be read")
  }

  /// Whether each file is as it was or was cut.
  private func isCut(_ before: [[UInt8]?]) -> Bool {
    zip(before, content).allSatisfy { ($0 ?? []).starts(with: $1 ?? [0]) }
  }
}
