// SPDX-License-Identifier: Apache-2.0
// Fuzz modules: RESP DataStructures PubSub EventLoop memd

import DataStructures
import EventLoop
import RESP

@testable import memd

// An RDB file, whatever its bytes, is loaded or refused, and `memd --check-rdb` says the same. What
// was loaded can be walked, loaded in pieces over itself, saved and loaded again, and then is the
// same. A disk that fails in the middle harms nothing.
//
// The last byte, which belongs to a checksum that nobody looks at, chooses what is done beside
// that.

nonisolated(unsafe) private var server = FuzzServer()

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: data, count: count))
  let choice = Int(bytes.last ?? 0)
  server.prepare(choice)
  let isLoaded = server.load(bytes)
  let reason = server.lastLine
  compareWithCheck(bytes, isLoaded, reason)
  if isLoaded { checkLoaded(bytes, choice) }
  server.empty()
  if choice & 4 != 0 {
    server.disk.fail(inOperation: choice >> 3 + 1)
    _ = server.load(bytes)
    server.disk.endProcess()
    server.empty()
  }
  return 0
}

/// The check finds what loading finds, but not a key that is there twice, and not what there is no
/// room for.
private func compareWithCheck(_ bytes: [UInt8], _ isLoaded: Bool, _ reason: String) {
  let (code, text) = server.check(bytes)
  if text.contains("RDB CRC error") { return }
  let isNoticed = !reason.contains("is in the RDB twice") && !reason.contains("fewer databases")
  precondition((code == 0) == isLoaded || !isNoticed, "the check says something else: \(reason)")
}

private func checkLoaded(_ bytes: [UInt8], _ choice: Int) {
  let digest = server.digest
  var options = RDBLoader.Options()
  options.replaces = true
  options.announcesExpired = choice & 2 != 0
  precondition(server.load(bytes, options), "what was loaded can't be loaded over itself")
  precondition(server.digest == digest, "the same file is something else")
  if choice & 2 != 0, server.hasKeys {
    precondition(!server.load(bytes), "a key is there already")
    precondition(server.digest == digest, "who is refused changes something")
  }
  server.dump()
  precondition(server.server.save(), "what was loaded can't be saved")
  let saved = server.disk.content(of: "dump.rdb") ?? []
  if choice & 1 != 0 { failToSave(saved, choice) }
  server.empty()
  precondition(server.load(saved), "what was saved can't be loaded")
  precondition(server.digest == digest, "a round trip loses something")
}

/// A save that fails leaves the file that was there, or the new one, which is the same.
private func failToSave(_ saved: [UInt8], _ choice: Int) {
  server.disk.fail(inOperation: choice >> 3 + 1)
  _ = server.server.save()
  server.disk.endProcess()
  precondition(server.disk.content(of: "dump.rdb")?.count == saved.count, "the file is gone")
}

/// A server in simulation, used for all inputs.
private final class FuzzServer {
  let disk = SimulatedDisk()
  private let clock = SimulatedClock()
  private let transport: SimulatedTransport
  private var events = EventList()
  /// What the server says goes to a disk of its own, which never fails.
  private let logDisk = SimulatedDisk()
  private let helpers: SimulatedHelpers
  private var loadsInSlices = false
  let server: Server

  init() {
    transport = SimulatedTransport(clock: clock, seed: 1)
    helpers = SimulatedHelpers(transport: transport, seed: 1)
    let world = World(clock: clock, transport: transport, disk: disk, helpers: helpers, seed: 1)
    let log = Log(destination: .file("log", logDisk))
    log.level = .warning
    server = Server(configuration: Configuration(), world: world, log: log)
  }

  /// Sets what an input has chosen.
  func prepare(_ choice: Int) {
    // Takes what helpers have sent to the loop, which isn't there.
    transport.wait(timeoutNanoseconds: 0, into: &events)
    server.configuration.rdbCompression = choice & 128 != 0
    server.keyspace.moment.countsAccesses = choice & 64 != 0
    disk.faults.readByteCountMax = choice & 32 != 0 ? choice + 1 : .max
    loadsInSlices = choice & 16 != 0
    logDisk.setContent([], of: "log")
  }

  /// Loads a file; false if it is refused. Its checksum doesn't count.
  func load(_ bytes: [UInt8], _ options: RDBLoader.Options = RDBLoader.Options()) -> Bool {
    disk.setContent(bytes, of: "dump.rdb")
    var options = options
    options.verifiesChecksum = false
    var isLoaded = false
    server.startLoading(options) { isLoaded = $0 }
    while loadsInSlices, server.persistence.loading != nil {
      server.continueLoading()
      helpers.drain(.snapshot)
    }
    server.finishLoading()
    return isLoaded
  }

  /// What `memd --check-rdb` says of a file.
  func check(_ bytes: [UInt8]) -> (code: Int32, text: String) {
    disk.setContent(bytes, of: "dump.rdb")
    var text = ""
    let code = RDBCheck.run(path: "dump.rdb", disk: disk, clock: clock) { text += $0 + "\n" }
    return (code, text)
  }

  /// What the server has said last.
  var lastLine: String {
    String(decoding: logDisk.content(of: "log") ?? [], as: UTF8.self)
  }

  var digest: String { DatasetDigest(server.keyspace).text }

  /// Writes the value of each key alone, as DUMP does.
  func dump() {
    for database in server.keyspace.databases {
      database.contents.table.forEach { entry in
        let payload = DumpPayload.make(of: entry, compresses: false)
        precondition(!payload.isEmpty)
      }
    }
  }

  var hasKeys: Bool { server.keyspace.databases.contains { $0.count > 0 } }

  /// Removes all keys.
  func empty() { _ = server.keyspace.flushAll(lazily: false) }
}
