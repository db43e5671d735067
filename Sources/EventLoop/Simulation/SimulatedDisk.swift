// SPDX-License-Identifier: Apache-2.0

/// What a simulated disk does wrong; all off at first.
public struct SimulatedDiskFaults: Sendable {
  /// The bytes that fit on the disk; a write beyond takes what fits, the next fails with ENOSPC.
  public var capacityByteCount = Int.max
  /// The most bytes that one write takes.
  public var writtenByteCountMax = Int.max
  /// Every sync fails with EIO; what was written since the last one may be lost.
  public var failsSync = false
  /// Every write fails with EIO.
  public var failsWrite = false
  /// Every open fails with EACCES.
  public var failsOpen = false
  /// Every rename fails with EIO.
  public var failsRename = false
  /// How long a write, a sync or a read lasts; the clock of the disk is moved by it.
  public var delayNanoseconds: Int64 = 0

  /// No faults.
  public init() {}
}

/// Files in memory that can fail, and that know what a power cut would leave of them.
///
/// Durability is that of a journalling file system: `sync` makes the bytes of its file durable, and
/// all creations, renames and removals made before; `crash()` takes back a part of the rest, drawn
/// from the seed: unsynced bytes from the end, directory changes from the last one backwards.
public final class SimulatedDisk: Disk {
  /// What goes wrong from now on.
  public var faults = SimulatedDiskFaults()

  private typealias Entries = [(path: String, node: SimulatedNode)]

  private let clock: SimulatedClock?
  private var generator: SeededGenerator
  private var entries: Entries = []
  private var directories: [String] = []
  /// Symbolic links, which survive everything but their removal.
  private var links: [(path: String, target: String)] = []
  /// The states of `entries` that a crash may leave: the durable one, then one per change since.
  private var journal: [Entries] = [[]]

  /// An empty disk; `clock` is moved by `faults.delayNanoseconds`.
  public init(seed: UInt64 = 0, clock: SimulatedClock? = nil) {
    self.clock = clock
    generator = SeededGenerator(seed: seed)
    super.init()
  }

  // MARK: - For tests

  /// What a power cut leaves: durable bytes, and a part of the others. Open files are dead.
  public func crash() {
    let survivor = Int(generator.number(in: 0...Int64(journal.count - 1)))
    entries = journal[survivor]
    journal = [entries]
    for entry in entries { entry.node.crash(using: &generator) }
  }

  /// The bytes that the files have together.
  public var usedByteCount: Int { entries.reduce(0) { $0 + $1.node.bytes.count } }

  /// The content of a file, past all faults; nil if it isn't there.
  public func content(of path: String) -> [UInt8]? { node(path)?.bytes }

  /// Gives a file a content, past all faults and durable at once.
  public func setContent(_ bytes: [UInt8], of path: String) {
    let node = SimulatedNode()
    node.bytes = bytes
    node.syncedByteCount = bytes.count
    replace(path, with: node)
    makeDirectoryChangesDurable()
  }

  /// Makes a symbolic link.
  public func plantLink(at path: String, to target: String) { links.append((path, target)) }

  private func removeLink(at path: String) -> Bool {
    let before = links.count
    links.removeAll { $0.path == path }
    return links.count < before
  }

  // MARK: - Entries, sorted by path

  private func position(of path: String) -> (index: Int, isFound: Bool) {
    let index =
      entries.firstIndex { !$0.path.utf8.lexicographicallyPrecedes(path.utf8) } ?? entries.count
    return (index, index < entries.count && entries[index].path == path)
  }

  private func node(_ path: String) -> SimulatedNode? {
    let (index, isFound) = position(of: path)
    return isFound ? entries[index].node : nil
  }

  private func replace(_ path: String, with node: SimulatedNode) {
    let (index, isFound) = position(of: path)
    if isFound { entries[index].node = node } else { entries.insert((path, node), at: index) }
    journal.append(entries)
  }

  /// Everything done to directories so far survives a crash.
  internal func makeDirectoryChangesDurable() { journal = [entries] }

  // MARK: - For open files

  /// Lets the time of one operation pass.
  internal func delay() { clock?.advance(nanoseconds: faults.delayNanoseconds) }

  /// How many of so many bytes a write may take; nil if the disk is full.
  internal func room(for byteCount: Int) -> Int? {
    let free = faults.capacityByteCount - usedByteCount
    return free > 0 ? min(byteCount, free, max(1, faults.writtenByteCountMax)) : nil
  }

  // MARK: - Disk

  /// `.create` keeps the node and empties it, as the system does; `.replace` makes another one.
  public override func open(_ path: String, _ mode: DiskMode) throws(DiskError) -> DiskFile {
    if faults.failsOpen {
      throw DiskError(operation: "open", path: path, cause: .accessDenied)
    }
    var path = path
    if mode == .replace { _ = removeLink(at: path) }
    if let link = links.first(where: { $0.path == path }) {
      if mode == .create {
        throw DiskError(operation: "open", path: path, cause: .tooManyLinks)
      }
      path = link.target
    }
    if mode == .read && node(path) == nil {
      throw DiskError(operation: "open", path: path, cause: .missing)
    }
    if node(path) == nil || mode == .replace { replace(path, with: SimulatedNode()) }
    guard let node = node(path) else {
      throw DiskError(operation: "open", path: path, cause: .missing)
    }
    if mode == .create { node.truncate(to: 0) }
    return SimulatedFile(path: path, disk: self, node: node, mode: mode)
  }

  /// Files and directories.
  public override func exists(_ path: String) -> Bool { node(path) != nil || isDirectory(path) }

  /// Made directories, and every directory that a file is in.
  public override func isDirectory(_ path: String) -> Bool {
    path == "." || path == "/" || directories.contains(path)
      || entries.contains { Disk.directory(of: $0.path) == path }
  }

  /// The size that readers see.
  public override func byteCount(of path: String) throws(DiskError) -> Int {
    guard let node = node(path) else {
      throw DiskError(operation: "stat", path: path, cause: .missing)
    }
    return node.bytes.count
  }

  /// Open files keep their bytes.
  public override func remove(_ path: String) throws(DiskError) {
    if removeLink(at: path) { return }
    let (index, isFound) = position(of: path)
    guard isFound else { throw DiskError(operation: "unlink", path: path, cause: .missing) }
    entries.remove(at: index)
    journal.append(entries)
  }

  /// One step, also in a crash.
  public override func rename(_ source: String, to target: String) throws(DiskError) {
    if faults.failsRename {
      throw DiskError(operation: "rename", path: source, cause: .inputOutput)
    }
    let (index, isFound) = position(of: source)
    guard isFound else { throw DiskError(operation: "rename", path: source, cause: .missing) }
    let node = entries.remove(at: index).node
    _ = removeLink(at: target)
    replace(target, with: node)
  }

  /// Remembered for ever.
  public override func makeDirectory(_ path: String) throws(DiskError) {
    if !directories.contains(path) { directories.append(path) }
  }

  /// The files in a directory; made directories are not listed.
  public override func names(inDirectory path: String) throws(DiskError) -> [String] {
    entries.filter { Disk.directory(of: $0.path) == path }.map { entry in
      path == "." ? entry.path : String(entry.path.dropFirst(path == "/" ? 1 : path.count + 1))
    }
  }

  /// Makes creations, renames and removals durable.
  public override func syncDirectory(_ path: String) throws(DiskError) {
    delay()
    if faults.failsSync { throw DiskError(operation: "fsync", path: path, cause: .inputOutput) }
    makeDirectoryChangesDurable()
  }
}
