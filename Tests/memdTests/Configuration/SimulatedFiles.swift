// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Disks with the files that a test needs.
enum SimulatedFiles {
  static var empty: SimulatedDisk { disk([:]) }

  static func disk(_ files: KeyValuePairs<String, String>) -> SimulatedDisk {
    let disk = SimulatedDisk(seed: 1, clock: SimulatedClock())
    for (path, text) in files { write(text, to: path, on: disk) }
    return disk
  }

  static func write(_ text: String, to path: String, on disk: Disk) {
    #expect(throws: Never.self) { try disk.writeAtomically(path, Array(text.utf8)) }
  }

  static func read(_ path: String, on disk: Disk) -> String {
    String(decoding: (try? disk.read(path)) ?? [], as: UTF8.self)
  }
}

extension ConfigurationReader {
  /// Reads a file and options of the command line.
  func read(path: String, options: ByteText = "") throws(ConfigurationFailure) {
    try read(Sources(path: path, options: options))
  }
}
