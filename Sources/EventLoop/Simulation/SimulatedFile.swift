// SPDX-License-Identifier: Apache-2.0

/// An open file of a simulated disk.
internal final class SimulatedFile: DiskFile, @unchecked Sendable {
  private let disk: SimulatedDisk
  private let node: SimulatedNode
  private let mode: DiskMode
  private let life: Int
  private var position = 0
  internal private(set) var isClosed = false

  init(path: String, disk: SimulatedDisk, node: SimulatedNode, mode: DiskMode) {
    self.disk = disk
    self.node = node
    self.mode = mode
    life = disk.life
    super.init(path: path)
  }

  private func failure(_ operation: String, _ cause: SystemError) -> DiskError {
    DiskError(operation: operation, path: path, cause: cause)
  }

  private func checkOpen(_ operation: String) throws(DiskError) {
    if isClosed || life != disk.life { throw failure(operation, .badDescriptor) }
  }

  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int {
    try checkOpen("read")
    try disk.begin("read", path, changes: false)
    if disk.faults.failsRead { throw failure("read", .inputOutput) }
    let start = min(position, node.bytes.count)
    let count = min(buffer.count, node.bytes.count - start, max(1, disk.faults.readByteCountMax))
    unsafe buffer.copyBytes(from: node.bytes[start..<start + count])
    position = start + count
    return count
  }

  override func writeSome(_ bytes: UnsafeRawBufferPointer) throws(DiskError) -> Int {
    try checkOpen("write")
    if mode == .read { throw failure("write", .badDescriptor) }
    let wasDead = disk.isDead
    do throws(DiskError) {
      try disk.begin("write", path)
    } catch {
      if disk.isDead, !wasDead { put(unsafe Array(bytes[..<disk.part(of: bytes.count)])) }
      throw error
    }
    if disk.faults.failsWrite { throw failure("write", .inputOutput) }
    if bytes.count == 0 { return 0 }
    guard let count = disk.room(for: bytes.count) else { throw failure("write", .noSpace) }
    put(unsafe Array(bytes[..<count]))
    return count
  }

  private func put(_ bytes: [UInt8]) {
    if mode == .append { position = node.bytes.count }
    node.write(bytes, at: position)
    position += bytes.count
  }

  override func sync() throws(DiskError) {
    try checkOpen("fsync")
    try disk.sync(
      path, work: { node.sync() },
      loss: { node.failSync(forgetsPages: disk.faults.failedSyncForgetsPages) })
  }

  override func truncate(to byteCount: Int) throws(DiskError) {
    try checkOpen("ftruncate")
    if mode == .read { throw failure("ftruncate", .invalidArgument) }
    try disk.begin("ftruncate", path)
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

  override func close() { isClosed = true }
}
