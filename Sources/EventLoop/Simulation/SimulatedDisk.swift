// SPDX-License-Identifier: Apache-2.0

/// Files in memory that can fail, and that know what a power cut would leave of them.
///
/// The rules are those of POSIX and not those of a kind file system: `sync` makes the bytes and the
/// size of its file durable and no name, `syncDirectory` makes durable what was created, renamed
/// and removed in the directory. `crash` takes back a part of the rest, drawn from the seed
/// (`SimulatedCrash`). A rename is one step in every case. After a sync that failed, what it was to
/// write is gone although the next one succeeds ("Can Applications Recover from fsync Failures?",
/// USENIX ATC 2020). The end of a process loses nothing: the system keeps what was written.
///
/// Every call that can fail is an operation with a number; a test makes the k-th one fail, or the
/// process die in it, for every k.
public final class SimulatedDisk: Disk {
  /// What goes wrong from now on.
  public var faults = SimulatedDiskFaults()
  /// Operations so far: opens, reads, writes, syncs, and everything about names.
  public private(set) var operationCount = 0
  /// Whether the process died in an operation: nothing has an effect until the disk is used anew.
  public private(set) var isDead = false
  /// Told of every operation with its path, before it takes place.
  public var observer: ((_ operation: String, _ path: String) -> Void)?
  /// Told when the process dies in an operation.
  public var deathObserver: (() -> Void)?

  /// What happens in an operation that was chosen before.
  private enum Planned {
    case failure(SystemError)
    case death
  }

  private let clock: SimulatedClock?
  private var generator: SeededGenerator
  private var names = SimulatedNames()
  private var plan: [(number: Int, event: Planned)] = []
  private var locks: [(life: Int, file: SimulatedFile)] = []
  private var claims: [(life: Int, file: SimulatedFile)] = []
  /// Files that were opened in another life are closed.
  internal private(set) var life = 0

  /// An empty disk; `clock` is moved by the delays among the faults.
  public init(seed: UInt64 = 0, clock: SimulatedClock? = nil) {
    self.clock = clock
    generator = SeededGenerator(seed: seed)
    super.init()
  }

  // MARK: - For tests

  /// Lets an operation fail; 1 is the next one.
  public func fail(inOperation number: Int, with cause: SystemError = .inputOutput) {
    plan.append((operationCount + number, .failure(cause)))
  }

  /// Lets the process die in an operation, which takes place in part or not at all; 1 is the next
  /// one. Whoever goes on using the disk gets errors and changes nothing.
  public func die(inOperation number: Int) { plan.append((operationCount + number, .death)) }

  /// What a power cut leaves: durable bytes and names, and a part of the others. Open files are
  /// closed, plans forgotten; the disk can be used anew.
  public func crash(_ style: SimulatedCrash = .drawn) {
    names.crash(style, using: &generator)
    for entry in names.entries { entry.node.crash(style, using: &generator) }
    endProcess()
  }

  /// The end of a process on a machine that goes on: open files are closed, nothing is lost, and
  /// what was not synced still isn't. The disk can be used anew.
  public func endProcess() {
    life += 1
    isDead = false
    plan = []
  }

  /// The process ends here and now; like a death in an operation.
  public func die() {
    guard !isDead else { return }
    isDead = true
    deathObserver?()
  }

  /// The bytes that the files have together.
  public var usedByteCount: Int { names.entries.reduce(0) { $0 + $1.node.bytes.count } }

  /// All paths, sorted, past all faults.
  public var paths: [String] { names.entries.map(\.path) }

  /// The content of a file, past all faults; nil if it isn't there.
  public func content(of path: String) -> [UInt8]? { followed(path)?.bytes }

  /// Gives a file a content, past all faults and durable at once.
  public func setContent(_ bytes: [UInt8], of path: String) {
    setDurably(SimulatedNode(.file, durable: bytes), path)
  }

  /// Makes a directory, past all faults and durable at once.
  public func setDirectory(_ path: String) {
    if names[path] == nil { setDurably(SimulatedNode(.directory), path) }
  }

