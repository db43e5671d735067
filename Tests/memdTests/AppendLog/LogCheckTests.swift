// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// A disk with logs, and what `memd --check-aof` says of them.
private final class CheckedDisk {
  let disk = SimulatedDisk()
  private let clock = SimulatedClock()
  /// What is said to the question whether to cut.
  var answer = false
  /// Called when that is asked.
  var questionObserver: () -> Void = {}

  subscript(path: String) -> [UInt8]? {
    get { disk.content(of: path) }
    set { disk.setContent(newValue ?? [], of: path) }
  }

  /// What is printed, and the exit code.
  func check(
    _ path: String = "log.aof", fixes: Bool = false, timestampMax: Int? = nil
  ) -> (text: String, code: Int32) {
    var text = ""
    let code = LogCheck.run(
      path: path, options: LogCheck.Options(fixes: fixes, timestampMax: timestampMax),
      tools: LogCheck.Tools(
        disk: disk, clock: clock, write: { text += $0 + "\n" },
        confirm: {
          text += $0
          self.questionObserver()
          return self.answer
        }))
    return (text, code)
  }

  /// Cuts without asking back; the exit code.
  func fix(_ path: String = "log.aof") -> Int32 {
    answer = true
    return check(path, fixes: true).code
  }
}

@Suite struct LogCheckTests {
  private let checked = CheckedDisk()

  /// A little of everything, annotated to the end.
  private func annotated() -> LogText {
    var log = LogText.sample()
    log.annotate()
    return log
  }

  private func plain(_ commands: String...) -> [UInt8] {
    var log = LogText()
    for command in commands {
      let words = command.split(separator: " ").map(String.init)
      log.add(raw: "*\(words.count)\r\n")
      for word in words { log.add(raw: "$\(word.utf8.count)\r\n\(word)\r\n") }
    }
    return log.bytes
  }

  // MARK: - What is there

