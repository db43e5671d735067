// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP
import Testing

@testable import memd

@Suite struct UserRulesTests {
  private let commands = CommandTable()

  private var context: RuleContext { RuleContext(commands: commands, allowsChannels: false) }

  private func text(_ rules: [String]) throws -> String {
    var user = UserRules(context)
    try user.apply(rules.map { Array($0.utf8) }, context)
    return String(decoding: user.text, as: UTF8.self)
  }

  private func complaint(_ rules: [String]) -> String? {
    var user = UserRules(context)
    do throws(RuleFailure) {
      try user.apply(rules.map { Array($0.utf8) }, context)
      return nil
    } catch {
      return error.message.logText
    }
  }

  @Test(arguments: [
    ([], "off sanitize-payload resetchannels -@all"),
    (["on", "nopass", "~*", "&*", "+@all"], "on nopass sanitize-payload ~* &* +@all"),
    (["ALLKEYS", "AllChannels", "allcommands"], "off sanitize-payload ~* &* +@all"),
    (["%R~a", "%W~a", "%rw~b"], "off sanitize-payload ~a ~b resetchannels -@all"),
    (["%R~a", "%W~b"], "off sanitize-payload %R~a %W~b resetchannels -@all"),
    (["&a", "&b", "&a"], "off sanitize-payload resetchannels &a &b -@all"),
    (["~*", "resetkeys", "~x"], "off sanitize-payload ~x resetchannels -@all"),
    (["+GET", "+get", "-@HASH"], "off sanitize-payload resetchannels -@all +get -@hash"),
    (["+config|get", "+config"], "off sanitize-payload resetchannels -@all +config"),
    (
      ["+select|0", "+debug|OBJECT"],
      "off sanitize-payload resetchannels -@all +select|0 +debug|object"
    ),
    (
      ["+@all", "-@hash", "-@slow", "+hget", "-@hash"],
      "off sanitize-payload resetchannels +@all -@slow +hget -@hash"
    ),
    (["+get", "reset"], "off sanitize-payload resetchannels -@all"),
    (["skip-sanitize-payload", "on"], "on skip-sanitize-payload resetchannels -@all"),
    (
      ["(+get", "~a)", "()"],
      "off sanitize-payload resetchannels -@all (~a resetchannels -@all +get) (resetchannels -@all)"
    ),
    (["(+get)", "clearselectors"], "off sanitize-payload resetchannels -@all"),
    (
      ["(\"~a\\\"b)\")"],
      "off sanitize-payload resetchannels -@all (\"~a\\\"b)\" resetchannels -@all)"
    ),
  ])
  func `Rules are written down in one order, as far as they matter`(
    rules: [String], expected: String
  ) throws {
    #expect(try text(rules) == expected)
  }

  @Test(arguments: [
    ("foo", "Error in ACL SETUSER modifier 'foo': Syntax error"),
    ("%", "Error in ACL SETUSER modifier '%': Syntax error"),
    ("%~x", "Error in ACL SETUSER modifier '%~x': Syntax error"),
    ("%RR~x", "Error in ACL SETUSER modifier '%RR~x': Syntax error"),
    ("~a b", "Error in ACL SETUSER modifier '~a b': Syntax error"),
    ("+nope", "Error in ACL SETUSER modifier '+nope': Unknown command or category name in ACL"),
    ("-@nope", "Error in ACL SETUSER modifier '-@nope': Unknown command or category name in ACL"),
    (
      "+config|nope",
      "Error in ACL SETUSER modifier '+config|nope': Unknown command or category name in ACL"
    ),
    (
      "-select|0",
      "Error in ACL SETUSER modifier '-select|0': Unknown command or category name in ACL"
    ),
    ("+debug|", "Error in ACL SETUSER modifier '+debug|': Syntax error"),
    (
      "+config|get|x",
      "Error in ACL SETUSER modifier '+config|get|x': Allowing first-arg of a subcommand is not"
        + " supported"
    ),
    (
      "<nope",
      "Error in ACL SETUSER modifier '<nope': The password you are trying to remove from the user"
        + " does not exist"
    ),
    (
      "#abc",
      "Error in ACL SETUSER modifier '#abc': The password hash must be exactly 64 characters and"
        + " contain only lowercase hexadecimal characters"
    ),
    ("(on)", "Error in ACL SETUSER modifier '(on)': Syntax error"),
    ("(+get", "Unmatched parenthesis in acl selector starting at '(+get'."),
  ])
  func `Wrong rules are refused in Redis's words`(rule: String, expected: String) {
    #expect(complaint([rule]) == expected)
  }

