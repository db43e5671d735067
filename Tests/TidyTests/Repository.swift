// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The files of this repository, as far as rules look at them.
struct Repository {
  /// A file by its path from the root, and its text.
  struct File {
    let path: String
    let text: String

    /// The lines without their ends; the one behind the last line end does not count.
    var lines: [Substring] {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      return lines.last == "" ? lines.dropLast() : lines
    }

    /// The last part of the path.
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
  }

  /// The folder that holds Package.swift, found from this file's own path.
  static let root: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/")
  }()

  /// Every Swift file below Sources and Tests, by path.
  static let swiftFiles: [File] = {
    (paths(below: "Sources") + paths(below: "Tests")).filter { $0.hasSuffix(".swift") }
      .sorted().compactMap(file)
  }()

  static let sources = swiftFiles.filter { $0.path.hasPrefix("Sources/") }

  /// One file, or nil if there is none.
  static func file(_ path: String) -> File? {
    guard let stream = unsafe fopen("\(root)/\(path)", "r") else { return nil }
    defer { unsafe fclose(stream) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe fread(&chunk, 1, chunk.count, stream)
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return File(path: path, text: String(decoding: bytes, as: UTF8.self))
  }

  /// The paths of all files below a folder, those whose name starts with a dot left out.
  static func paths(below folder: String) -> [String] {
    guard let directory = unsafe opendir("\(root)/\(folder)") else { return [] }
    defer { unsafe closedir(directory) }
    var paths: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasPrefix(".") { continue }
      let path = "\(folder)/\(name)"
      let isFolder = unsafe entry.pointee.d_type == UInt8(DT_DIR)
      paths += isFolder ? Repository.paths(below: path) : [path]
    }
    return paths
  }
}