  @Test func `a log is described`() {
    let log = annotated()
    checked["log.aof"] = log.bytes
    let count = log.bytes.count
    let (text, code) = checked.check()
    #expect(code == 0)
    #expect(
      text == """
        Start checking Old-Style AOF
        [info] 10 commands, 2 transactions
        [info] timestamps from 1700000000 to 1700000000
        [info] confirmed up to offset \(count) by the checksums of 5 annotations
        [info] the dataset is there that of replication id \(LogText.replicationID.logText) at\
         offset \(log.annotationEnds[3] + 50)
        AOF analyzed: filename=log.aof, size=\(count), ok_up_to=\(count), ok_up_to_line=51, diff=0
        AOF log.aof is valid

        """)
  }

  @Test func `an empty log is valid, a missing one is not`() {
    checked["log.aof"] = []
    #expect(checked.check() == ("Start checking Old-Style AOF\nAOF log.aof is empty\n", 0))
    let missing = "Cannot open file other: No such file or directory, aborting...\n"
    #expect(checked.check("other") == (missing, 1))
  }

  // MARK: - Where it breaks

  @Test func `a torn log is cut only if that is asked for and agreed to`() {
    let whole = plain("SET a 1", "SET b 2")
    let torn = whole + plain("SET c 3").dropLast(3)
    checked["log.aof"] = torn
    let (text, code) = checked.check()
    #expect(code == 1)
    #expect(
      text == """
        Start checking Old-Style AOF
        [info] 2 commands, 0 transactions
        0x              36: The file ends in the middle of something in AOF log.aof
        [info] cut at offset 54 it would lose 24 bytes with no complete commands
        AOF analyzed: filename=log.aof, size=78, ok_up_to=54, ok_up_to_line=15, diff=24
        AOF log.aof is not valid. Use the --fix option to try fixing it.

        """)
    let question = """
      This will shrink the AOF log.aof from 78 bytes, with 24 bytes, to 54 bytes
      Continue? [y/N]: \

      """
    let (refused, refusedCode) = checked.check(fixes: true)
    #expect(refusedCode == 1 && refused.hasSuffix(question + "Aborting...\n"))
    #expect(checked["log.aof"] == torn)
    checked.answer = true
    let (fixed, fixedCode) = checked.check(fixes: true)
    #expect(fixedCode == 0 && fixed.hasSuffix(question + "Successfully truncated AOF log.aof\n"))
    #expect(checked["log.aof"] == whole)
    checked.disk.crash(.nothing)
    #expect(checked["log.aof"] == whole)
    #expect(checked.check().code == 0)
  }

  @Test func `every cut of a log is found, and fixed by a smaller one`() {
    let log = annotated()
    for count in 0...log.bytes.count {
      checked["log.aof"] = Array(log.bytes.prefix(count))
      let whole = log.wholeOffsets.last { $0 <= count }
      #expect(checked.check().code == (whole == count ? 0 : 1), "\(count)")
      #expect(checked.fix() == 0)
      #expect(checked["log.aof"]?.count == whole, "\(count)")
    }
  }

  @Test(arguments: [0x01, 0x20, 0xFF] as [UInt8])
  func `every changed byte of an annotated log is found, and nothing of it kept`(mask: UInt8) {
    var log = annotated()
    // The last annotation is told from a comment by what is in it; nothing comes behind it.
    let checkedCount = log.bytes.count
    log.annotate()
    for place in 0..<checkedCount {
      var bytes = log.bytes
      bytes[place] ^= mask
      checked["log.aof"] = bytes
      let (text, code) = checked.check()
      #expect(code == 1, "\(place) \(text)")
      #expect(checked.fix() == 0)
      let left = checked["log.aof"] ?? []
      #expect(left.count <= place && log.bytes.starts(with: left), "\(place) \(left.count)")
      #expect(checked.check().code == 0)
    }
  }

  @Test func `a tail of zeros is one that was never written`() {
    let whole = plain("SET a 1")
    checked["log.aof"] = whole + [UInt8](repeating: 0, count: 5000)
    let (text, code) = checked.check()
    #expect(code == 1)
    #expect(
      text.contains("1b: The file ends with 5000 zero bytes that nobody wrote in AOF log.aof"))
    #expect(text.contains("cut at offset 27 it would lose 5000 bytes with no complete commands\n"))
    #expect(checked.fix() == 0)
    #expect(checked["log.aof"] == whole)
  }

  @Test func `what is complete behind a damage is counted`() {
    let first = plain("SET a 1")
    let behind = plain("SET b 2", "SET c 3", "GET d")
    for damage in ["\n*3\r\nSET x\r\n", "*2\r\n$3\r\nGET\r\n$100\r\nd\r\n"] {
      checked["log.aof"] = first + Array(damage.utf8) + behind
      let (text, code) = checked.check()
      let count = damage.utf8.count
      let loss = """
        [info] cut at offset 27 it would lose \(count + behind.count) bytes with 3 complete\
         commands, the first at offset \(27 + count)\n
        """
      #expect(code == 1 && text.contains(loss), "\(text)")
    }
  }

  @Test func `behind a wrong checksum a log goes on, annotations and all`() {
    var log = LogText()
    for number in 0..<50 {
      log.add("SET", "key\(number)", "value")
      if number % 5 == 4 { log.annotate() }
    }
    var bytes = log.bytes
    // In the value of key7.
    bytes[log.annotationEnds[0] + 2 * 34 + 29] ^= 1
    checked["log.aof"] = bytes
    let (text, code) = checked.check()
    let cut = log.annotationEnds[0]
    #expect(code == 1)
    #expect(text.contains("[info] 5 commands, 0 transactions\n"))
    #expect(
      text.contains("[info] confirmed up to offset \(cut) by the checksums of 1 annotations\n"))
    #expect(text.contains("damage is between offsets \(cut) and \(log.annotationEnds[1])\n"))
    #expect(text.contains("[info] the log went on behind it: what isn't confirmed is in doubt\n"))
    #expect(text.contains(" bytes with 45 complete commands, the first at offset \(cut)\n"))
  }

  @Test func `values that look like commands don't keep the tool busy for ever`() {
    let bait = String(repeating: "\n*1\r\n$9999999\r\n", count: 100_000)
    checked["log.aof"] = plain("SET a 1") + Array(("x" + bait).utf8) + plain("SET b 2")
    let (text, code) = checked.check()
    #expect(code == 1)
    #expect(text.contains(" bytes with no complete commands") || text.contains(" at least "))
  }

  @Test func `a log that ends within a transaction is cut in front of it`() {
    let whole = plain("SET a 1", "MULTI", "INCR a", "EXEC")
    checked["log.aof"] = whole + plain("MULTI", "INCR a")
    let (text, code) = checked.check()
    #expect(code == 1)
    #expect(text.contains("[info] 4 commands, 1 transactions\n"))
    #expect(text.contains(": Reached EOF before reading EXEC for MULTI in AOF log.aof\n"))
    #expect(text.contains(" it would lose 36 bytes with 2 complete commands, the first at"))
    #expect(checked.fix() == 0)
    #expect(checked["log.aof"] == whole)
  }

  @Test func `a value that looks like an annotation casts no doubt on what is in front of it`() {
    var log = LogText()
    log.add("SET", "a", "1")
    log.annotate()
    log.add("SET", "b", "2")
    let whole = log.bytes
    log.add("SET", "c", "\r\n#MEMD:1 is how annotations begin\r\n")
    checked["log.aof"] = log.bytes.dropLast()
    #expect(checked.fix() == 0)
    #expect(checked["log.aof"] == whole)
  }

  @Test func `sectors that were never written are told from damage as loading does it`() {
    var log = LogText()
    log.add("SET", "a", "1")
    log.annotate()
    log.add("SET", "b", "2")
    let whole = log.bytes
    log.add(
      "SET", "c", "\r\n#MEMD:1 is how annotations begin\r\n" + String(repeating: "c", count: 800))
    for _ in 0..<10 { log.add("SET", "d", "3") }
    var bytes = log.bytes
    bytes.replaceSubrange(512..<1024, with: [UInt8](repeating: 0, count: 512))
    checked["log.aof"] = bytes
    let (text, code) = checked.check()
    #expect(code == 1)
    #expect(text.contains(" zero bytes that nobody wrote in AOF log.aof\n"), "\(text)")
    #expect(checked.fix() == 0)
    #expect(checked["log.aof"] == whole)
    // An annotation behind them that was written before the next sync says nothing of them.
    let unannotated = log
    for synced in [0, 300, 512] {
      log = unannotated
      log.annotate(synced: synced)
      log.add("SET", "e", "5")
      bytes = log.bytes
      bytes.replaceSubrange(512..<1024, with: [UInt8](repeating: 0, count: 512))
      checked["log.aof"] = bytes
      #expect(checked.check().text.contains(" zero bytes that nobody wrote in AOF log.aof\n"))
    }
    // With one behind that they had been there.
    log = unannotated
    log.annotate(synced: log.bytes.count)
    bytes = log.bytes
    bytes.replaceSubrange(512..<1024, with: [UInt8](repeating: 0, count: 512))
    checked["log.aof"] = bytes
    #expect(checked.check().text.contains(": Expected a command or an annotation, got something"))
    #expect(checked.fix() == 0)
    #expect(checked["log.aof"]?.count == log.annotationEnds[0])
  }

  @Test func `a sector that was never written is known wherever it lies`() {
    for shift in 0..<512 {
      var log = LogText()
      log.add("SET", "a", String(repeating: "a", count: shift))
      log.annotate(synced: 0)
      for index in 0..<4 {
        log.add(raw: "#TS:1700000000\r\n")
        log.add("MULTI")
        log.add("SET", "b", String(repeating: "b", count: index * 400))
        log.add("EXEC")
        log.annotate(synced: 0)
      }
      let whole = log.bytes
      for start in stride(from: 0, to: whole.count - 511, by: 512) {
        var bytes = whole
        bytes.replaceSubrange(start..<start + 512, with: [UInt8](repeating: 0, count: 512))
        checked["log.aof"] = bytes
        let (text, code) = checked.check()
        #expect(code == 1 && text.contains(" zero bytes that nobody wrote in AOF log.aof\n"))
        #expect(checked.fix() == 0)
        // As much is kept as stands in front of it.
        let kept = log.wholeOffsets.last { $0 <= start } ?? 0
        #expect(checked["log.aof"] == Array(whole.prefix(kept)), "shift \(shift), sector \(start)")
      }
    }
  }

  @Test func `MULTI within a transaction is a damage, and so is EXEC outside`() {
    let start = plain("SET a 1")
    for (rest, text) in [
      (plain("MULTI", "INCR a", "MULTI", "EXEC"), "Unexpected MULTI in AOF log.aof\n"),
      (plain("EXEC", "INCR a"), "1b: Unexpected EXEC in AOF log.aof\n"),
    ] {
      checked["log.aof"] = start + rest
      let result = checked.check()
      #expect(result.code == 1 && result.text.contains(text), "\(result.text)")
      #expect(checked.fix() == 0)
      #expect(checked["log.aof"] == start)
    }
  }

  @Test func `a log to which somebody writes is not cut`() throws {
    checked["log.aof"] = plain("SET a 1") + [0x2A]
    checked.questionObserver = { try? self.checked.disk.append(to: "log.aof", [0x31]) }
    checked.answer = true
    let (text, code) = checked.check(fixes: true)
    #expect(code == 1)
    #expect(text.hasSuffix("log.aof: somebody has written to it meanwhile, aborting...\n"))
    #expect(checked["log.aof"] == plain("SET a 1") + [0x2A, 0x31])
  }

  @Test func `a failing disk is reported, and nothing is lost by it`() {
    let torn = plain("SET a 1") + [0x2A]
    checked["log.aof"] = torn
    checked["log.manifest"] = Array("file log.aof seq 1 type i\n".utf8)
    checked.answer = true
    var number = 1
    while true {
      checked["log.aof"] = torn
      checked.disk.fail(inOperation: number)
      let (text, code) = checked.check("log.manifest", fixes: true)
      if code == 0 { break }
      #expect(text.hasSuffix(": Input/output error, aborting...\n"), "\(text)")
      let left = checked["log.aof"]
      #expect(left == torn || left == plain("SET a 1"))
      number += 1
    }
    #expect(number > 12)
  }

  // MARK: - Several files

  private static let manifest = """
    file base.rdb seq 1 type b
    file one.aof seq 1 type i
    file two.aof seq 2 type i

    """

  /// A manifest in "dir" with an RDB and two increments.
  private func makeParts() -> [UInt8] {
    let server = TestServer()
    server.run("SET a 1")
    server.run("SAVE")
    let snapshot = server.disk.content(of: "dump.rdb") ?? []
    checked["dir/m"] = Array(Self.manifest.utf8)
    checked["dir/base.rdb"] = snapshot
    checked["dir/one.aof"] = plain("SET a 2")
    checked["dir/two.aof"] = plain("SET a 3")
    return snapshot
  }

  @Test func `the files of a manifest are checked in their order`() {
    let snapshot = makeParts()
    let (text, code) = checked.check("dir/m")
    #expect(code == 0)
    let start = """
      Start checking Multi Part AOF
      Start to check BASE AOF (RDB format).
      [offset 0] Checking RDB file dir/base.rdb

      """
    let rest = """
      RDB preamble is OK, proceeding with AOF tail...
      AOF analyzed: filename=base.rdb, size=\(snapshot.count), ok_up_to=\(snapshot.count),\
       ok_up_to_line=1, diff=0
      BASE AOF base.rdb is valid
      Start to check INCR files.
      [info] 1 commands, 0 transactions
      AOF analyzed: filename=one.aof, size=27, ok_up_to=27, ok_up_to_line=8, diff=0
      INCR AOF one.aof is valid
      [info] 1 commands, 0 transactions
      AOF analyzed: filename=two.aof, size=27, ok_up_to=27, ok_up_to_line=8, diff=0
      INCR AOF two.aof is valid
      All AOF files and manifest are valid

      """
    #expect(text.hasPrefix(start) && text.hasSuffix(rest), "\(text)")
  }

  @Test func `a directory stands for the one manifest in it`() {
    _ = makeParts()
    checked.disk.setDirectory("dir")
    #expect(
      checked.check("dir") == (
        "dir is a directory with no manifest in it: name the file to check\n", 1
      ))
    checked["dir/m.manifest"] = Array(Self.manifest.utf8)
    #expect(checked.check("dir") == checked.check("dir/m.manifest"))
    #expect(checked.check("dir").code == 0)
    checked["dir/n.manifest"] = []
    #expect(
      checked.check("dir") == (
        "dir is a directory with m.manifest, n.manifest in it: name the file to check\n", 1
      ))
  }

  @Test func `all files are looked at, but only the last one is cut`() {
    _ = makeParts()
    checked["dir/one.aof"] = plain("SET a 2") + [0x2A]
    let (text, code) = checked.check("dir/m")
    #expect(code == 1)
    #expect(text.contains("AOF one.aof is not valid. Use the --fix option to try fixing it.\n"))
    #expect(text.contains("INCR AOF two.aof is valid\n") && !text.contains("All AOF files"))
    checked.answer = true
    let (refused, refusedCode) = checked.check("dir/m", fixes: true)
    #expect(refusedCode == 1)
    #expect(refused.hasSuffix("Failed to truncate AOF one.aof because it is not the last file\n"))
    #expect(checked["dir/one.aof"] == plain("SET a 2") + [0x2A])
    checked["dir/one.aof"] = plain("SET a 2")
    checked["dir/two.aof"] = plain("SET a 3") + [0x2A]
    #expect(checked.fix("dir/m") == 0)
    #expect(checked["dir/two.aof"] == plain("SET a 3"))
  }

  @Test func `a manifest is known by its name or its first line`() {
    checked["a"] = Array("# written by hand\nfile a seq 1 type x\n".utf8)
    checked["b.manifest"] = Array("seq 1 file c.aof type i\n".utf8)
    checked["c.aof"] = []
    checked["d.manifest"] = []
    #expect(
      checked.check("a") == (
        """
        Start checking Multi Part AOF
        *** FATAL AOF MANIFEST FILE ERROR ***
        Reading the manifest file, at line 2
        >>> 'file a seq 1 type x'
        Unknown AOF file type

        """, 1
      ))
    #expect(
      checked.check("b.manifest") == (
        """
        Start checking Multi Part AOF
        Start to check INCR files.
        INCR AOF c.aof is empty
        All AOF files and manifest are valid

        """, 0
      ))
    #expect(checked.check("d.manifest").text.hasSuffix("Found an empty AOF manifest\n"))
    checked["e.manifest"] = Array("file missing seq 1 type b\n".utf8)
    let (text, code) = checked.check("e.manifest")
    #expect(code == 1)
    #expect(text.hasSuffix("Cannot open file missing: No such file or directory, aborting...\n"))
  }

  @Test func `names can't write anything else on a terminal`() {
    let snapshot = makeParts()
    checked["m"] = Array(#"file "\x1b[31m.aof" seq 1 type b"#.utf8) + [0x0A]
    #expect(checked.check("m").text.contains(#"Cannot open file "\x1b[31m.aof": No such file"#))
    checked["\u{1b}[31m.aof"] = snapshot
    let (text, code) = checked.check("m")
    #expect(code == 0 && text.contains(#"BASE AOF "\x1b[31m.aof" is valid"#))
    #expect(!text.utf8.contains(0x1B))
  }

  @Test func `a log may begin with an RDB`() {
    let snapshot = makeParts()
    checked["log.aof"] = snapshot + plain("SET a 2") + [0x2A]
    let (text, code) = checked.check()
    #expect(code == 1)
    #expect(text.contains("RDB preamble is OK, proceeding with AOF tail...\n[info] 1 commands, "))
    #expect(checked.fix() == 0)
    #expect(checked["log.aof"] == snapshot + plain("SET a 2"))
    checked["log.aof"] = snapshot.dropLast() + [1] + plain("SET a 2")
    let (damaged, damagedCode) = checked.check(fixes: true)
    #expect(damagedCode == 1)
    #expect(damaged.hasSuffix("RDB preamble of AOF file is not sane, aborting.\n"))
    #expect(checked["log.aof"]?.count == snapshot.count + 27)
  }

  // MARK: - Times

  @Test func `a log is cut at the first later timestamp`() {
    var log = LogText()
    log.add(raw: "#TS:100\r\n")
    log.add("SET", "a", "1")
    log.annotate()
    let early = log.bytes
    log.add("MULTI")
    log.add(raw: "#TS:200\r\n")
    log.add("INCR", "a")
    log.add("EXEC")
    let all = log.bytes
    checked["log.aof"] = all
    let (nothing, nothingCode) = checked.check(timestampMax: 200)
    #expect(nothingCode == 0)
    #expect(
      nothing.hasSuffix("Truncate nothing in AOF log.aof to timestamp 200\nAOF log.aof is valid\n"))
    #expect(checked["log.aof"] == all)
    let (text, code) = checked.check(timestampMax: 199)
    #expect(code == 0)
    #expect(text.hasSuffix("Successfully truncated AOF log.aof to timestamp 199\n"))
    #expect(checked["log.aof"] == early)
    let (before, beforeCode) = checked.check(timestampMax: 99)
    #expect(beforeCode == 1)
    #expect(before.hasSuffix("AOF log.aof has nothing before timestamp 99, aborting...\n"))
    #expect(checked["log.aof"] == early)
    checked["m"] = Array("file log.aof seq 1 type i\nfile two.aof seq 2 type i\n".utf8)
    checked["log.aof"] = early + Array("#TS:300\r\n".utf8)
    checked["two.aof"] = []
    let (refused, refusedCode) = checked.check("m", timestampMax: 299)
    #expect(refusedCode == 1)
    #expect(refused.contains("to offset \(early.count) because it is not the last file.\nIf you"))
  }

  @Test func `a log that is damaged in front is not cut at a timestamp`() {
    checked["m"] = Array("file one.aof seq 1 type i\nfile two.aof seq 2 type i\n".utf8)
    checked["one.aof"] = plain("SET a 1") + [0x2A]
    let last = plain("SET a 2") + Array("#TS:300\r\n".utf8)
    checked["two.aof"] = last
    let (text, code) = checked.check("m", timestampMax: 299)
    #expect(code == 1 && text.hasSuffix(" because a file in front of it is not valid\n"), "\(text)")
    #expect(checked["two.aof"] == last)
  }

  // MARK: - Command line

  @Test func `the command line names options and one file`() {
    func invocation(_ words: ByteText...) -> Invocation { Invocation(["--check-aof"] + words) }
    #expect(invocation("a") == .checkAOF(path: "a", fixes: false, timestampMax: nil))
    #expect(invocation("--fix") == .checkAOF(path: "--fix", fixes: false, timestampMax: nil))
    #expect(
      invocation("--truncate-to-timestamp", "5", "--fix", "a")
        == .checkAOF(path: "a", fixes: true, timestampMax: 5))
    let usage = Invocation.refused(
      "Usage: memd --check-aof [--fix] [--truncate-to-timestamp $timestamp]"
        + " <file.manifest|file.aof>")
    for words: [ByteText] in [
      [], ["a", "b"], ["--fixes", "a"], ["--truncate-to-timestamp", "5"],
    ] {
      #expect(Invocation(["--check-aof"] + words) == usage, "\(words)")
    }
    for time: ByteText in ["x", "0", "-1"] {
      #expect(
        invocation("--truncate-to-timestamp", time, "a")
          == .refused("Invalid timestamp, aborting..."))
    }
  }
}
