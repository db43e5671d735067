// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct ConfigurationReaderTests {
  private func read(
    _ files: KeyValuePairs<String, String>, options: ByteText = "",
    into configuration: Configuration
  ) throws(ConfigurationFailure) {
    let disk = SimulatedFiles.disk(files)
    try ConfigurationReader(configuration, disk: disk).read(path: "redis.conf", options: options)
  }

  private func failure(_ text: String) -> ConfigurationFailure? {
    do throws(ConfigurationFailure) {
      try read(["redis.conf": text], into: Configuration())
      return nil
    } catch {
      return error
    }
  }

  @Test func `Comments, blanks and carriage returns are passed over, names are read in any case`()
    throws
  {
    let configuration = Configuration()
    try read(
      ["redis.conf": "# port 1\n\n  PORT 17120 \r\n\tbind 127.0.0.1 -::1\n"], into: configuration)
    #expect(configuration.port == 17120)
    #expect(configuration.bind == ["127.0.0.1", "-::1"])
  }

  @Test func `Options win over the file`() throws {
    let configuration = Configuration()
    try read(["redis.conf": "port 1\nhz 50"], options: "port \"2\"", into: configuration)
    #expect(configuration.port == 2)
    #expect(configuration.hz == 50)
  }

  @Test func `Included files are read in their place, patterns in order`() throws {
    let configuration = Configuration()
    try read(
      [
        "redis.conf": "port 1\ninclude conf.d/*.conf\ninclude none*.conf\nhz 20",
        "conf.d/b.conf": "port 3\n", "conf.d/a.conf": "port 2\nhz 10\n",
        "conf.d/c.txt": "port 4\n", "conf.d/.hidden.conf": "port 5\n",
      ], into: configuration)
    #expect(configuration.port == 3)
    #expect(configuration.hz == 20)
  }

  @Test func `A missing included file stops the start`() {
    #expect(
      failure("include none.conf")
        == .unreadable(
          path: "none.conf", reason: "No such file or directory",
          place: .file(path: "redis.conf", line: 1)))
  }

  @Test func `Files that include themselves end with an error`() {
    guard case .line(_, let text, let reason, _) = failure("include redis.conf") else {
      Issue.record("no failure")
      return
    }
    #expect(text == "include redis.conf")
    #expect(reason == "include is nested too deeply")
  }

  @Test func `The message names the line as it stands there`() {
    let failure = failure("port 1\n\n   cluster-enabled   yes  \nport 2")
    #expect(
      failure
        == .line(
          place: .file(path: "redis.conf", line: 3), text: "cluster-enabled   yes",
          reason: "cluster mode is not supported",
          remedy: "remove the line; memd can't keep this promise."))
    #expect(
      failure?.message
        == "\n*** FATAL CONFIG FILE ERROR (memd \(Version.memd)) ***\nReading the configuration"
        + " file, at line 3 of redis.conf\n>>> 'cluster-enabled   yes'\ncluster mode is not"
        + " supported\nRemedy: remove the line; memd can't keep this promise.\n")
  }

  @Test(arguments: [
    ("foo \"bar", "Unbalanced quotes in configuration line"),
    ("rename-command x", "Bad directive or wrong number of arguments"),
    ("sentinel monitor", "sentinel directive while not in sentinel mode"),
    ("requirepass a b", "wrong number of arguments"),
    (
      "logfile \"\\xff\"", "argument must be a path of at most 4095 bytes in UTF-8"
    ),
  ])
  func `Lines that can't be read are refused`(line: String, expected: String) {
    guard case .line(let place, let text, let reason, _) = failure(line) else {
      Issue.record("no failure")
      return
    }
    #expect(place == .file(path: "redis.conf", line: 1))
    #expect(text == line)
    #expect(reason == expected)
  }

  @Test(arguments: [
    "list-max-ziplist-entries 512", "user default on nopass sanitize-payload ~* &* +@all",
    "appendonly yes", "save \"\"", "cluster-enabled no", "tls-port 0", "io-threads 4",
  ])
  func `Lines of older and larger servers that promise nothing are fine`(line: String) {
    #expect(failure(line) == nil)
  }

  @Test func `What is accepted without effect is listed if it differs from the default`() throws {
    let configuration = Configuration()
    try read(
      ["redis.conf": "io-threads 4\nrdbcompression yes\nmaxmemory 1gb"],
      into: configuration)
    #expect(configuration.ineffectiveSettings == ["io-threads"])
  }

  @Test func `The working directory changes while the file is read`() throws {
    let configuration = Configuration()
    configuration.changeDirectory = { path throws(OptionError) in
      if path == "gone" { throw OptionError("No such file or directory") }
      return "/data/" + path
    }
    try read(["redis.conf": "dir ./here"], into: configuration)
    #expect(configuration.dir == "/data/./here")
    #expect(throws: ConfigurationFailure.self) {
      try read(["redis.conf": "dir gone"], into: configuration)
    }
  }

  @Test(arguments: [
    ("maxmemroy 1gb", "there is no such directive; is it 'maxmemory'? memd --help lists all."),
    ("frobnicate 1", "there is no such directive. memd --help lists all."),
    ("port x", "write: port 0..65535 (default 6379); memd --help port tells more."),
    (
      "maxmemory lots",
      "write: maxmemory bytes, such as 100mb or 2gb (default 0); memd --help maxmemory tells more."
    ),
    ("save 1", "write: save seconds changes ... (default 3600 1 300 100 60 10000); memd --help"),
    ("rename-command x", "write: rename-command command name; memd --help"),
    ("hz \"1", "close the quote"),
    ("loadmodule a.so", "remove the line"),
  ])
  func `What helps is said beside the reason`(line: String, expected: String) {
    guard case .line(_, _, _, let remedy) = failure(line) else {
      Issue.record("no failure")
      return
    }
    #expect(remedy.hasPrefix(expected), "\(remedy)")
  }

  @Test func `A check finds all that is wrong, with the places, and makes no log file`() {
    let disk = SimulatedFiles.disk([
      "redis.conf": "port x\ninclude sub.conf\nhz 20\ninclude none.conf\nlogfile new.log\n",
      "sub.conf": "\nmaxmemory -1\n",
    ])
    let configuration = Configuration()
    let reader = ConfigurationReader(configuration, disk: disk)
    let failures = reader.check(.init(path: "redis.conf", options: "appendfsync never\n"))
    let places = failures.map { failure in
      switch failure {
      case .line(let place, _, _, _): place.text
      case .unreadable(let path, _, let place): "\(path) \(place?.text ?? "")"
      case .logFile: "log file"
      }
    }
    #expect(
      places == ["redis.conf:1", "sub.conf:2", "none.conf redis.conf:4", "command line"])
    #expect(configuration.hz == 20)
    #expect(!disk.exists("new.log"))
  }

  @Test func `The place of every option that is set is known, the last one counts`() throws {
    let configuration = Configuration()
    try read(
      ["redis.conf": "hz 20\nmaxmemory 1gb\ninclude sub.conf", "sub.conf": "\nslaveof a 1\n"],
      options: "hz 30", into: configuration)
    #expect(configuration.place(of: "hz") == .commandLine)
    #expect(configuration.place(of: "maxmemory") == .file(path: "redis.conf", line: 2))
    #expect(configuration.place(of: "replicaof") == .file(path: "sub.conf", line: 2))
    #expect(configuration.place(of: "port") == nil)
  }
}
