// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// `memd --check-aof FILE`: reads a log as loading would, executes nothing, and tells what is in
/// it, where it breaks, and what cutting it there would lose. Lines and exit codes are
/// redis-check-aof's, with more of them. Nothing is written unless that is asked for.
struct LogCheck {
  struct Options: Equatable {
    /// The last file is cut at its damage, if whoever is asked agrees.
    var fixes = false
    /// The last file is cut at the first timestamp behind this one, in seconds since 1970.
    var timestampMax: Int?
  }

  /// What the process lends.
  struct Tools {
    let disk: Disk
    let clock: Clock
    /// Prints a line.
    let write: (String) -> Void
    /// Prints a question and tells whether the answer was yes.
    let confirm: (String) -> Bool
  }

  /// Nothing more can be done, for a reason that is printed.
  struct Stop: Error {
    let lines: [String]
    init(_ lines: String...) { self.lines = lines }
  }

  /// A file to be checked.
  struct Part {
    let path: String
    /// Path and name as they are printed.
    let shownPath: String
    let name: String
    let style: Style
    /// Only the last file of a log may be cut.
    let isLast: Bool

    var readFailure: String { "Failed to read from AOF \(name)" }
  }

  /// What a file is, in redis-check-aof's words.
  enum Style: String {
    case base = "BASE AOF"
    case increment = "INCR AOF"
    case whole = "AOF"
  }

  let options: Options
  let tools: Tools
  /// Whether no file was found damaged.
  var isValid = true

  /// Checks a log, given its manifest or its only file; 0 if it can be loaded as it is now, else 1.
  static func run(path: String, options: Options, tools: Tools) -> Int32 {
    var check = LogCheck(options: options, tools: tools)
    do throws(Stop) {
      try check.run(path)
    } catch {
      for line in error.lines { tools.write(line) }
      return 1
    }
    return check.isValid ? 0 : 1
  }

  private init(options: Options, tools: Tools) {
    self.options = options
    self.tools = tools
  }

  private mutating func run(_ named: String) throws(Stop) {
    let path = tools.disk.isDirectory(named) ? try manifestPath(in: named) : named
    let start = try attempt("Cannot open file \(path)") { disk throws(DiskError) in
      try Self.start(of: path, on: disk)
    }
    guard Self.isManifest(path, start) else {
      tools.write("Start checking Old-Style AOF")
      return try check(
        Part(path: path, shownPath: path, name: path, style: .whole, isLast: true))
    }
    tools.write("Start checking Multi Part AOF")
    let manifest = try manifest(path)
    let files = manifest.readingOrder
    let directory = Disk.directory(of: path)
    let prefix = directory == "." ? "" : directory + "/"
    for (index, file) in files.enumerated() {
      if index == (manifest.base == nil ? 0 : 1) { tools.write("Start to check INCR files.") }
      // A manifest's names may hold what would write anything on a terminal.
      let name = file.name.written.logText
      try check(
        Part(
          path: prefix + file.name.text, shownPath: prefix + name, name: name,
          style: file == manifest.base ? .base : .increment, isLast: index == files.count - 1))
    }
    if isValid { tools.write("All AOF files and manifest are valid") }
  }

  // MARK: - Files

  /// The one manifest in a directory.
  private func manifestPath(in directory: String) throws(Stop) -> String {
    let names = try attempt("Cannot open directory \(directory)") { disk throws(DiskError) in
      try disk.names(inDirectory: directory)
    }
    let manifests = names.filter { $0.hasSuffix(".manifest") }
    guard manifests.count == 1 else {
      let found = manifests.isEmpty ? "no manifest" : manifests.joined(separator: ", ")
      throw Stop("\(directory) is a directory with \(found) in it: name the file to check")
    }
    return "\(directory)/\(manifests[0])"
  }

  private static let startByteCount = 4096

  /// The first bytes of a file.
  private static func start(of path: String, on disk: Disk) throws(DiskError) -> [UInt8] {
    let file = try disk.open(path, .read)
    defer { file.close() }
    return try start(of: file)
  }

  /// The same of an open file, which then stands at its start again.
  static func start(of file: DiskFile) throws(DiskError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: startByteCount)
    let count = try file.read(into: &bytes, from: 0)
    try file.seek(to: 0)
    return Array(bytes.prefix(count))
  }

  /// Whether a file is a manifest: it is called so, or begins with a line like those of one.
  private static func isManifest(_ path: String, _ start: [UInt8]) -> Bool {
    if path.hasSuffix(".manifest") { return true }
    let line = start.split(separator: 0x0A).first { $0.first != UInt8(ascii: "#") }
    return line?.starts(with: Array("file".utf8)) ?? false
  }

  /// Whether a file begins with an RDB.
  static func isRDB(_ start: [UInt8]) -> Bool {
    start.starts(with: Array("REDIS".utf8)) || start.starts(with: Array("VALKEY".utf8))
  }

  private func manifest(_ path: String) throws(Stop) -> LogManifest {
    let bytes = try attempt("Cannot read \(path)") { disk throws(DiskError) in
      try disk.read(path)
    }
    do throws(LogManifestError) {
      return try LogManifest(parsing: bytes)
    } catch {
      for line in error.logLines { tools.write(line) }
      throw Stop()
    }
  }

  /// Does something with the disk; stops with a text and the cause if that fails.
  func attempt<Result>(
    _ text: String, _ body: (Disk) throws(DiskError) -> Result
  ) throws(Stop) -> Result {
    do throws(DiskError) {
      return try body(tools.disk)
    } catch {
      throw Stop("\(text): \(error.cause.text), aborting...")
    }
  }
}
