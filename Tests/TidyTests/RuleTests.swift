// SPDX-License-Identifier: Apache-2.0

import Testing

/// Every rule must be able to fail.
@Suite struct RuleTests {
  private func lines(
    _ rule: Rules.Rule, _ text: String, path: String = "Sources/memd/Commands/A/File.swift"
  ) -> [Int] {
    rule(Repository.File(path: path, text: text)).map(\.line)
  }

  @Test func `a name from an upper floor is found, and one from below is not`() {
    let upper = Repository.File(
      path: "Sources/memd/Commands/A/A.swift", text: "struct Above {}\nprivate enum Own {}\n")
    let lower = Repository.File(
      path: "Sources/memd/Keyspace/B.swift",
      text: "// Above\nstruct Below { let other: Above }\nlet call: Call\n")
    let declarations = Floors.declarations(in: [upper, lower])
    #expect(declarations == ["Above": 4, "Below": 0])
    #expect(Floors.upwardNames(in: lower, declarations).map(\.line) == [2])
    let user = Repository.File(path: upper.path, text: "let below: Below\nlet above: Above\n")
    #expect(Floors.upwardNames(in: user, declarations).isEmpty)
    #expect(Floors.strangers(in: lower).map(\.line) == [3])
    let reader = Repository.File(path: upper.path, text: "\nlet n = database.contents.count\n")
    #expect(Floors.foreignContents(in: reader).map(\.line) == [2])
    let insider = Repository.File(
      path: upper.path, text: "extension Database {\n  var n: Int { contents.table.count }\n}\n")
    #expect(Floors.foreignContents(in: insider).map(\.line) == [2])
    #expect(Floors.floor(of: "Sources/memd/Server/Startup.swift") == 5)
    #expect(Floors.floor(of: "Sources/memd/Elsewhere/A.swift") == nil)
  }

  @Test func `a missing licence line is found`() {
    #expect(lines(Rules.licenceLine, "import RESP\n") == [1])
    #expect(lines(Rules.licenceLine, "") == [1])
    #expect(lines(Rules.licenceLine, Rules.licence + "\n") == [])
  }

  @Test func `a long file and a long line are found`() {
    #expect(lines(Rules.fileLength, String(repeating: "\n", count: 600)) == [])
    #expect(lines(Rules.fileLength, String(repeating: "\n", count: 601)) == [601])
    let wide = String(repeating: "x", count: 100)
    #expect(lines(Rules.lineLength, "\(wide)\n\(wide)x\n") == [2])
  }

  @Test func `a long function is found and its neighbours are not`() {
    let body = String(repeating: "  work()\n", count: 68)
    #expect(lines(Rules.functionLength, "func a() {\n\(body)}\n") == [])
    #expect(lines(Rules.functionLength, "\nfunc a() {\n\(body)  work()\n}\n") == [2])
    #expect(lines(Rules.functionLength, "init?(x: [Int] = []) where T: U {\n\(body)\n}\n") == [1])
    #expect(lines(Rules.functionLength, "deinit {\n\(body)\n}\n") == [1])
    let requirements = "protocol P {\n  func a()\n  func b() -> Int\n}\n"
    #expect(lines(Rules.functionLength, requirements + "struct S {\n\(body)\(body)}\n") == [])
  }

