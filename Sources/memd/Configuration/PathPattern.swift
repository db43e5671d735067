// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// A path whose parts may hold `*`, `?` and `[...]`, as `include` takes it.
struct PathPattern {
  private let text: String

  init(_ text: String) { self.text = text }

  /// The paths that match, in bytewise order. A path without wildcards stands for itself, whether
  /// there is such a file or not; a pattern without matches stands for nothing.
  func matches(on disk: Disk) -> [String] {
    guard Self.isPattern(text) else { return [text] }
    let parts = text.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
    let root = text.hasPrefix("/") ? "/" : ""
    var paths = [root]
    for (index, part) in parts.enumerated() {
      paths = paths.flatMap { base -> [String] in
        guard Self.isPattern(part) else { return [base + part] }
        let directory = base.isEmpty ? "." : base == "/" ? base : String(base.dropLast())
        let names = (try? disk.names(inDirectory: directory)) ?? []
        return names.filter { Self.matches($0, part) }.map { base + $0 }
      }
      if index < parts.count - 1 { paths = paths.map { $0 + "/" } }
    }
    return paths.filter { disk.exists($0) }
  }

  private static func isPattern(_ text: String) -> Bool {
    text.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == 0x5B }
  }

  private static func matches(_ name: String, _ pattern: String) -> Bool {
    // As in a shell, a wildcard doesn't match the dot of a hidden file.
    if name.hasPrefix("."), !pattern.hasPrefix(".") { return false }
    let name = Array(name.utf8)
    let pattern = Array(pattern.utf8)
    return GlobPattern.matches(pattern: pattern.rawSpan, text: name.rawSpan)
  }
}
