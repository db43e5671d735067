// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct DirectiveTopicTests {
  private static let guides = DirectiveTopic.all.flatMap(\.guides)

  @Test func `Every directive that steers something is told of once`() {
    let names = Self.guides.map(\.name)
    #expect(Set(names).count == names.count)
    let missing = OptionTable.options.filter {
      $0.steers && !$0.traits.contains(.hidden) && !names.contains($0.name)
    }
    #expect(missing.isEmpty, "\(missing.map(\.name))")
    let idle = Self.guides.filter { $0.option.map { !$0.steers } ?? false }
    #expect(idle.isEmpty, "\(idle.map(\.name))")
  }

  @Test func `What is told of is a directive, and tells how its value is written`() {
    let others = ["include", "user", "rename-command"]
    for guide in Self.guides {
      #expect(guide.option != nil || others.contains(guide.name), "\(guide.name)")
      #expect(!guide.valueText.isEmpty, "\(guide.name)")
      #expect(guide.summary.hasSuffix("."), "\(guide.name)")
    }
  }

  @Test func `Lines of the overview fit a terminal, and name every option`() {
    let overview = DirectiveList.overview
    let words = Set(overview.split(whereSeparator: \.isWhitespace).map(String.init))
    #expect(overview.split(separator: "\n").allSatisfy { $0.utf8.count <= 80 })
    for option in OptionTable.options where !option.traits.contains(.hidden) {
      #expect(words.contains(option.name))
    }
  }

  @Test func `A directive and a topic are described, a misspelled one is not`() {
    #expect(
      DirectiveList.description(of: "SLAVE-priority")
        == """
        replica-priority 0..
            Sentinel makes the follower with the lowest a leader; 0 never.
            Default: 100. Set at any time.
            Also called slave-priority.

        """)
    #expect(
      DirectiveList.description(of: "memory")?.hasPrefix("Memory\n\nmaxmemory bytes") ?? false)
    #expect(DirectiveList.description(of: "maxmemroy") == nil)
    #expect(DirectiveRemedy.suggestion(for: "maxmemroy") == "maxmemory")
    #expect(DirectiveRemedy.suggestion(for: "something-else") == nil)
  }

  @Test func `The table for programs has eight fields in every line`() {
    for line in DirectiveList.table.split(separator: "\n") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      #expect(fields.count == 8, "\(line)")
    }
  }

  @Test(arguments: [
    ("port", "port", 0), ("prot", "port", 1), ("por", "port", 1), ("sport", "port", 1),
    ("pert", "port", 1), ("", "port", 4), ("", "", 0), ("abcdef", "badcfe", 3),
  ])
  func `Distances of words`(first: String, second: String, distance: Int) {
    #expect(WordDistance.between(Array(first.utf8), Array(second.utf8)) == distance)
    #expect(WordDistance.between(Array(second.utf8), Array(first.utf8)) == distance)
  }

  @Test func `A dump names sources, hides secrets, and means the same`() throws {
    let text = """
      hz 20
      save 10 5
      requirepass s3cret
      client-output-buffer-limit pubsub 1mb 2mb 3
      user alice on >pw ~*
      proc-title-template "a {title} b"
      maxmemory 1gb
      """
    let configuration = Configuration()
    let reader = ConfigurationReader(configuration, disk: SimulatedFiles.disk(["c": text]))
    try reader.read(path: "c", options: "maxmemory 2gb")
    let dump = ConfigurationDump.text(configuration)
    let notice = "# Not shown, and to be added before a server is started with this:"
    #expect(
      dump.hasPrefix(
        notice + " requirepass, user\n\n# c:4\nclient-output-buffer-limit normal 0 0 0\n"),
      "\(dump)")
    #expect(dump.contains("# command line\nmaxmemory 2gb\n"))
    #expect(dump.contains("# c:3\n# requirepass is set (not shown)\n"))
    #expect(dump.contains("# c:5: user alice is declared (rules not shown)\n"))
    #expect(!dump.contains("s3cret") && !dump.contains("pw"))
    let again = Configuration()
    try ConfigurationReader(again, disk: SimulatedFiles.disk(["d": dump])).read(path: "d")
    for option in OptionTable.options where option.name != "requirepass" {
      #expect(option.read(again) == option.read(configuration), "\(option.name)")
    }
  }
}
