// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

@testable import memd

/// The files of a log, and what is known of them.
struct MadeLog {
  struct File {
    let name: String
    var bytes: [UInt8] = []
    /// Ends of units, and how many letters have been appended by then in the whole log.
    var wholes: [(offset: Int, letters: Int)] = []
    /// Starts of memd's annotations.
    var annotations: [Int] = []
    /// From here on the bytes may be others than a server would have written.
    var trouble = Int.max
  }

  var manifest: [UInt8] = []
  var isManifestChanged = false
  var files: [File] = []
  /// The one change, if it was one of single bytes: it can't hide from two annotations behind it.
  private(set) var changed: (file: Int, place: Int)?
  private var mutationCount = 0

  mutating func apply(_ mutation: Mutation) {
    mutationCount += 1
    if mutation.file >= files.count {
      guard mutation.file == 15 else { return }
      isManifestChanged = Self.change(&manifest, mutation) != nil || isManifestChanged
      return
    }
    guard let place = Self.change(&files[mutation.file].bytes, mutation) else { return }
    files[mutation.file].trouble = min(files[mutation.file].trouble, place)
    let isOne = mutationCount == 1 && mutation.kind < 4
    changed = isOne ? (mutation.file, place) : nil
  }

  /// Changes bytes; returns where, or nil if all is as before.
  private static func change(_ bytes: inout [UInt8], _ mutation: Mutation) -> Int? {
    let place = min(mutation.place, bytes.count)
    let before = bytes
    switch mutation.kind {
    case 0...3:
      guard place < bytes.count else { return nil }
      bytes[place] = mutation.kind == 0 ? mutation.value : bytes[place] ^ mutation.value
    case 4...5: bytes.removeLast(bytes.count - place)
    case 6...7: bytes.insert(mutation.value, at: place)
    case 8: bytes.removeSubrange(place..<min(bytes.count, place + Int(mutation.value)))
    case 9:
      let end = min(bytes.count, place + Int(mutation.value))
      bytes.insert(contentsOf: bytes[place..<end], at: place)
    case 10:
      // Sectors that were never written, from here on.
      let start = (place + 511) / 512 * 512
      let end = min(bytes.count, start + 512 * (Int(mutation.value) % 4))
      if start < end {
        bytes.replaceSubrange(start..<end, with: repeatElement(0, count: end - start))
      }
    case 11:
      let count = mutation.value < 128 ? Int(mutation.value) : 511 - (place + 511) % 512
      bytes.insert(contentsOf: repeatElement(0, count: count), at: place)
    case 12:
      guard place < bytes.count else { return nil }
      bytes.swapAt(place, bytes.count / 2)
    case 13:
      let end = min(bytes.count, place + Int(mutation.value))
      bytes.replaceSubrange(place..<end, with: repeatElement(0, count: end - place))
    default: bytes.append(mutation.value)
    }
    return zip(before, bytes).enumerated().first { $1.0 != $1.1 }?.offset
      ?? (before.count == bytes.count ? nil : min(before.count, bytes.count))
  }

  /// Letters that must be there however the log is cut.
  var lettersBeforeTrouble: Int {
    var letters = 0
    for file in files {
      for whole in file.wholes where whole.offset <= file.trouble { letters = whole.letters }
      if file.trouble < .max { break }
    }
    return letters
  }

  /// Whether nothing happened to any byte.
  var isUntouched: Bool { !isManifestChanged && files.allSatisfy { $0.trouble == .max } }

  /// Whether annotations must give the change away.
  var isGivenAway: Bool {
    guard let changed, !isManifestChanged else { return false }
    return files[changed.file].annotations.count { $0 > changed.place } > 1
  }
}

/// Makes a log of what a script says.
struct LogMaker {
  private(set) var log = MadeLog()
  private var manifest = LogManifest()
  private let naming: LogNaming
  private var checksum = LogChecksum()
  private var letters = 0
  private var wholeLetters = 0
  private var isInside = false

  static let replicationID = ByteText(String(repeating: "5a", count: 20))

  init(base: Choices.Base) {
    guard let naming = try? LogNaming(Array("appendonly.aof".utf8).rawSpan) else {
      preconditionFailure("no names")
    }
    self.naming = naming
    if base != .none {
      let format: LogNaming.Format = base == .commands ? .aof : .rdb
      begin(manifest.addBase(naming, format))
      if base != .commands { file.bytes = snapshot }
      noteWhole()
    }
    if base == .none || base == .snapshot { begin(manifest.addIncrement(naming)) }
    log.manifest = manifest.text.bytes
  }

  private var file: MadeLog.File {
    get { log.files[log.files.count - 1] }
    set { log.files[log.files.count - 1] = newValue }
  }

