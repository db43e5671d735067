// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct LogManifestTests {
  private func naming(_ name: String = "appendonly.aof") throws -> LogNaming {
    try LogNaming(Array(name.utf8).rawSpan)
  }

  private func parse(_ text: String) throws(LogManifestError) -> LogManifest {
    try LogManifest(parsing: Array(text.utf8))
  }

  /// The text of a manifest, as a String.
  private func text(_ manifest: LogManifest) -> String { manifest.text.logText }

  // MARK: - Errors

  private static let base = "file a.1.base.aof seq 1 type b\n"
  private static let increment = "file a.1.incr.aof seq 1 type i\n"
  private static let tooLong = String(repeating: "file a seq 1 type b ", count: 60) + "\n"

  /// What a manifest holds, what is wrong with it, and in which line.
  private static let errors: [(String, LogManifestError.Reason, Int)] = [
    ("", .empty, 0),
    (increment + "\n" + increment, .format, 2),
    (increment + " \t\r\n", .format, 2),
    ("file a.2 seq 2 type i\nfile a.1 seq 1 type i\n", .sequenceNotRising, 2),
    (increment + increment, .sequenceNotRising, 2),
    (base + "file a.2.base.aof seq 2 type b\n" + increment, .secondBase, 2),
    ("file a.1.base.aof seq 1 type x\n" + increment, .unknownType, 1),
    ("filx a.1.base.aof seq 1 type b\n" + increment, .format, 1),
    (base + "file a.1.incr.aof type i\n", .format, 2),
    (tooLong + increment, .lineTooLong, 0),
    (base + "file a.1.incr.aof seq 1 type i newkey\n", .format, 2),
    (base + "file a.1.incr.aof seq 1 type i", .lineTooLong, 0),
    ("file a\0b seq 1 type b\n", .lineTooLong, 0),
    ("file \"a seq 1 type b\n", .format, 1),
    ("file \"a\"b seq 1 type b\n", .format, 1),
    ("file dir/a seq 1 type b\n", .path, 1),
    ("file ../a seq 1 type b\n", .path, 1),
    ("file .. seq 1 type b\n", .path, 1),
    ("file \"a\\\\b\" seq 1 type b\n", .path, 1),
    ("file a seq 1 type b file /etc/passwd x y\n", .path, 1),
    ("file \"\" seq 1 type b\n", .unusableName, 1),
    ("file \"a\\x00\" seq 1 type b\n", .unusableName, 1),
    ("file \"a\\xff\" seq 1 type b\n", .unusableName, 1),
    ("file \(String(repeating: "n", count: 256)) seq 1 type b\n", .unusableName, 1),
    ("file a seq 0 type b\n", .format, 1),
    ("file a seq -1 type b\n", .format, 1),
    ("file a seq one type b\n", .format, 1),
    ("file a seq 9223372036854775807 type i\n", .format, 1),
    ("file a seq 99999999999999999999999 type i\n", .format, 1),
    ("file a seq 1 type \"\"\n", .format, 1),
  ]

  @Test(arguments: errors.indices) func `a manifest with an error is refused`(index: Int) {
    let (text, reason, lineNumber) = Self.errors[index]
    let error = #expect(throws: LogManifestError.self) { try parse(text) }
    #expect(error?.reason == reason)
    #expect(error?.lineNumber == lineNumber)
  }

  @Test func `the log tells the line as Redis does`() {
    let error = #expect(throws: LogManifestError.self) {
      try parse(Self.base + " file b seq 2 type b \n")
    }
    #expect(
      error?.logLines == [
        "*** FATAL AOF MANIFEST FILE ERROR ***", "Reading the manifest file, at line 2",
        ">>> 'file b seq 2 type b'", "Found duplicate base file information",
      ])
    let empty = #expect(throws: LogManifestError.self) { try parse("") }
    #expect(
      empty?.logLines == [
        "*** FATAL AOF MANIFEST FILE ERROR ***", "Found an empty AOF manifest",
      ])
  }

  @Test func `every reason has Redis's words`() {
    let words: [(LogManifestError.Reason, String)] = [
      (.unknownType, "Unknown AOF file type"), (.format, "Invalid AOF manifest file format"),
      (.sequenceNotRising, "Found a non-monotonic sequence number"),
      (.secondBase, "Found duplicate base file information"),
      (.empty, "Found an empty AOF manifest"),
      (.lineTooLong, "The AOF manifest file contains too long line"),
      (.path, "File can't be a path, just a filename"),
    ]
    for (reason, text) in words { #expect(reason.rawValue == text) }
  }

  // MARK: - What is accepted

  @Test func `keys come in any order and case, and unknown ones are skipped`() throws {
    let manifest = try parse("TYPE base Seq 3x newkey newvalue FILE a seq 4\n" + Self.increment)
    #expect(text(manifest) == "file a seq 4 type b\n" + Self.increment)
  }

  @Test func `numbers of increments may have gaps, and history any order`() throws {
    let lines = "file h.9 seq 9 type h\nfile h.2 seq 2 type h\n"
    let manifest = try parse(Self.increment + lines + "file a.3 seq 3 type i\n" + Self.base)
    #expect(text(manifest) == Self.base + lines + Self.increment + "file a.3 seq 3 type i\n")
    #expect(manifest.readingOrder.map(\.name.text) == ["a.1.base.aof", "a.1.incr.aof", "a.3"])
  }

  @Test func `comments may be as long as they like, to their end in pieces of a line`() throws {
    let manifest = try parse("# all of it\n#\n" + Self.base + "# no end")
    #expect(text(manifest) == Self.base)
    #expect(try parse("# nothing\n").isEmpty)
    let long = "#" + String(repeating: "x", count: 1023) + "# goes on\n"
    #expect(text(try parse(long + Self.base)) == Self.base)
    let cut = #expect(throws: LogManifestError.self) {
      try parse("#" + String(repeating: "x", count: 1023) + "goes on\n" + Self.base)
    }
    #expect(cut?.reason == .format)
  }

  @Test func `a line may have 1024 bytes and no more`() throws {
    let filler = { (count: Int) in
      "file a seq 1 type b k " + String(repeating: "v", count: count - 23) + "\n"
    }
    #expect(text(try parse(filler(1024))) == "file a seq 1 type b\n")
    let error = #expect(throws: LogManifestError.self) { try parse(filler(1025)) }
    #expect(error?.reason == .lineTooLong)
  }

  @Test func `names are quoted where they must be`() throws {
    let names = [
      ("plain-1_x.aof", "plain-1_x.aof"), ("with blank", "\"with blank\""),
      ("it's", "\"it's\""), ("say \"x\"", "\"say \\\"x\\\"\""), ("ä", "\"\\xc3\\xa4\""),
      ("tab\t\n", "\"tab\\t\\n\""), ("#", "#"),
    ]
    for (name, written) in names {
      let file = try LogFileName(Array(name.utf8).rawSpan)
      #expect(file.written.logText == written)
      let manifest = try parse("file \(written) seq 1 type b\n")
      #expect(manifest.base?.name == file)
      #expect(text(manifest) == "file \(written) seq 1 type b\n")
    }
    #expect(try parse("file 'it\\'s' seq 1 type b\n").base?.name.text == "it's")
  }

  // MARK: - Changes

  @Test func `a log grows by rewrites as Redis's does`() throws {
    let naming = try naming()
    var manifest = LogManifest()
    #expect(manifest.isEmpty)
    #expect(manifest.addBase(naming, .rdb).name.text == "appendonly.aof.1.base.rdb")
    #expect(manifest.addIncrement(naming).name.text == "appendonly.aof.1.incr.aof")
    let second = manifest.addIncrement(naming)
    #expect(second.name.text == "appendonly.aof.2.incr.aof")
    let base = manifest.finishRewrite(naming, .aof, incrementsFrom: second.sequence)
    #expect(base.name.text == "appendonly.aof.2.base.aof")
    #expect(
      text(manifest) == """
        file appendonly.aof.2.base.aof seq 2 type b
        file appendonly.aof.1.incr.aof seq 1 type h
        file appendonly.aof.1.base.rdb seq 1 type h
        file appendonly.aof.2.incr.aof seq 2 type i

        """)
    let dropped = manifest.dropHistory().map(\.name.text)
    #expect(dropped == ["appendonly.aof.1.incr.aof", "appendonly.aof.1.base.rdb"])
    #expect(manifest.history.isEmpty)
    #expect(manifest.dropHistory().isEmpty)
  }

  @Test func `history stands in Redis's order`() throws {
    let naming = try naming()
    var manifest = LogManifest()
    _ = manifest.addBase(naming, .rdb)
    _ = manifest.addIncrement(naming)
    for format in [LogNaming.Format.rdb, .aof] {
      let start = manifest.addIncrement(naming).sequence
      _ = manifest.finishRewrite(naming, format, incrementsFrom: start)
    }
    _ = manifest.finishRewrite(naming, .aof, incrementsFrom: nil)
    // Written by redis-server 7.0.15 with `aof-disable-auto-gc yes`; the log was off at the end.
    #expect(
      text(manifest) == """
        file appendonly.aof.4.base.aof seq 4 type b
        file appendonly.aof.3.incr.aof seq 3 type h
        file appendonly.aof.3.base.aof seq 3 type h
        file appendonly.aof.2.incr.aof seq 2 type h
        file appendonly.aof.2.base.rdb seq 2 type h
        file appendonly.aof.1.incr.aof seq 1 type h
        file appendonly.aof.1.base.rdb seq 1 type h

        """)
  }

  @Test func `a rewrite without a log replaces all increments, whose numbers are not used again`()
    throws
  {
    let naming = try naming()
    var manifest = try parse(Self.increment + "file a.5 seq 5 type i\n")
    _ = manifest.finishRewrite(naming, .rdb, incrementsFrom: nil)
    #expect(manifest.increments.isEmpty)
    #expect(manifest.history.map(\.sequence) == [1, 5])
    #expect(manifest.addIncrement(naming).sequence == 6)
  }

  @Test func `increments that were begun after the rewrite stay`() throws {
    let naming = try naming()
    var manifest = LogManifest()
    for _ in 0..<4 { _ = manifest.addIncrement(naming) }
    _ = manifest.finishRewrite(naming, .rdb, incrementsFrom: 3)
    #expect(manifest.increments.map(\.sequence) == [3, 4])
    #expect(manifest.history.map(\.sequence) == [1, 2])
  }

  @Test func `a new file never has the name of one that is to be removed`() throws {
    let naming = try naming("a")
    var manifest = try parse("file a.1.base.rdb seq 1 type h\nfile a.2.base.rdb seq 2 type h\n")
    #expect(manifest.addBase(naming, .rdb).name.text == "a.3.base.rdb")
    manifest = try parse("file a.1.incr.aof seq 7 type h\n")
    #expect(manifest.addIncrement(naming).name.text == "a.2.incr.aof")
  }

  @Test func `a file that is read is not removed, even if it is called history, too`() throws {
    var manifest = try parse(Self.base + "file a.1.base.aof seq 1 type h\nfile b seq 1 type h\n")
    #expect(manifest.dropHistory().map(\.name.text) == ["b"])
    #expect(text(manifest) == Self.base)
  }

  @Test func `the log of a Redis before 7 becomes the base`() throws {
    let naming = try naming()
    var manifest = LogManifest(upgrading: naming)
    #expect(text(manifest) == "file appendonly.aof seq 1 type b\n")
    #expect(manifest.isUnfinishedUpgrade(naming))
    #expect(manifest.addBase(naming, .rdb).sequence == 2)
    #expect(!manifest.isUnfinishedUpgrade(naming))
    manifest = LogManifest(upgrading: naming)
    _ = manifest.addIncrement(naming)
    #expect(!manifest.isUnfinishedUpgrade(naming))
  }

  @Test func `an appendfilename leaves room for what belongs to it`() throws {
    #expect(try naming().manifest.text == "appendonly.aof.manifest")
    #expect(try naming().temporaryManifest.text == "temp-appendonly.aof.manifest")
    #expect(try naming().temporaryIncrement.text == "temp-appendonly.aof.incr")
    #expect(throws: LogFileName.Refusal.path) { try naming("a/b") }
    #expect(throws: LogFileName.Refusal.unusable) { try naming("") }
    // The longest name, and the longest whose letters need four bytes each in quotes.
    for (longest, more) in [
      (String(repeating: "n", count: 226), "n"), (String(repeating: "ä", count: 113), "ä"),
    ] {
      let naming = try naming(longest)
      #expect(throws: LogFileName.Refusal.unusable) { try self.naming(longest + more) }
      let name = naming.base(LogManifest.sequenceMax, .rdb).written.logText
      let line = "file \(name) seq \(LogManifest.sequenceMax) type b\n"
      #expect(line.utf8.count <= 1024)
      #expect(throws: Never.self) { try parse(line) }
    }
  }

  // MARK: - Generated

  @Test func `generated manifests are read as they were written`() throws {
    var random = RandomGenerator(seed: 7)
    for _ in 0..<500 {
      let letters = Array("abc .\"'#äß\t-_%\u{7f}")
      let count = random.next(below: 12) + 1
      let name = String((0..<count).map { _ in letters[random.next(below: letters.count)] })
      let naming = try naming("x" + name)
      var manifest = LogManifest()
      for _ in 0..<random.next(below: 30) + 1 {
        change(&manifest, naming, &random)
        check(manifest)
      }
      guard !manifest.text.isEmpty else { continue }
      let again = try LogManifest(parsing: manifest.text.bytes)
      #expect(again.text == manifest.text)
      #expect(again.readingOrder == manifest.readingOrder && again.history == manifest.history)
    }
  }

  private func change(
    _ manifest: inout LogManifest, _ naming: LogNaming, _ random: inout RandomGenerator
  ) {
    let format: LogNaming.Format = random.next(below: 2) == 0 ? .rdb : .aof
    switch random.next(below: 5) {
    case 0: _ = manifest.addBase(naming, format)
    case 1, 2: _ = manifest.addIncrement(naming)
    case 3:
      let sequences = manifest.increments.map(\.sequence)
      let start = sequences.isEmpty ? nil : sequences[random.next(below: sequences.count)]
      _ = manifest.finishRewrite(naming, format, incrementsFrom: start)
    default: _ = manifest.dropHistory()
    }
  }

  /// No name is there twice, and increments rise.
  private func check(_ manifest: LogManifest) {
    let names = (manifest.readingOrder + manifest.history).map(\.name)
    #expect(Set(names).count == names.count)
    let sequences = manifest.increments.map(\.sequence)
    #expect(sequences == sequences.sorted() && Set(sequences).count == sequences.count)
  }
}