  /// Makes a symbolic link, past all faults and durable at once.
  public func plantLink(at path: String, to target: String) {
    setDurably(SimulatedNode(.link(target)), path)
  }

  private func setDurably(_ node: SimulatedNode, _ path: String) {
    names.set(path, node)
    names.sync(directory: Disk.directory(of: path))
  }

  // MARK: - Operations

  /// Counts an operation and lets it take its time; throws if it is to fail.
  internal func begin(
    _ operation: String, _ path: String, changes: Bool = true
  ) throws(DiskError) {
    func failure(_ cause: SystemError) -> DiskError {
      DiskError(operation: operation, path: path, cause: cause)
    }
    if isDead { throw failure(.inputOutput) }
    operationCount += 1
    observer?(operation, path)
    clock?.advance(nanoseconds: faults.delayNanoseconds)
    if !plan.isEmpty, let index = plan.firstIndex(where: { $0.number == operationCount }) {
      switch plan.remove(at: index).event {
      case .failure(let cause): throw failure(cause)
      case .death:
        die()
        throw failure(.inputOutput)
      }
    }
    if changes, faults.isReadOnly { throw failure(.readOnly) }
    if generator.happens(perMillion: faults.failuresPerMillion) { throw failure(.inputOutput) }
  }

  /// How many of so many bytes a write may take; nil if the disk is full.
  internal func room(for byteCount: Int) -> Int? {
    if faults.capacityByteCount == .max {
      return min(byteCount, max(1, faults.writtenByteCountMax))
    }
    let free = faults.capacityByteCount - usedByteCount
    return free > 0 ? min(byteCount, free, max(1, faults.writtenByteCountMax)) : nil
  }

  /// How many of so many bytes a write gets done in which the process dies.
  internal func part(of byteCount: Int) -> Int {
    Int(generator.number(in: 0...Int64(byteCount)))
  }

  /// A sync of a file or a directory: `work` makes durable, `loss` is called if it fails.
  internal func sync(
    _ path: String, work: () -> Void, loss: () -> Void
  ) throws(DiskError) {
    func failed(_ error: DiskError) -> DiskError {
      if !isDead { loss() }
      return error
    }
    do throws(DiskError) { try begin("fsync", path) } catch { throw failed(error) }
    clock?.advance(nanoseconds: generator.number(in: faults.syncDelayNanoseconds))
    if faults.failsSync {
      throw failed(DiskError(operation: "fsync", path: path, cause: .inputOutput))
    }
    if !faults.liesAboutSync { work() }
  }

  // MARK: - Paths

  /// What a path stands for in the end, and under which name; nil in a circle of links.
  private func resolve(_ path: String) -> (path: String, node: SimulatedNode?)? {
    var path = path
    for _ in 0..<40 {
      guard let node = names[path], case .link(let target) = node.kind else {
        return (path, names[path])
      }
      let directory = Disk.directory(of: path)
      path =
        target.hasPrefix("/") || directory == "."
        ? target : directory == "/" ? "/" + target : directory + "/" + target
    }
    return nil
  }

  private func followed(_ path: String) -> SimulatedNode? { resolve(path)?.node }

  // MARK: - Disk

  /// `.create` keeps the node and empties it, as the system does; `.replace` makes another one.
  public override func open(_ path: String, _ mode: DiskMode) throws(DiskError) -> DiskFile {
    func failure(_ cause: SystemError) -> DiskError {
      DiskError(operation: "open", path: path, cause: cause)
    }
    try begin("open", path, changes: mode != .read)
    if faults.failsOpen { throw failure(.accessDenied) }
    if mode == .create, case .link = names[path]?.kind { throw failure(.tooManyLinks) }
    if mode == .replace { names.set(path, SimulatedNode()) }
    guard let found = resolve(path) else { throw failure(.tooManyLinks) }
    guard let node = found.node ?? made(found.path, mode) else { throw failure(.missing) }
    if node.kind == .directory, mode != .read { throw failure(.isDirectory) }
    if mode == .create { node.truncate(to: 0) }
    return SimulatedFile(path: path, disk: self, node: node, mode: mode)
  }

