// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

/// How far groups are, what becomes of references, and trims that look at references.
@Suite struct StreamsLagTests {
  private let server = TestServer()

  /// The value behind a name in a reply of names and values.
  private func field(_ name: String, _ reply: Reply?) -> Reply? {
    let elements = reply?.elements ?? []
    return elements.firstIndex(of: .bulk(name)).map { elements[$0 + 1] }
  }

  private func progress(_ index: Int = 0) -> [Reply?] {
    let group = server.run("XINFO GROUPS x").elements[index]
    return [field("entries-read", group), field("lag", group)]
  }

  private func fill() {
    for (index, letter) in ["a", "b", "c", "d", "e"].enumerated() {
      server.run("XADD x \(index + 1)-0 data \(letter)")
    }
  }

  // MARK: - Lag

  @Test func `the lag is known again when a trim has passed the group`() {
    server.run("XGROUP CREATE x g $ MKSTREAM")
    fill()
    server.run("XREADGROUP GROUP g c COUNT 1 STREAMS x >")
    #expect(progress() == [1, 4])
    server.run("XTRIM x MAXLEN 1")
    #expect(progress() == [1, 1])
    server.run("XREADGROUP GROUP g c COUNT 1 STREAMS x >")
    #expect(progress() == [5, 0])
    server.run("XADD x 6-0 data f")
    #expect(progress() == [5, 1])
    server.run("XTRIM x MAXLEN 0")
    #expect(progress() == [5, 0])
  }

  @Test func `the lag is unknown behind a deleted entry, and known again at the end`() {
    fill()
    server.run("XDEL x 3-0")
    server.run("XGROUP CREATE x g1 0")
    server.run("XGROUP CREATE x g2 0")
    #expect(progress() == [.null, .null])
    for _ in 0..<3 {
      server.run("XREADGROUP GROUP g1 c COUNT 1 STREAMS x >")
      #expect(progress() == [.null, .null])
    }
    server.run("XREADGROUP GROUP g1 c COUNT 1 STREAMS x >")
    #expect(progress() == [5, 0])
    server.run("XADD x 6-0 data f")
    #expect(progress() == [5, 1])
    server.run("XTRIM x MINID = 3-0")
    #expect(progress() == [5, 1])
    #expect(progress(1) == [.null, 3])
    server.run("XTRIM x MINID = 5-0")
    #expect(progress() == [5, 1])
    #expect(progress(1) == [.null, 2])
  }

  @Test func `the lag is nothing when all that was unread is deleted`() {
    server.run("XGROUP CREATE x g $ MKSTREAM")
    fill()
    server.run("XREADGROUP GROUP g c COUNT 2 STREAMS x >")
    server.run("XDEL x 3-0 4-0")
    #expect(progress() == [2, .null])
    server.run("XDEL x 5-0")
    #expect(progress() == [2, 0])
    server.run("XDEL x 1-0 2-0")
    #expect(progress() == [2, 0])
    server.run("XADD x 6-0 data f")
    #expect(progress() == [2, 1])
    server.run("XREADGROUP GROUP g c STREAMS x >")
    #expect(progress() == [6, 0])
  }

  @Test func `a tombstone between group and first entry doesn't count`() {
    server.run("XGROUP CREATE x g1 $ MKSTREAM")
    server.run("XADD x 1-0 data a")
    server.run("XREADGROUP GROUP g1 alice STREAMS x >")
    server.run("XADD x 2-0 data c")
    server.run("XADD x 3-0 data d")
    server.run("XDEL x 2-0")
    #expect(progress() == [1, .null])
    server.run("XDEL x 1-0")
    #expect(progress() == [1, 1])
    server.run("XREADGROUP GROUP g1 alice STREAMS x >")
    #expect(progress() == [3, 0])
  }