  @Test func `A pattern behind the one for everything is refused`() {
    #expect(complaint(["~*", "~a"])?.contains("Try 'resetkeys'") == true)
    #expect(complaint(["&*", "&a"])?.contains("Try 'resetchannels'") == true)
  }

  /// What is written down makes the same user again, whatever made it.
  @Test(arguments: UInt64(1)...200)
  func `Rules that are written down and read again are the same`(seed: UInt64) throws {
    var random = RandomGenerator(seed: seed)
    var user = UserRules(context)
    for _ in 0..<(1 + random.next(below: 14)) {
      // Some of them are refused; what is left must survive all the same.
      try? user.apply([rule(&random)], context)
    }
    let text = user.text
    var again = UserRules(context)
    let words = text.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    try again.apply(words.map(Array.init), context)
    #expect(again.text == text, "seed \(seed): \(String(decoding: text, as: UTF8.self))")
    for request in ["GET a", "SET a b", "CONFIG GET x", "SELECT 0", "COPY a bb", "DEBUG OBJECT x"] {
      let words = request.split(separator: " ").map { Array($0.utf8) }
      let kept = KeptRequest(words)
      let command = try #require(commands.find(kept.arguments))
      let first = user.denial(of: command, kept.arguments, in: commands)
      let second = again.denial(of: command, kept.arguments, in: commands)
      #expect(first == second, "seed \(seed): \(request)")
    }
  }

  private func rule(_ random: inout RandomGenerator) -> [UInt8] {
    let plain = [
      "on", "off", "nopass", "resetpass", "reset", "allkeys", "resetkeys", "allchannels",
      "resetchannels", "allcommands", "nocommands", "+@all", "-@all", ">p", ">q", "<p",
      "clearselectors", "+get", "-get", "+config|get", "-config", "+config", "+select|0",
      "+debug|object", "-@read", "+@write", "+@slow", "-client|kill", "+copy", "+COPY",
    ]
    switch random.next(below: 10) {
    case 0: return Array("~".utf8) + pattern(&random)
    case 1: return Array("%R~".utf8) + pattern(&random)
    case 2: return Array("%w~".utf8) + pattern(&random)
    case 3: return Array("&".utf8) + pattern(&random)
    case 4:
      var words = [Array("(~a".utf8)]
      for _ in 0..<random.next(below: 4) {
        words.append(DirectiveText.quoted(ByteText(rule(&random))).bytes)
      }
      return Array(words.joined(separator: [0x20])) + Array(")".utf8)
    default: return Array(plain[random.next(below: plain.count)].utf8)
    }
  }

  private func pattern(_ random: inout RandomGenerator) -> [UInt8] {
    let bytes = Array("ab*?[]\\\"'()~&%+-|#>".utf8) + [0xFF, 0xC3, 1]
    return (0..<random.next(below: 5)).map { _ in
      bytes[random.next(below: bytes.count)]
    }
  }
}

/// A request that stands alone.
@safe
final class KeptRequest {
  private let storage: UnsafeMutablePointer<UInt8>
  private let slices: UnsafeMutablePointer<Slice>
  private let count: Int

  init(_ words: [[UInt8]]) {
    let bytes = words.flatMap { $0 }
    count = words.count
    unsafe storage = .allocate(capacity: max(1, bytes.count))
    unsafe slices = .allocate(capacity: max(1, words.count))
    for (index, byte) in bytes.enumerated() { unsafe (storage + index).initialize(to: byte) }
    var offset = 0
    for (index, word) in words.enumerated() {
      let slice = Slice(offset: UInt32(offset), count: UInt32(word.count), hash: 0)
      unsafe (slices + index).initialize(to: slice)
      offset += word.count
    }
  }

  deinit {
    unsafe storage.deallocate()
    unsafe slices.deallocate()
  }

  var arguments: Arguments {
    unsafe Arguments(base: UnsafeRawPointer(storage), slices: slices, count: count)
  }
}
