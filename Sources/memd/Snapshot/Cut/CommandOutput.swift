// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Writes commands into a file, in chunks. They are about one key at a time.
///
/// Elements of a key are gathered into commands of at most 64, or about 64 KB:
///
///     output.beginKey(key)
///     output.beginElements("ZADD")
///     output.elements.value.append(double: score)
///     output.elements.value.append(member)
///     if output.endElement(argumentCount: 2) { output.writeElements(); output.dropElements() }
///
/// An error of the file is remembered, and everything after it is thrown away.
final class CommandOutput {
  /// Elements in one command, as in Redis.
  static let elementCountMax = 64
  /// Bytes that are handed to the file at once, and bytes of elements in one command.
  private static let chunkByteCount = 64 << 10

  private let sink: any SnapshotSink
  private let chunk = Held(CommandWriter())
  private let keyBytes = Held(ByteBuffer())
  /// Arguments of the elements that are gathered.
  let elements = Held(CommandWriter())
  private var name: StaticString = ""
  private var elementCount = 0
  private var argumentCount = 0
  /// What went wrong with the file.
  private(set) var failure: DiskError?

  init(to sink: any SnapshotSink) { self.sink = sink }

  deinit {
    chunk.free()
    keyBytes.free()
    elements.free()
  }

  // MARK: - Commands

  /// The key that commands are about from now on.
  func beginKey(_ key: RawSpan) {
    assert(elementCount == 0, "elements of another key")
    keyBytes.value.removeAll(
      keepingCapacity: keyBytes.value.capacity <= CommandOutput.chunkByteCount)
    keyBytes.value.append(key)
  }

  /// Begins a command that is about no key.
  ///
  /// - Parameter argumentCount: how many arguments follow the name.
  func beginKeyless(_ name: StaticString, argumentCount: Int) {
    passOnIfFull()
    chunk.value.begin(argumentCount: 1 + argumentCount)
    chunk.value.append(name)
  }

  /// Begins a command with name and key.
  ///
  /// - Parameters:
  ///   - subcommand: what stands between name and key.
  ///   - argumentCount: how many arguments follow the key.
  func begin(_ name: StaticString, _ subcommand: StaticString? = nil, argumentCount: Int) {
    beginKeyless(name, argumentCount: argumentCount + (subcommand == nil ? 1 : 2))
    if let subcommand { chunk.value.append(subcommand) }
    chunk.value.append(keyBytes.value.bytes)
  }

  /// The next argument.
  func append(_ argument: RawSpan) { chunk.value.append(argument) }

  /// The next argument.
  func append(_ argument: StaticString) { chunk.value.append(argument) }

  /// The next argument.
  func append(integer: Int) { chunk.value.append(integer: integer) }

  /// The next argument.
  func append(_ id: StreamID) {
    var scratch = StreamIDScratch()
    chunk.value.append(scratch.write(id))
  }

  /// Begins an argument whose bytes follow, as they are, up to `endArgument`.
  func beginArgument(byteCount: Int) { chunk.value.beginArgument(byteCount: byteCount) }

  /// Ends an argument of which all bytes have been appended.
  func endArgument() { chunk.value.endArgument() }

  /// Bytes of the argument under way, or the next arguments as they stand in a command.
  func append(raw bytes: RawSpan) {
    passOnIfFull()
    chunk.value.append(raw: bytes)
  }

  // MARK: - Elements

  /// Bytes of gathered elements, as they stand in a command.
  @inline(never)
  func append(elementsIn range: Range<Int>) {
    append(raw: elements.value.bytes.extracting(range))
  }

  /// Begins commands with an element each, or more.
  func beginElements(_ name: StaticString) {
    assert(elementCount == 0, "elements of another command")
    self.name = name
  }

  /// Ends an element, whose arguments have been appended to `elements`; true if there are enough
  /// for a command.
  func endElement(argumentCount: Int) -> Bool {
    elementCount += 1
    self.argumentCount += argumentCount
    return elementCount == CommandOutput.elementCountMax
      || elements.value.count >= CommandOutput.chunkByteCount
  }

  /// Writes a command with all elements that are gathered, if there are any.
  func writeElements() {
    guard elementCount > 0 else { return }
    begin(name, argumentCount: argumentCount)
    append(raw: elements.value.bytes)
  }

  /// Forgets the elements that are gathered.
  func dropElements() {
    elementCount = 0
    argumentCount = 0
    elements.value.removeAll(
      keepingCapacity: elements.value.capacity <= 4 * CommandOutput.chunkByteCount)
  }

  // MARK: - The file

  private func passOnIfFull() {
    if chunk.value.count >= CommandOutput.chunkByteCount { passOn() }
  }

  /// Hands everything to the file.
  private func passOn() {
    if failure == nil {
      do throws(DiskError) {
        try sink.write(chunk.value.bytes)
      } catch {
        failure = error
      }
    }
    chunk.value.removeAll(
      keepingCapacity: chunk.value.capacity <= 4 * CommandOutput.chunkByteCount)
  }

  /// Hands the rest to the file.
  ///
  /// - Throws: what went wrong with the file, now or before.
  func finish() throws(DiskError) {
    passOn()
    if let failure { throw failure }
  }
}