  private mutating func begin(_ listed: LogManifest.File) {
    // What begins in one file never ends in another.
    if isInside, !log.files.isEmpty { file.trouble = min(file.trouble, file.bytes.count) }
    log.files.append(MadeLog.File(name: listed.name.text))
    log.manifest = manifest.text.bytes
    checksum = LogChecksum()
    isInside = false
    noteWhole()
  }

  /// Adds what the rest of the input says.
  mutating func run(_ input: inout Input) {
    while !input.isEmpty { step(&input) }
  }

  private mutating func step(_ input: inout Input) {
    switch input.byte() & 15 {
    case 0...3: append()
    case 4:
      guard !isInside else { return append() }
      multi()
      for _ in 0...(input.byte() & 3) { append() }
      exec()
    case 5: annotate()
    case 6: add(raw: LogAnnotation.line(timestamp: input.byte()).bytes)
    case 7: add(raw: Array("#".utf8) + printable(input.bytes(input.byte() & 31)) + [0x0A])
    case 8 where log.files.count < 5: begin(manifest.addIncrement(naming))
    // Nothing that takes letters back, not even with damage in it.
    case 8, 9: add("APPEND", "v", Self.value(input.byte()))
    case 10: add("INCR", "v")
    case 11: add(raw: input.bytes(input.byte() & 63).map { $0 == 0x75 ? 0x77 : $0 }, isSound: false)
    case 12:
      let count = 511 - (file.bytes.count + 511) % 512
      add(raw: [UInt8](repeating: 0, count: count), isSound: count == 0)
    case 13: isInside ? exec() : multi()
    case 14: add(raw: words(input.byte() & 1 == 0 ? ["MULTI"] : ["EXEC"]), isSound: false)
    default: add("SELECT", "0")
    }
  }

  private func printable(_ bytes: [UInt8]) -> [UInt8] { bytes.map { $0 & 63 | 32 } }

  /// Values that look like something else.
  private static func value(_ choice: Int) -> [UInt8] {
    switch choice & 7 {
    case 0: Array("\r\n*1\r\n$4\r\nEXEC\r\n".utf8)
    case 1: Array("x\r\n#MEMD:1 is what annotations begin with\r\n".utf8)
    case 2: [UInt8](repeating: 0, count: choice * 5)
    case 3: [UInt8](repeating: 0x2A, count: choice)
    case 4: Array("REDIS0011".utf8)
    case 5:
      Array("\r\n".utf8)
        + annotation(LogChecksum(), since: choice * 4).line.bytes
    case 6: Array("\r\n#TS:9\r\n".utf8)
    default: []
    }
  }

  /// An annotation that is right, but not in its place.
  private static func annotation(_ start: LogChecksum, since count: Int) -> LogAnnotation {
    var checksum = start
    checksum.add([UInt8](repeating: 0x61, count: count).rawSpan)
    return checksum.seal(replicationID: replicationID, offset: 7)
  }

  private mutating func append() {
    letters += 1
    add("APPEND", "u", [Self.letter(letters - 1)])
  }

  /// The letter that the unit with this number appends.
  static func letter(_ number: Int) -> UInt8 { UInt8(ascii: "a") + UInt8(number % 26) }

  private mutating func multi() {
    isInside = true
    add(raw: words(["MULTI"]))
  }

  private mutating func exec() {
    isInside = false
    add(raw: words(["EXEC"]))
  }

  private mutating func add(_ name: String, _ key: String, _ value: [UInt8]) {
    var bytes = words([name, key])
    bytes[1] += 1
    add(raw: bytes + Array("$\(value.count)\r\n".utf8) + value + [0x0D, 0x0A])
  }

  private mutating func add(_ name: String, _ argument: String) {
    add(raw: words([name, argument]))
  }

  private func words(_ words: [String]) -> [UInt8] {
    Array(
      ("*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()).utf8)
  }

  private mutating func add(raw bytes: [UInt8], isSound: Bool = true) {
    guard !bytes.isEmpty else { return }
    if !isSound { file.trouble = min(file.trouble, file.bytes.count) }
    checksum.add(bytes.rawSpan)
    file.bytes += bytes
    noteWhole()
  }

  private mutating func annotate() {
    file.annotations.append(file.bytes.count)
    let annotation = checksum.seal(replicationID: Self.replicationID, offset: file.bytes.count)
    file.bytes += annotation.line.bytes
    noteWhole()
  }

  private mutating func noteWhole() {
    guard !isInside else { return }
    wholeLetters = letters
    file.wholes.append((file.bytes.count, wholeLetters))
  }
}