  private func made(_ path: String, _ mode: DiskMode) -> SimulatedNode? {
    if mode == .read { return nil }
    let node = SimulatedNode()
    names.set(path, node)
    return node
  }

  /// Files and directories; links are followed.
  public override func exists(_ path: String) -> Bool {
    followed(path) != nil || isDirectory(path)
  }

  /// Made directories, and every directory that a file is in.
  public override func isDirectory(_ path: String) -> Bool {
    path == "." || path == "/" || followed(path)?.kind == .directory
      || names.entries.contains { Disk.directory(of: $0.path) == path }
  }

  /// The size that readers see.
  public override func byteCount(of path: String) throws(DiskError) -> Int {
    try begin("stat", path, changes: false)
    guard let node = followed(path) else {
      throw DiskError(operation: "stat", path: path, cause: .missing)
    }
    return node.bytes.count
  }

  /// Open files keep their bytes; a link goes, not what it points to.
  public override func remove(_ path: String) throws(DiskError) {
    try begin("unlink", path)
    guard let node = names[path] else {
      throw DiskError(operation: "unlink", path: path, cause: .missing)
    }
    if node.kind == .directory {
      throw DiskError(operation: "unlink", path: path, cause: .isDirectory)
    }
    names.set(path, nil)
  }

  /// One step, also in a crash; a link that has the target's name is replaced.
  public override func rename(_ source: String, to target: String) throws(DiskError) {
    try begin("rename", source)
    func failure(_ cause: SystemError) -> DiskError {
      DiskError(operation: "rename", path: source, cause: cause)
    }
    if faults.failsRename { throw failure(.inputOutput) }
    guard let node = names[source] else { throw failure(.missing) }
    if names[target]?.kind == .directory, node.kind != .directory { throw failure(.isDirectory) }
    names.rename(source, to: target)
  }

  /// Durable when the directory that it is in is synced, as everything in it only is then.
  public override func makeDirectory(_ path: String) throws(DiskError) {
    try begin("mkdir", path)
    if names[path] == nil { names.set(path, SimulatedNode(.directory)) }
  }

  /// A lock of this life of the disk: its process's end gives it back.
  public override func lock(directory path: String) throws(DiskError) -> DiskFile {
    try begin("flock", path, changes: false)
    guard isDirectory(path) else {
      throw DiskError(operation: "flock", path: path, cause: .missing)
    }
    locks.removeAll { $0.life != life || $0.file.isClosed }
    guard !locks.contains(where: { $0.file.path == path }) else {
      throw DiskError(operation: "flock", path: path, cause: .locked)
    }
    let file = SimulatedFile(
      path: path, disk: self, node: SimulatedNode(.directory), mode: .read)
    locks.append((life, file))
    return file
  }

  /// A claim of this life of the disk.
  public override func claim(_ path: String) throws(DiskError) -> DiskClaim {
    try begin("fcntl", path, changes: false)
    guard isDirectory(Disk.directory(of: path)) else {
      throw DiskError(operation: "fcntl", path: path, cause: .missing)
    }
    claims.removeAll { $0.life != life || $0.file.isClosed }
    let isShared = claims.contains { $0.file.path == path }
    let file = SimulatedFile(
      path: path, disk: self, node: SimulatedNode(.directory), mode: .read)
    claims.append((life, file))
    return DiskClaim(file: file, isShared: isShared)
  }

  /// Files, links and made directories.
  public override func names(inDirectory path: String) throws(DiskError) -> [String] {
    try begin("opendir", path, changes: false)
    let directory = resolve(path)?.path ?? path
    return names.entries.filter { Disk.directory(of: $0.path) == directory }.map { entry in
      let prefix = directory == "." ? 0 : directory == "/" ? 1 : directory.utf8.count + 1
      return String(decoding: entry.path.utf8.dropFirst(prefix), as: UTF8.self)
    }
  }

  /// Makes creations, renames and removals in the directory durable; on a failure they may be lost
  /// or not.
  public override func syncDirectory(_ path: String) throws(DiskError) {
    try sync(path, work: { names.sync(directory: path) }, loss: {})
  }
}
