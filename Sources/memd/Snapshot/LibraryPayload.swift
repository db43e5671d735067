// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Libraries of functions as FUNCTION DUMP prints and FUNCTION RESTORE reads them: as they stand in
/// an RDB file, with the footer of DUMP.
///
///     +-----+------+-----+------+-----+---------+----------------------------+
///     | 245 | code | 245 | code | ... | version | CRC-64 of all bytes before |
///     +-----+------+-----+------+-----+---------+----------------------------+
///      1     a string                  2         8
enum LibraryPayload {
  /// The payload of libraries, in their order.
  static func make(of libraries: [FunctionLibrary], compresses: Bool) -> [UInt8] {
    let writer = RDBWriter(compresses: compresses)
    for library in libraries {
      let code = library.code
      writer.library(code.rawSpan)
    }
    return DumpPayload.seal(writer)
  }

  /// Hands out the code of each library in a payload whose footer is right.
  static func forEach(
    in payload: RawSpan, _ body: (RawSpan) throws(LibraryError) -> Void
  ) throws(LibraryError) {
    unsafe try payload.withUnsafeBytes { bytes throws(LibraryError) in
      let content = unsafe UnsafeRawBufferPointer(
        rebasing: bytes.dropLast(DumpPayload.footerCount))
      let reader = unsafe RDBReader(unowned: content)
      var code = ByteBuffer()
      while reader.offset < content.count {
        try read(reader, into: &code)
        try body(code.bytes)
      }
    }
  }

  private static func read(
    _ reader: RDBReader, into code: inout ByteBuffer
  ) throws(LibraryError) {
    let opcode = (try? reader.byte()).flatMap { RDBFormat.Opcode(rawValue: $0) }
    if opcode == .oldFunction {
      throw LibraryError(message: "Pre-GA function format not supported")
    }
    guard opcode == .function else {
      throw LibraryError(message: "given type is not a function")
    }
    do throws(RDBError) {
      try reader.string(into: &code)
    } catch {
      throw LibraryError(message: "Failed loading library payload")
    }
  }
}

extension RDBWriter {
  /// Appends a library of functions.
  func library(_ code: RawSpan) {
    opcode(.function)
    string(code)
  }
}
