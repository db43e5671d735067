// SPDX-License-Identifier: Apache-2.0

import Testing

/// What this repository promises about its own text. Findings name file and line.
@Suite struct TidyTests {
  /// A rule, the files it holds for, and the sentence it stands for.
  struct Promise: Sendable, CustomTestStringConvertible {
    let sentence: String
    let rule: Rules.Rule
    var isAboutTests = true

    var testDescription: String { sentence }
  }

  static let promises = [
    Promise(sentence: "every file names its licence first", rule: Rules.licenceLine),
    Promise(sentence: "files have at most 600 lines", rule: Rules.fileLength),
    Promise(sentence: "lines have at most 100 columns", rule: Rules.lineLength),
    Promise(sentence: "functions have at most 70 lines", rule: Rules.functionLength),
    Promise(sentence: "nothing is left for later", rule: Rules.leftovers),
    Promise(sentence: "nothing is forced or printed", rule: Rules.trapsAndPrints),
    Promise(sentence: "names say what a thing is", rule: Rules.vagueNames),
    Promise(sentence: "commands hold no pointers", rule: Rules.pointersInCommands),
    Promise(
      sentence: "bytes of clients become no String", rule: Rules.textOfBytes, isAboutTests: false),
    Promise(
      sentence: "no Dictionary or Set is walked", rule: Rules.unorderedIteration,
      isAboutTests: false),
  ]

  @Test(arguments: promises) func `a promise about the sources holds`(_ promise: Promise) {
    #expect(Repository.sources.count > 50, "the sources were not found")
    // These name what they forbid.
    let exempt = ["Tests/TidyTests/Rules.swift", "Tests/TidyTests/RuleTests.swift"]
    let files = promise.isAboutTests ? Repository.swiftFiles : Repository.sources
    report(files.filter { !exempt.contains($0.path) }.flatMap(promise.rule))
  }

  @Test func `no floor names what is above it`() {
    let declarations = Floors.declarations(in: Repository.sources)
    #expect(declarations["Entry"] == 0 && declarations["Call"] == 2, "the floors were not found")
    report(
      Repository.sources.flatMap {
        Floors.upwardNames(in: $0, declarations) + Floors.strangers(in: $0)
          + Floors.foreignContents(in: $0)
      })
    let homeless = Repository.sources.filter {
      $0.path.hasPrefix("Sources/memd/") && Floors.floor(of: $0.path) == nil
    }
    report(homeless.map { Finding(path: $0.path, line: 1, message: "a folder without a floor") })
  }

  /// One issue for all findings of a rule.
  private func report(_ findings: [Finding]) {
    if findings.isEmpty { return }
    Issue.record("\(findings.map(\.description).joined(separator: "\n"))")
  }

  @Test func `every declared command is named by a test`() {
    var mentioned: Set<String> = []
    for file in Repository.swiftFiles
    where file.path.hasPrefix("Tests/memdTests/") && !file.path.contains("HostileIntegers") {
      mentioned.formUnion(CommandNames.mentioned(in: file.text))
    }
    var count = 0
    var findings: [Finding] = []
    for file in Repository.sources where file.path.hasPrefix("Sources/memd/Commands/") {
      for declaration in CommandNames.declared(in: file.text) {
        count += 1
        if mentioned.contains(declaration.name) { continue }
        if Exceptions.untestedCommands[declaration.name] != nil { continue }
        findings.append(
          Finding(
            path: file.path, line: declaration.line, message: "no test names \(declaration.name)"))
      }
    }
    report(findings)
    #expect(count > 0, "no declaration was found")
  }

  @Test(arguments: [
    ("README.md", 200), ("ARCHITECTURE.md", 700), ("CONTRIBUTING.md", 150),
    ("CHANGELOG.md", Int.max),
  ])
  func `documents have a title and an end`(_ path: String, lineCountMax: Int) {
    // A document that is not there yet makes no promise.
    guard let file = Repository.file(path) else { return }
    #expect(file.lines.first?.hasPrefix("# ") == true, "\(path) begins with its title")
    #expect(file.lines.count <= lineCountMax, "\(path) has \(file.lines.count) lines")
  }

  @Test func `the licence is there`() {
    #expect(Repository.file("LICENSE")?.text.contains("Apache License") == true)
  }

  @Test func `scripts name their interpreter and their licence`() {
    let paths = Repository.paths(below: "scripts").filter { !$0.contains("__pycache__") }
    #expect(!paths.isEmpty)
    for path in paths where !path.split(separator: "/", maxSplits: 1)[1].contains(".") {
      let lines = Repository.file(path)?.lines ?? []
      #expect(lines.first?.hasPrefix("#!/usr/bin/env ") == true, "\(path)")
      #expect(lines.dropFirst().first == "# SPDX-License-Identifier: Apache-2.0", "\(path)")
    }
  }

  @Test func `no tool leaves what a compiler made beside the sources`() {
    let paths = Repository.paths(below: ".")
    #expect(paths.contains("./Package.swift"))
    let made = [".swiftmodule", ".swiftdoc", ".swiftsourceinfo", ".o", ".so", ".d"]
    for path in paths where made.contains(where: path.hasSuffix) {
      Issue.record("\(path) belongs below .build")
    }
  }
}
