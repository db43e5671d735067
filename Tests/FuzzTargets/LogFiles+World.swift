// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

@testable import memd

/// A disk and a server in simulation, used for all inputs.
final class FuzzWorld {
  let disk = SimulatedDisk()
  let clock = SimulatedClock()
  private let transport: SimulatedTransport
  private var events = EventList()
  /// What the server says goes to a disk of its own, which never fails.
  private let logDisk = SimulatedDisk()
  let server: Server

  static let directory = "appendonlydir/"
  static let manifestPath = directory + "appendonly.aof.manifest"

  init() {
    transport = SimulatedTransport(clock: clock, seed: 1)
    let configuration = Configuration()
    configuration.rdbCompression = false
    let world = World(
      clock: clock, transport: transport, disk: disk,
      helpers: SimulatedHelpers(transport: transport, seed: 1), seed: 1)
    let log = Log(destination: .file("log", logDisk))
    log.level = .warning
    server = Server(configuration: configuration, world: world, log: log)
    disk.setDirectory("appendonlydir")
  }

  /// Puts a log on the disk, and nothing else.
  func put(_ files: [(name: String, bytes: [UInt8])], manifest: [UInt8]) {
    // Takes what helpers have sent to the loop, which isn't there.
    transport.wait(timeoutNanoseconds: 0, into: &events)
    disk.endProcess()
    disk.faults = SimulatedDiskFaults()
    for path in disk.paths where !disk.isDirectory(path) { try? disk.remove(path) }
    for file in files { disk.setContent(file.bytes, of: Self.directory + file.name) }
    disk.setContent(manifest, of: Self.manifestPath)
  }

  /// Loads the log; false if it is refused.
  func load(cutsTorn: Bool, dropsDamage: Bool) -> Bool {
    logDisk.setContent([], of: "log")
    server.configuration.aofLoadTruncated = cutsTorn
    server.configuration.aofLoadCorruptTailMaxSize = dropsDamage ? .max : 0
    server.appendLog.loadedEnd = nil
    return server.reloadLog()
  }

  /// Whether the server has said something since the last load began.
  func hasSaid(_ text: StaticString) -> Bool {
    let said = logDisk.content(of: "log") ?? []
    let text = ByteText(text).bytes
    return said.indices.contains { said[$0] == text[0] && said[$0...].starts(with: text) }
  }

  /// The letters that units have appended.
  var letters: [UInt8] {
    let database = server.keyspace.databases[0]
    let key = Key(Array("u".utf8).rawSpan, seed: database.seed)
    guard let entry = database.find(key), entry.header.isString else { return [] }
    var scratch = DecimalScratch()
    return StringValue(entry).text(&scratch).copied
  }

  /// `memd --check-aof`, which is agreed to; the exit code and what was printed.
  func check(_ path: String = manifestPath, fixes: Bool = false, timestampMax: Int? = nil)
    -> (code: Int32, text: String)
  {
    var text = ""
    let code = LogCheck.run(
      path: path, options: LogCheck.Options(fixes: fixes, timestampMax: timestampMax),
      tools: LogCheck.Tools(
        disk: disk, clock: clock, write: { text += $0 + "\n" }, confirm: { _ in true }))
    return (code, text)
  }
}

nonisolated(unsafe) let world = FuzzWorld()

/// An RDB such as a log begins with.
let snapshot: [UInt8] = {
  let other = FuzzWorld()
  let commands = [
    ["SET", "string", "value"], ["RPUSH", "list", "1", "b"], ["HSET", "hash", "f", "v"],
    ["SELECT", "3"], ["ZADD", "zset", "1.5", "m"],
  ]
  let text = commands.map { words in
    "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
  }
  let name = "appendonly.aof.1.incr.aof"
  other.put(
    [(name, Array(text.joined().utf8))], manifest: Array("file \(name) seq 1 type i\n".utf8))
  precondition(other.load(cutsTorn: false, dropsDamage: false) && other.server.save())
  return other.disk.content(of: "dump.rdb") ?? []
}()
