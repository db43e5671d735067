// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

@testable import memd

extension Reply {
  /// The value of a field, in a map of RESP3 or in what RESP2 has instead.
  subscript(name: String) -> Reply? {
    if case .map(let pairs) = self { return pairs.first { $0.key.text == name }?.value }
    guard let index = elements.firstIndex(of: .bulk(name)) else { return nil }
    return elements[index + 1]
  }

  /// The map of an array of maps in which a field has a value.
  func first(where name: String, is value: Reply) -> Reply? {
    elements.first { $0[name] == value }
  }
}

extension TestServer {
  /// A server with a census, as often as something is written.
  static func withCensus(
    follows: Bool = false, configure: (Configuration) -> Void = { _ in }
  ) -> TestServer {
    TestServer(follows: follows) {
      $0.censusPeriod = 1
      configure($0)
    }
  }

  /// Lets time pass until the census under way, or the next one, has come to its end.
  func finishCensus() {
    let before = server.metrics.census.passCount
    for _ in 0..<20_000 where server.metrics.census.passCount == before {
      advance(milliseconds: 2)
    }
  }

  /// What MEMORY CENSUS says, by a client of its own.
  func census() -> Reply { run("MEMORY CENSUS") }

  /// Counts of a prefix; of all other keys if it is nil.
  func prefix(_ name: String?) -> Reply? {
    census()["prefixes"]?.first(where: "prefix", is: name.map { .bulk($0) } ?? .null)
  }

  /// The counts of a prefix that commands make.
  func traffic(_ name: String?) -> [Int] {
    ["reads", "writes", "hits", "misses", "expired", "evicted"].map {
      prefix(name)?[$0]?.number ?? -1
    }
  }
}
