// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Glibc
import Testing

@testable import memd

/// `memd --check-aof` beside redis-check-aof.
@Suite(.enabled(if: unsafe access("/usr/bin/redis-check-aof", X_OK) == 0))
struct LogCheckCompatibilityTests {
  private let disk = SystemDisk()
  private let directory: String

  init() throws {
    var template = Array("/tmp/memd-check-XXXXXX".utf8CString)
    try #require(unsafe mkdtemp(&template) != nil)
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func removeAll() {
    for name in (try? disk.names(inDirectory: directory)) ?? [] {
      try? disk.remove(directory + "/" + name)
    }
    unsafe rmdir(directory)
  }

  private func put(_ bytes: [UInt8], _ name: String) throws {
    try disk.writeAtomically(directory + "/" + name, bytes)
  }

  /// What redis-check-aof prints, and its exit code.
  private func reference(_ words: String, answer: String) throws -> (lines: [String], code: Int32) {
    let status = unsafe system(
      "cd \(directory) && printf '\(answer)' | redis-check-aof \(words) > output 2>&1")
    return (lines(try disk.read(directory + "/output")), status >> 8)
  }

  private func lines(_ bytes: [UInt8]) -> [String] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  private func own(
    _ name: String, _ options: LogCheck.Options, answer: String
  ) -> (lines: [String], code: Int32) {
    var text = ""
    let code = LogCheck.run(
      path: directory + "/" + name, options: options,
      tools: LogCheck.Tools(
        disk: disk, clock: SystemClock(), write: { text += $0 + "\n" },
        confirm: {
          text += $0
          return answer.hasPrefix("y")
        }))
    return (lines(Array(text.replacing(directory + "/", with: "").utf8)), code)
  }

  /// Lines that both print, without the number of the line, which redis-check-aof goes on counting
  /// behind the damage.
  private func common(_ lines: [String]) -> [String] {
    lines.filter { !$0.hasPrefix("[") && !$0.hasPrefix("0x") && !$0.hasSuffix("format error") }
      .map { line in
        guard let start = line.firstRange(of: ", ok_up_to_line=") else { return line }
        let rest = line[start.upperBound...].drop { $0 != "," }
        return String(line[..<start.lowerBound] + rest)
      }
  }

  /// Lets both check a log, whose files are given with their names; compares what they say and what
  /// they leave of the last file.
  private func compare(
    _ files: [(name: String, bytes: [UInt8])], check name: String, last: String, answer: String,
    fixes: Bool = false, timestampMax: Int? = nil
  ) throws {
    var words = fixes ? "--fix " : ""
    if let timestampMax { words += "--truncate-to-timestamp \(timestampMax) " }
    for file in files { try put(file.bytes, file.name) }
    let expected = try reference(words + name, answer: answer)
    let left = try? disk.read(directory + "/" + last)
    for file in files { try put(file.bytes, file.name) }
    let options = LogCheck.Options(fixes: fixes, timestampMax: timestampMax)
    let found = own(name, options, answer: answer)
    #expect(common(found.lines) == common(expected.lines), "\(words)\(files)")
    #expect(found.code == expected.code)
    #expect((try? disk.read(directory + "/" + last)) == left)
  }

  private static func log(_ commands: String...) -> [UInt8] {
    var text = ""
    for command in commands {
      if command.hasPrefix("#") {
        text += command + "\r\n"
        continue
      }
      let words = command.split(separator: " ")
      text += "*\(words.count)\r\n"
      for word in words { text += "$\(word.utf8.count)\r\n\(word)\r\n" }
    }
    return Array(text.utf8)
  }

  private static let good = log(
    "#TS:100", "SET a 1", "MULTI", "INCR a", "EXEC", "#TS:200", "SET b 2", "SET longer text")

  private static let logs: [[UInt8]] = [
    [], good, good + good, good + [UInt8](repeating: 0, count: 100), good + log("MULTI", "INCR a"),
    good + log("MULTI", "MULTI", "EXEC"), good + log("EXEC"), good + log("exec", "SET a 1"),
    good + Array("XYZ".utf8) + good, Array("what".utf8), good + log("multi", "INCR a", "Exec"),
    good + Array("*3\r\n$3\r\nSET\r\n$3\r\na\r\n$1\r\n1\r\n".utf8) + good,
    good + Array("*2\r\n$3\r\nGET\r\n$1000\r\na\r\n".utf8) + good,
    good + Array("*2\r\n:3\r\nGET\r\n$1\r\na\r\n".utf8), good + Array("# a comment\r\n".utf8),
  ]

  @Test func `single logs are told and cut alike`() throws {
    defer { removeAll() }
    for bytes in Self.logs {
      let files = [("log.aof", bytes)]
      try compare(files, check: "log.aof", last: "log.aof", answer: "")
      for answer in ["y\\n", "n\\n", ""] {
        try compare(files, check: "log.aof", last: "log.aof", answer: answer, fixes: true)
      }
      for time in [50, 150, 250] {
        try compare(files, check: "log.aof", last: "log.aof", answer: "", timestampMax: time)
      }
    }
  }

  @Test func `every cut of a log without annotations leaves the same`() throws {
    defer { removeAll() }
    let bytes = Self.log("SET a 1", "MULTI", "INCR a", "LPUSH list x y", "EXEC", "SET b 2")
    for count in bytes.indices {
      try compare(
        [("log.aof", Array(bytes.prefix(count)))], check: "log.aof", last: "log.aof",
        answer: "y\\n", fixes: true)
    }
  }

  @Test func `logs of several files are told and cut alike`() throws {
    defer { removeAll() }
    let manifest = Array(
      "file log.aof seq 1 type b\nfile one.aof seq 1 type i\nfile two.aof seq 2 type i\n".utf8)
    let bad = Self.good + Array("XYZ".utf8)
    for (one, two) in [(Self.good, Self.good), (Self.good, bad), (bad, []), ([], bad)] {
      let files = [
        ("log.manifest", manifest), ("log.aof", Self.good), ("one.aof", one), ("two.aof", two),
      ]
      try compare(files, check: "log.manifest", last: "two.aof", answer: "y\\n", fixes: true)
      // memd looks at the files behind a damaged one, too.
      if one == bad { continue }
      try compare(files, check: "log.manifest", last: "two.aof", answer: "")
      try compare(files, check: "log.manifest", last: "two.aof", answer: "", timestampMax: 250)
    }
  }

  @Test(.enabled(if: ReferenceServer.path != nil))
  func `logs that redis-server has written are told alike`() throws {
    defer { removeAll() }
    let server = try #require(ReferenceServer())
    server.run("SET a 1")
    server.run("RPUSH list a b c")
    server.run("SAVE")
    let snapshot = try disk.read(server.directory + "/dump.rdb")
    let manifest = Array("file log.aof seq 1 type b\nfile one.aof seq 1 type i\n".utf8)
    for tail in Self.logs.prefix(8) {
      let single = [("log.aof", snapshot + tail)]
      try compare(single, check: "log.aof", last: "log.aof", answer: "y\\n", fixes: true)
      let files = [("log.manifest", manifest), ("log.aof", snapshot), ("one.aof", tail)]
      try compare(files, check: "log.manifest", last: "one.aof", answer: "y\\n", fixes: true)
    }
    let damaged = [("log.aof", Array(snapshot.dropLast(9)) + [1])]
    try compare(damaged, check: "log.aof", last: "log.aof", answer: "y\\n", fixes: true)
  }
}
