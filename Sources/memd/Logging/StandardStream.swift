// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc

/// The streams that the process was started with, written without any buffer.
enum StandardStream: Int32 {
  case output = 1
  case error = 2

  /// Writes a text with one call as long as the system takes it whole.
  ///
  /// - Returns: whether all of it was written.
  @discardableResult
  func write(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { pointer in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: pointer[written...])
        return unsafe Glibc.write(rawValue, rest.baseAddress, rest.count)
      }
      if count < 0 && errno != EINTR { return false }
      written += max(0, count)
    }
    return true
  }

  /// Writes what was asked for, and ends the process: with 1 if it couldn't be written.
  static func answer(_ text: String) -> Never {
    if output.write(text) { Daemon.exit(code: 0) }
    error.write("Can't write the answer: \(SystemError(errno).text)\n")
    Daemon.exit(code: 1)
  }

  /// Asks a question; true if the answer begins with y.
  static func confirm(_ question: String) -> Bool {
    output.write(question)
    var answer: UInt8 = 0
    let count = unsafe withUnsafeMutableBytes(of: &answer) { pointer in
      unsafe Glibc.read(0, pointer.baseAddress, 1)
    }
    return count == 1 && (answer == UInt8(ascii: "y") || answer == UInt8(ascii: "Y"))
  }

  /// Reads standard input to its end; what was read so far if it fails.
  static func readInput() -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { pointer in
        unsafe Glibc.read(0, pointer.baseAddress, pointer.count)
      }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
    }
  }
}
