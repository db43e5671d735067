// SPDX-License-Identifier: Apache-2.0

/// The bytes of a simulated file, whatever its names are.
internal final class SimulatedNode {
  /// What readers see.
  var bytes: [UInt8] = []
  /// How many of them survive a crash for sure.
  var syncedByteCount = 0

  /// Cuts, or fills up with zeros.
  func truncate(to byteCount: Int) {
    if byteCount < bytes.count {
      bytes.removeLast(bytes.count - byteCount)
    } else {
      bytes.append(contentsOf: repeatElement(0, count: byteCount - bytes.count))
    }
    syncedByteCount = min(syncedByteCount, byteCount)
  }

  /// Loses a part of what was not synced.
  func crash(using generator: inout SeededGenerator) {
    let kept = generator.number(in: Int64(syncedByteCount)...Int64(bytes.count))
    truncate(to: Int(kept))
    syncedByteCount = bytes.count
  }
}

/// An open file of a simulated disk.
internal final class SimulatedFile: DiskFile, @unchecked Sendable {
  private let disk: SimulatedDisk
  private let node: SimulatedNode
  private let mode: DiskMode
  private var position = 0
  private var isOpen = true

  init(path: String, disk: SimulatedDisk, node: SimulatedNode, mode: DiskMode) {
    self.disk = disk
    self.node = node
    self.mode = mode
    super.init(path: path)
  }

  private func failure(_ operation: String, _ cause: SystemError) -> DiskError {
    DiskError(operation: operation, path: path, cause: cause)
  }

  private func checkOpen(_ operation: String) throws(DiskError) {
    if !isOpen { throw failure(operation, .badDescriptor) }
  }

  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int {
    try checkOpen("read")
    disk.delay()
    let start = min(position, node.bytes.count)
    let count = min(buffer.count, node.bytes.count - start)
    unsafe buffer.copyBytes(from: node.bytes[start..<start + count])
    position = start + count
    return count
  }

  override func writeSome(_ bytes: UnsafeRawBufferPointer) throws(DiskError) -> Int {
    try checkOpen("write")
    if mode == .read { throw failure("write", .badDescriptor) }
    disk.delay()
    if disk.faults.failsWrite { throw failure("write", .inputOutput) }
    if bytes.count == 0 { return 0 }
    guard let count = disk.room(for: bytes.count) else { throw failure("write", .noSpace) }
    if mode == .append { position = node.bytes.count }
    if position > node.bytes.count { node.truncate(to: position) }
    let end = min(position + count, node.bytes.count)
    node.bytes.replaceSubrange(position..<end, with: unsafe Array(bytes[..<count]))
    position += count
    return count
  }

  override func sync() throws(DiskError) {
    try checkOpen("fsync")
    disk.delay()
    if disk.faults.failsSync { throw failure("fsync", .inputOutput) }
    node.syncedByteCount = node.bytes.count
    disk.makeDirectoryChangesDurable()
  }

  override func truncate(to byteCount: Int) throws(DiskError) {
    try checkOpen("ftruncate")
    node.truncate(to: max(0, byteCount))
  }

  override func seek(to offset: Int) throws(DiskError) {
    try checkOpen("lseek")
    position = max(0, offset)
  }

  override func byteCount() throws(DiskError) -> Int {
    try checkOpen("fstat")
    return node.bytes.count
  }

  override func close() { isOpen = false }
}
