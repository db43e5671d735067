// SPDX-License-Identifier: Apache-2.0

import RESP
import Testing

@testable import memd

@Suite(.enabled(if: Interpreter.isAvailable)) struct StructTests {
  private func unpack(_ format: String, _ data: String, at offset: Int = 1) -> Reply {
    let script = "return {struct.unpack(ARGV[1], ARGV[2], tonumber(ARGV[3]))}"
    return TestServer().run(["EVAL", script, "0", format, data, "\(offset)"])
  }

  @Test func `signs without bytes must not stand behind the data, known or not`() {
    for format in ["z", "!3", ">", "!99999999999", ">I33"] {
      #expect(unpack(format, "abc", at: 41).text.contains("data string too short"), "\(format)")
    }
    #expect(unpack("z", "abc", at: 4).text.contains("invalid format option 'z'"))
    #expect(unpack("I33", "abc", at: 41).text.contains("integral size 33 is larger"))
    #expect(unpack("", "abc", at: 41) == .array([41]))
  }

  @Test func `a number that is no size is one as C makes it`() {
    let huge = "return {struct.unpack('dc0', struct.pack('d', 1e157) .. 'x')}"
    #expect(TestServer().run(["EVAL", huge, "0"]) == .array(["", 9]))
    let missing = "return {struct.unpack('dc0', struct.pack('d', 0/0) .. 'x')}"
    #expect(TestServer().run(["EVAL", missing, "0"]).text.contains("data string too short"))
  }
}