  @Test func `braces in strings, comments and names do not count`() {
    let text = #"""
      func a() { // {
        /* { /* { */ { */
        let x = "{ \(f("{")) {" + #"\("# + """
          {
          """
        `a { name`()
      }
      """# + String(repeating: "\n", count: 100) + "let end = 1\n"
    #expect(lines(Rules.functionLength, text) == [])
    #expect(SwiftTokens.of(text).filter { $0.text == "{" }.count == 1)
  }

  @Test func `leftovers are found in code and comments`() {
    #expect(
      lines(Rules.leftovers, "// TODO: later\nlet x = 1 // FIXME\nlet TODOS = 1\n") == [1, 2])
  }

  @Test func `forced tries, forced casts and prints are found`() {
    #expect(lines(Rules.trapsAndPrints, "try! f()\nx as! Int\nprint(x)\n") == [1, 2, 3])
    #expect(
      lines(Rules.trapsAndPrints, "// try! \nlet x = \"as! print(\"\nlog.print(try !x)\n") == [])
    #expect(lines(Rules.trapsAndPrints, "print(x)\n", path: "Tests/A/File.swift") == [])
  }

  @Test func `vague names of types, files and folders are found`() {
    #expect(lines(Rules.vagueNames, "\nstruct KeyManager {}\nenum StringUtils {}\n") == [2, 3])
    #expect(lines(Rules.vagueNames, "final class ReplyHelper {}\n") == [1])
    #expect(lines(Rules.vagueNames, "", path: "Sources/RESP/Utils/File.swift") == [1])
    #expect(lines(Rules.vagueNames, "", path: "Sources/RESP/ReplyHelpers.swift") == [1])
    #expect(
      lines(Rules.vagueNames, "class ThreadHelpers {}", path: "Sources/EventLoop/A.swift") == [])
  }

  @Test func `pointers in commands are found, owners excepted`() {
    let text = "let a: UnsafeRawPointer\n"
    #expect(lines(Rules.pointersInCommands, text) == [1])
    #expect(lines(Rules.pointersInCommands, text, path: "Sources/memd/Keyspace/Entry.swift") == [])
    let owner = "Sources/memd/Commands/Execution/Batch.swift"
    #expect(lines(Rules.pointersInCommands, text, path: owner) == [])
  }

  @Test(arguments: [
    "var names: [String: Int] = [:]\nfor (name, x) in names {}\n",
    "var names: [String: Int] = [:]\nlet x = names.keys\n",
    "var names: [String: Int] = [:]\nself.names.values.forEach { }\n",
    "private let names: Set<Int>\nfor x in self.names where x > 1 {}\n",
    "let names = Set<Int>()\nreturn names.sorted()\n",
    "let names = [\"a\": 1]\nnames.map { $0 }\n",
    "func f(names: Dictionary<Int, Int>) {\nnames.forEach { } }\n",
    "let names: Set = [1]\nnames.first\n",
  ])
  func `walking over a dictionary or set is found`(_ text: String) {
    #expect(lines(Rules.unorderedIteration, text) == [2])
  }

  @Test(arguments: [
    "var names: [String: Int] = [:]\nfor x in names[key] {}\nnames.removeAll()\nnames.count\n",
    "let names: [Int] = []\nfor name in names {}\nnames.map { $0 }\n",
    "var names = [isOne ? 1 : 2]\nfor name in names {}\nnames.map { $0 }\n",
    "let pairs: [(a: Int, b: Int)] = []\npairs.map { $0.a }\n",
    "let names: Set<Int> = []\nif names.contains(1) {}\n",
  ])
  func `using a dictionary, or walking over an array, is no finding`(_ text: String) {
    #expect(lines(Rules.unorderedIteration, text) == [])
  }

  @Test func `declared and mentioned commands are found`() {
    let text = "[\n Command(\n  \"get\", [.fast]),\n Command(\"config\"), refuseCommand(\"no\")]"
    let names = CommandNames.declared(in: text)
    #expect(names.map(\.name) == ["get", "config"])
    #expect(names.map(\.line) == [2, 4])
    let mentioned = CommandNames.mentioned(
      in: "run(\"GET k\") // get hold of set\n[\"mget\", \"k\"]")
    #expect(mentioned.contains("get") && mentioned.contains("mget") && !mentioned.contains("set"))
  }

  @Test func `a String made of bytes and folded characters are found`() {
    let text = "let a = String(decoding: b, as: UTF8.self)\nx.lowercased()\nString(number)\n"
    #expect(lines(Rules.textOfBytes, text) == [1, 2])
    #expect(lines(Rules.textOfBytes, "if let x = String(validating: b, as: U.self) {}\n") == [1])
    let inside =
      #"f("'\(String(decoding: b, as: UTF8.self))'")"# + "\n" + #"g("\(x.uppercased())")"#
    #expect(lines(Rules.textOfBytes, inside + "\n// \\(x.uppercased())\n") == [1, 2])
    #expect(lines(Rules.textOfBytes, text, path: "Sources/EventLoop/A.swift") == [])
    #expect(lines(Rules.textOfBytes, text, path: "Sources/RESP/Reply.swift") == [])
  }

  /// An exception for a file that doesn't need it would let the next one in.
  @Test func `every exception from the rule about text is needed`() throws {
    for path in Exceptions.filesThatMakeText.keys.sorted() {
      let file = try #require(Repository.file(path))
      let elsewhere = Repository.File(path: "Sources/memd/Commands/A.swift", text: file.text)
      #expect(!Rules.textOfBytes(elsewhere).isEmpty, "\(path)")
    }
  }
}
