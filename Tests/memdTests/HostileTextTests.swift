// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Glibc
import Testing

@testable import memd

// Swift's String looks for the characters that people see. One letter under hundreds of thousands
// of accents is one character, and folding, comparing or cutting a String with it takes from a
// tenth of a second to many. So every command is sent such a text in the place of every word of its
// syntax, and must take no longer over it than over as many bytes of plain ASCII. Processor time of
// the thread is compared, not a clock: other tests run meanwhile.

@Suite struct HostileTextTests {
  /// A letter with so many accents above it: one character of twice as many bytes and one.
  static func accented(_ count: Int) -> [UInt8] {
    var text = [UInt8(ascii: "a")]
    text.reserveCapacity(2 * count + 1)
    for _ in 0..<count { text += [0xcc, 0x81] }
    return text
  }

  /// As many bytes, each a character.
  static func plain(_ count: Int) -> [UInt8] {
    [UInt8](repeating: UInt8(ascii: "b"), count: 2 * count + 1)
  }

  /// Errors of Redis have a few words and, of what they repeat, at most 128 bytes each.
  static let errorByteCountMax = 700

  /// Commands in groups, so that a group's time is much more than a single measurement's error.
  static let groups = Dictionary(grouping: CommandTable().descriptions) { $0.group.rawValue }
    .map(\.key).sorted()

  @Test(arguments: groups)
  func `a text that is one character costs no more than its bytes, and is not repeated`(
    _ group: String
  ) {
    var costs = (accented: 0, plain: 0)
    for description in CommandTable().descriptions
    where description.group.rawValue == group && description.subcommands.isEmpty {
      let requests = Self.requests(description)
      costs.accented += Self.run(requests, replacing: Self.accented(200_000), description.fullName)
      costs.plain += Self.run(requests, replacing: Self.plain(200_000), description.fullName)
    }
    let bound = 2 * costs.plain + 20_000
    #expect(
      costs.accented < bound,
      "\(group): \(costs.accented) us for accents, \(costs.plain) us for plain letters")
  }

  /// Before AUTH a bulk string may have 16 KB, and nobody is there to be held responsible.
  @Test func `nor does it before AUTH`() {
    var costs = (accented: 0, plain: 0)
    for description in CommandTable().descriptions where description.subcommands.isEmpty {
      let requests = Self.requests(description).filter { $0.words.count <= 10 }
      for (text, isPlain) in [(Self.accented(8000), false), (Self.plain(8000), true)] {
        let cost = Self.run(requests, replacing: text, description.fullName) {
          $0.requirePass = "secret"
        }
        if isPlain { costs.plain += cost } else { costs.accented += cost }
      }
    }
    #expect(
      costs.accented < 2 * costs.plain + 20_000,
      "\(costs.accented) us for accents, \(costs.plain) us for plain letters")
  }

  // MARK: - Requests

  /// A request of which one word is to be replaced.
  private struct Request {
    var words: [String]
    let position: Int
  }

  /// For every word of the command's syntax a request in which it is the hostile one.
  ///
  /// Forms of a command differ in one element, so most words stand behind the same other word in
  /// many of them; once is enough.
  private static func requests(_ description: CommandTable.Description) -> [Request] {
    var seen: Set<[String]> = []
    var requests: [Request] = []
    for shape in RequestShapes.of(description, key: "key") {
      let words = shape.map(\.text)
      for position in words.indices {
        let before = position > 0 ? words[position - 1] : ""
        guard seen.insert([before, words[position]]).inserted else { continue }
        requests.append(Request(words: words, position: position))
      }
      // One word more than the form allows, as options are usually refused that way.
      if seen.insert([words.last ?? "", "more"]).inserted {
        requests.append(Request(words: words + ["more"], position: words.count))
      }
    }
    return requests
  }

  /// Sends the requests, each on a connection of its own, and returns the microseconds they took.
  private static func run(
    _ requests: [Request], replacing text: [UInt8], _ name: String,
    configure: (Configuration) -> Void = { _ in }
  ) -> Int {
    let server = TestServer(follows: false) {
      $0.enableDebugCommand = .yes
      // Nothing may be pushed out of the reply, nor the slow log stay out of it.
      $0.slowlogLogSlowerThan = 0
      configure($0)
    }
    for key in ["SADD key a", "CLIENT SETNAME name"] { server.run(key) }
    var cost = 0
    for request in requests {
      let client = server.connect()
      var bytes = Array("*\(request.words.count)\r\n".utf8)
      for (position, word) in request.words.enumerated() {
        let word = position == request.position ? text : Array(word.utf8)
        bytes += Array("$\(word.count)\r\n".utf8) + word + [13, 10]
      }
      _ = client.connection.send(bytes)
      let start = processorMicroseconds()
      server.settle(limit: 100)
      cost += processorMicroseconds() - start
      let reply = client.connection.receive()
      if reply.first == UInt8(ascii: "-") {
        #expect(
          reply.count <= errorByteCountMax,
          "\(name): an error of \(reply.count) bytes for word \(request.position)")
      } else {
        let whole = 2 * text.count + (1 << 20)
        #expect(reply.count <= whole, "\(name): \(reply.count) bytes")
      }
      client.connection.close()
      server.settle(limit: 100)
    }
    return cost
  }

  private static func processorMicroseconds() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
  }
}