  @Test func `no group has read more than was added`() {
    server.run("XADD x 1-0 data a")
    server.run("XGROUP CREATE x g $ ENTRIESREAD 100")
    #expect(progress() == [1, 0])
    server.run("XGROUP SETID x g 0 ENTRIESREAD 9223372036854775807")
    #expect(progress() == [1, 1])
    server.run("XADD x 2-0 data b")
    server.run("XSETID x 2-0 ENTRIESADDED 10")
    server.run("XGROUP SETID x g $ ENTRIESREAD 10")
    server.run("XSETID x 2-0 ENTRIESADDED 5")
    #expect(progress() == [5, 0])
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `a lag that is known is the number of entries to come`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    let server = TestServer(follows: seed % 4 == 0) { $0.streamNodeMaxEntries = 3 }
    server.run("XGROUP CREATE x g $ MKSTREAM")
    var id = 0
    for _ in 0..<120 {
      switch random.next(below: 7) {
      case 0, 1:
        id += 1
        server.run("XADD x \(id)-0 a b")
      case 2: server.run("XDEL x \(1 + random.next(below: max(1, id)))-0")
      case 3: server.run("XTRIM x MAXLEN = \(random.next(below: 6))")
      case 4: server.run("XTRIM x MINID \(random.next(below: id + 2))")
      case 5: server.run("XDEL x \(id)-0")
      default:
        server.run("XREADGROUP GROUP g c COUNT \(1 + random.next(below: 2)) NOACK STREAMS x >")
      }
      let group = server.run("XINFO GROUPS x").elements.first
      guard let lag = field("lag", group)?.number else { continue }
      let last = field("last-delivered-id", group)?.text ?? ""
      let rest = server.run("XRANGE x (\(last) +").elements.count
      #expect(lag == rest, "seed \(seed)")
    }
  }

  // MARK: - References

  @Test(arguments: ["XDELEX x DELREF IDS 1 1-0", "XACKDEL x g1 DELREF IDS 1 1-0"])
  func `DELREF drops references of an entry that is gone`(line: String) {
    fill()
    for group in ["g1", "g2"] {
      server.run("XGROUP CREATE x \(group) 0")
      server.run("XREADGROUP GROUP \(group) c COUNT 2 STREAMS x >")
    }
    server.run("XDEL x 1-0")
    let reply: Reply = line.hasPrefix("XDELEX") ? [-1] : [1]
    #expect(server.run(line) == reply)
    for group in ["g1", "g2"] {
      #expect(server.run("XPENDING x \(group) - + 10").elements.map { $0.elements[0] } == ["2-0"])
    }
    #expect(server.run(line) == [-1])
  }

  @Test func `DELREF of a missing entry is a change if something refers to it`() {
    fill()
    server.run("XGROUP CREATE x g 0")
    server.run("XREADGROUP GROUP g c COUNT 1 STREAMS x >")
    server.run("XDEL x 1-0")
    let before = server.server.effects.changeCount
    server.run("XDELEX x DELREF IDS 1 9-9")
    #expect(server.server.effects.changeCount == before)
    server.run("XDELEX x DELREF IDS 1 1-0")
    #expect(server.server.effects.changeCount == before + 1)
  }

  @Test func `ACKED trims look at as many entries as LIMIT allows`() {
    for index in 1...100 { server.run("XADD x \(index) a b") }
    server.run("XGROUP CREATE x g 0")
    server.run("XREADGROUP GROUP g c STREAMS x >")
    server.run("XACK x g 1 2 30")
    // Entry 30 lies behind the fifth: it is not looked at.
    #expect(server.run("XTRIM x MAXLEN ~ 10 LIMIT 5 ACKED") == 2)
    #expect(server.run("XTRIM x MAXLEN ~ 10 LIMIT 5 ACKED") == 0)
    #expect(server.run("XTRIM x MAXLEN ~ 10 LIMIT 50 ACKED") == 1)
    #expect(server.run("XLEN x") == 97)
  }

  @Test func `an ACKED trim looks at nothing that a group has still to read`() {
    for index in 1...60 { server.run("XADD x \(index) a b") }
    server.run("XGROUP CREATE x g 0")
    server.run("XGROUP CREATE x ahead $")
    server.run("XREADGROUP GROUP g c COUNT 4 STREAMS x >")
    server.run("XACK x g 1 2 3 4")
    #expect(server.run("XADD x MAXLEN = 10 ACKED 100 a b") == "100-0")
    #expect(server.run("XLEN x") == 57)
    server.run("XGROUP DESTROY x g")
    #expect(server.run("XTRIM x MAXLEN = 10 ACKED") == 47)
    #expect(server.run("XRANGE x - + COUNT 1").elements.first?.elements.first == "52-0")
  }
}
