// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct InvocationTests {
  /// What the options of a command line make of a configuration.
  private func configured(_ words: String...) throws -> Configuration {
    guard case .run(_, _, let options) = Invocation(words.map { ByteText($0) }) else {
      throw OptionError("does not run")
    }
    let configuration = Configuration()
    try ConfigurationReader(configuration, disk: SimulatedFiles.empty)
      .read(path: "", options: options)
    return configuration
  }

  private func complaint(_ words: [String]) -> String {
    guard case .run(_, _, let options) = Invocation(words.map { ByteText($0) }) else {
      return "does not run"
    }
    do throws(ConfigurationFailure) {
      try ConfigurationReader(Configuration(), disk: SimulatedFiles.empty)
        .read(path: "", options: options)
      return "accepted"
    } catch {
      return error.message
    }
  }

  @Test func `The first word without dashes is the file`() {
    #expect(Invocation(["a.conf"]) == .run(path: "a.conf", readsInput: false, options: ""))
    #expect(
      Invocation(["--port", "1"]) == .run(path: "", readsInput: false, options: "port \"1\" "))
  }

  @Test func `A dash in front or at the end reads standard input`() {
    #expect(Invocation(["-"]) == .run(path: "", readsInput: true, options: ""))
    guard case .run("a.conf", true, _) = Invocation(["a.conf", "--port", "1", "-"]) else {
      Issue.record("a dash at the end is standard input")
      return
    }
  }

  @Test(arguments: ["-v", "--version"])
  func `The version is asked for in two ways`(word: String) {
    #expect(Invocation([ByteText(word)]) == .version)
  }

  @Test(arguments: ["--test-memory", "--sentinel", "--check-system"])
  func `What memd doesn't do is refused and is no unknown directive`(word: String) {
    guard case .refused = Invocation([ByteText(word), "1"]) else {
      Issue.record("\(word) was not refused")
      return
    }
  }

  @Test func `Names and values may share a word`() throws {
    let configuration = try configured("--maxmemory 700mb", "--maxmemory-policy 'volatile-lru'")
    #expect(configuration.maxMemory == 700 << 20)
    #expect(configuration.maxMemoryPolicy == .volatileLRU)
  }

  @Test func `A line without dashes in front is understood behind a file`() throws {
    guard case .run("a.conf", _, let options) = Invocation(["a.conf", "loglevel", "verbose"]) else {
      Issue.record("no file")
      return
    }
    let configuration = Configuration()
    try ConfigurationReader(configuration, disk: SimulatedFiles.empty)
      .read(path: "", options: options)
    #expect(configuration.logLevel == .verbose)
  }

  @Test func `One value may begin with dashes`() throws {
    let configuration = try configured(
      "--proc-title-template", "--my--title--template", "--loglevel", "verbose")
    #expect(configuration.procTitleTemplate == "--my--title--template")
    #expect(configuration.logLevel == .verbose)
  }

  @Test func `Save without a value means none`() throws {
    #expect(try configured("--save", "--loglevel", "verbose").logLevel == .verbose)
    #expect(try configured("--loglevel", "verbose", "--save").logLevel == .verbose)
    #expect(try configured("--save", "", "--loglevel", "verbose").logLevel == .verbose)
    let odd = try configured(
      "--proc-title-template", "--save", "--save", "", "--loglevel", "verbose")
    #expect(odd.procTitleTemplate == "--save")
    #expect(odd.logLevel == .verbose)
  }

  @Test func `Several values may come as words or as one`() throws {
    let configuration = try configured(
      "--shutdown-on-sigint", "nosave", "force", "now", "--shutdown-on-sigterm", "nosave force",
      "--client-output-buffer-limit", "pubsub 0 0 0", "--bind", "127.0.0.1", "-::1")
    #expect(configuration.shutdownOnSigint == [.nosave, .now, .force])
    #expect(configuration.shutdownOnSigterm == [.nosave, .force])
    #expect(configuration.clientOutputBufferLimits.pubsub == .unlimited)
    #expect(configuration.bind == ["127.0.0.1", "-::1"])
  }

  @Test(arguments: [
    (["--invalid"], "Bad directive or wrong number of arguments"),
    (["--port"], "'port'\nwrong number of arguments"),
    (["--port", "6380", "--loglevel"], "'loglevel'\nwrong number of arguments"),
    (["--port", "6379", "6380"], "'port \"6379\" \"6380\"'\nwrong number of arguments"),
    (["--port", "--loglevel", "verbose"], "'port \"--loglevel\" \"verbose\"'\nwrong number"),
    (["--port", "--bla"], "'port \"--bla\"'\nargument couldn't be parsed into an integer"),
    (["--logfile", "--my", "--loglevel", "--bla"], "argument(s) must be one of the following"),
    (["--shutdown-on-sigint"], "argument(s) must be one of the following: default, save"),
    (["--replicaof", "127.0.0.1", "abc"], "Invalid primary port"),
    (["--replicaof", "--127.0.0.1", "--abc"], "wrong number of arguments"),
    (["--save", "900"], "Invalid save parameters"),
    (["--appendfsync", "never"], "argument(s) must be one of the following"),
    (["--appenddirname", "a/b"], "appenddirname can't be a path, just a dirname"),
    (["--rename-command", "a", "b"], "No such command in rename-command"),
    (["--user", "alice", "--user", "alice"], "Duplicate user found"),
    (["--loadmodule", "x.so"], "modules are not supported"),
  ])
  func `Wrong options are refused with the line and the reason`(
    words: [String], expected: String
  ) {
    let message = complaint(words)
    #expect(message.hasPrefix("\n*** FATAL CONFIG FILE ERROR (memd "), "\(message)")
    #expect(message.contains(expected), "\(message)")
  }
}
