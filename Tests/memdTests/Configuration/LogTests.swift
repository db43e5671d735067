// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct LogTests {
  private let disk = SimulatedFiles.empty

  private func log(_ level: LogLevel) -> Log {
    let log = Log(clock: SimulatedClock(), destination: .file("memd.log", disk), processID: 4711)
    log.level = level
    return log
  }

  private var lines: [String] {
    SimulatedFiles.read("memd.log", on: disk).split(separator: "\n").map(String.init)
  }

  @Test func `A line has process, role, local time and mark`() throws {
    let log = log(.debug)
    log.role = "C"
    log.debug("a")
    log.verbose("b")
    log.notice("c")
    log.warning("d")
    #expect(lines.map { String($0.suffix(3)) } == [". a", "- b", "* c", "# d"])
    let pattern = try Regex(#"4711:C \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d\.\d{3} \. a"#)
    #expect(try pattern.wholeMatch(in: lines[0]) != nil, "\(lines[0])")
  }

  @Test func `log-format json and logfmt make lines for programs`() {
    let log = log(.verbose)
    log.role = "S"
    let hard = "a \"b\" \\ c\nd \u{1} é"
    log.format = .json
    log.verbose(hard)
    log.format = .logfmt
    log.warning(hard)
    let escaped = #"a \"b\" \\ c\nd \u0001 é"#
    let time = CalendarTime(
      wallMicroseconds: SimulatedClock().wallMicroseconds(), in: .universal
    ).standardText
    #expect(
      lines == [
        #"{"timestamp":"\#(time)","level":"info","pid":4711,"role":"replica","#
          + #""message":"\#(escaped)"}"#,
        #"pid=4711 role=replica timestamp="\#(time)" level=warning message="\#(escaped)""#,
      ])
  }

  @Test func `CONFIG SET log-format changes the next line`() {
    let server = TestServer(follows: false)
    server.keepLog()
    #expect(server.run("CONFIG GET log-format") == ["log-format", "default"])
    #expect(server.run("CONFIG SET log-format json") == .ok)
    server.server.log.warning("x")
    #expect(server.logText.hasSuffix("\"message\":\"x\"}\n"))
    #expect(server.run("CONFIG SET log-format xml").isError)
  }

  @Test func `universal time is written as ISO 8601 has it`() {
    let time = CalendarTime(wallMicroseconds: 1_795_180_801_123_456, in: .universal)
    #expect(time.standardText == "2026-11-20T13:20:01.123Z")
  }

  @Test func `Less serious lines are neither written nor put together`() {
    let log = log(.warning)
    var count = 0
    func text() -> String {
      count += 1
      return "x"
    }
    log.debug(text())
    log.verbose(text())
    log.notice(text())
    log.warning(text())
    #expect(count == 1)
    #expect(lines.count == 1)
  }

  @Test func `A file that was moved away is made anew`() throws {
    let log = log(.notice)
    log.notice("one")
    try disk.rename("memd.log", to: "memd.log.1")
    log.notice("two")
    #expect(lines.count == 1)
    #expect(SimulatedFiles.read("memd.log.1", on: disk).contains("one"))
  }

  @Test(arguments: [
    (Int64(0), "000"), (1_999, "001"), (-1, "999"), (-1_000_000, "000"), (Int64.max, "775"),
  ])
  func `Times before and after 1970 have their milliseconds`(microseconds: Int64, digits: String) {
    #expect(
      CalendarTime(wallMicroseconds: microseconds, in: .local).text.hasSuffix("." + digits))
  }
}
