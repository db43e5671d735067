// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

/// What COMMAND tells about each command is what redis-server tells, for all commands both have.
@Suite(.enabled(if: ReferenceServer.path != nil, "redis-server is not installed"))
struct CommandInfoTests {
  /// An element of COMMAND INFO, with the name by which a difference is reported.
  private static let elements = [
    "name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "key specs",
  ]

  @Test func `COMMAND INFO equals the reference for every command that both have`() throws {
    let reference = try #require(ReferenceServer())
    let server = TestServer(follows: false)
    for version in ["2", "3"] {
      if version == "3" {
        reference.run("HELLO 3")
        server.speakVersion3()
      }
      let theirs = CommandInfoTests.byName(reference.run("COMMAND"))
      let ours = CommandInfoTests.byName(server.run("COMMAND"))
      #expect(!ours.isEmpty)
      for (name, description) in ours.sorted(by: { $0.key < $1.key }) {
        guard let expected = theirs[name] else { continue }
        CommandInfoTests.compare(description, expected, name)
      }
    }
  }

  @Test func `COMMAND DOCS names the arguments, versions and groups of the reference`() throws {
    let reference = try #require(ReferenceServer())
    let server = TestServer(follows: false)
    reference.run("HELLO 3")
    server.speakVersion3()
    let theirs = CommandInfoTests.fields(reference.run("COMMAND DOCS"))
    let ours = CommandInfoTests.fields(server.run("COMMAND DOCS"))
    #expect(!ours.isEmpty)
    for (name, docs) in ours.sorted(by: { $0.key < $1.key }) {
      guard let expected = theirs[name] else { continue }
      CommandInfoTests.compareDocs(docs, expected, name)
    }
  }

  // MARK: - COMMAND INFO

  private static func compare(_ ours: Reply, _ theirs: Reply, _ name: String) {
    #expect(ours.elements.count == theirs.elements.count, "\(name)")
    guard ours.elements.count == 10, theirs.elements.count == 10 else { return }
    for (index, element) in elements.enumerated() {
      if element == "arity", longer.contains(name) { continue }
      if ["flags", "key specs"].contains(element), withKeys.contains(name) { continue }
      if element == "flags", stricter.contains(name) { continue }
      if ["flags", "categories"].contains(element), blocking.contains(name) { continue }
      #expect(
        ours.elements[index] == theirs.elements[index], "\(element) of \(name)")
    }
    let subcommands = byName(ours.elements[9])
    let expected = byName(theirs.elements[9])
    #expect(
      isSet(ours.elements[9]) == isSet(theirs.elements[9]), "type of the subcommands of \(name)")
    for (name, subcommand) in subcommands.sorted(by: { $0.key < $1.key }) {
      if let other = expected[name] { compare(subcommand, other, name) }
    }
    let missing = expected.keys.filter { subcommands[$0] == nil && !later.contains($0) }.sorted()
    #expect(missing.isEmpty, "subcommands of \(name) are missing")
  }

  /// Commands that take more arguments since a version after the reference's.
  private static let longer = ["exec", "move", "sismember", "zrank", "zrevrank"]

  /// Commands that name keys since a version after the reference's.
  private static let withKeys = ["exec"]

  /// Subcommands that are refused within MULTI since a version after the reference's (Valkey 9).
  private static let stricter = ["client|reply"]

  /// Commands that are said to block since a version after the reference's (7.2).
  private static let blocking = ["wait"]

  /// Subcommands that memd doesn't have: there is no debugger of scripts.
  private static let later = ["script|debug"]

  private static func isSet(_ reply: Reply) -> Bool { if case .set = reply { true } else { false } }

  private static func byName(_ reply: Reply) -> [String: Reply] {
    var result: [String: Reply] = [:]
    for element in reply.elements { result[element.elements.first?.text ?? ""] = element }
    return result
  }

  // MARK: - COMMAND DOCS

  private static func fields(_ reply: Reply) -> [String: Reply] {
    guard case .map(let pairs) = reply else { return [:] }
    var result: [String: Reply] = [:]
    for pair in pairs { result[pair.key.text] = pair.value }
    return result
  }

  /// Commands whose arguments have other names since a version after the reference's.
  private static let laterNames = ["bgsave", "lcs"]

  /// The same without arguments that are newer than the reference.
  private static func withoutNewer(_ arguments: Reply) -> Reply {
    guard case .array(let elements) = arguments else { return arguments }
    let known = elements.compactMap(withoutNewerMembers)
    return known.isEmpty ? .null : .array(known)
  }

  private static func withoutNewerMembers(_ argument: Reply) -> Reply? {
    guard case .map(let pairs) = argument else { return argument }
    if let since = fields(argument)["since"]?.text, since > "7.0.15" { return nil }
    return .map(
      pairs.map {
        $0.key == "arguments" ? Reply.Pair(key: $0.key, value: withoutNewer($0.value)) : $0
      })
  }

  /// The reference's fields, except texts, which are our own, and histories, which may be longer.
  private static func compareDocs(_ ours: Reply, _ theirs: Reply, _ name: String) {
    let ours = fields(ours)
    let theirs = fields(theirs)
    for field in ["since", "group", "doc_flags", "deprecated_since"] {
      #expect(ours[field] == theirs[field], "\(field) of \(name)")
    }
    let known = withoutNewer(ours["arguments"] ?? nil)
    if !laterNames.contains(name) {
      #expect(known == theirs["arguments"] ?? nil, "arguments of \(name)")
    }
    for field in ["summary", "complexity"] {
      #expect((ours[field] == nil) == (theirs[field] == nil), "\(field) of \(name)")
    }
    guard let subcommands = theirs["subcommands"] else { return }
    let ownSubcommands = fields(ours["subcommands"] ?? nil)
    for (name, docs) in fields(subcommands).sorted(by: { $0.key < $1.key }) {
      if let own = ownSubcommands[name] { compareDocs(own, docs, name) }
    }
  }
}
