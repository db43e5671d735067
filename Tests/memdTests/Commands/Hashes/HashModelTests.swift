// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct HashModelTests {
  /// Every server has a follower that must hold the same after each command.
  @Test(arguments: 1...12)
  func `random commands leave what a dictionary of dictionaries has`(_ seed: UInt64) {
    var model = HashModel(seed: seed)
    let server = TestServer(seed: seed) {
      $0.hashMaxListpackEntries = [512, 4, 0][Int(seed % 3)]
      $0.activeExpireEnabled = seed % 2 == 0
    }
    let bytesBefore = server.server.allocator.bytesInUse
    for number in 0..<500 {
      model.now = server.now
      if model.draw(8) == 0 {
        move(&model, server)
      } else {
        let step = model.step()
        let reply = server.run(step.words)
        #expect(reply == step.reply, "\(step.words), step \(number), seed \(seed)")
      }
      if model.draw(3) == 0 {
        server.advance(milliseconds: Int64([1, 2, 30, 400][model.draw(4)]))
        model.now = server.now
      }
      HashModelTests.compare(model, server, "step \(number), seed \(seed)")
    }
    server.server.configuration.activeExpireEnabled = true
    server.advance(milliseconds: 100_000)
    model.now = server.now
    HashModelTests.compare(model, server, "at the end, seed \(seed)")
    #expect(server.server.keyspace.databases[0].fieldExpiringCount == 0, "seed \(seed)")
    // A database that is empty anyway would keep what it has allocated.
    for line in ["SET k v", "SELECT 1", "SET k v", "FLUSHALL"] { server.run(line) }
    while !server.server.keyspace.unlinked.isEmpty { server.turn() }
    #expect(server.server.allocator.bytesInUse == bytesBefore, "something leaks, seed \(seed)")
  }

  /// Something happens to a whole hash.
  private func move(_ model: inout HashModel, _ server: TestServer) {
    let (source, target) = (model.key(), model.key())
    guard source != target, !model.visible(source).isEmpty else { return }
    switch model.draw(5) {
    case 0:
      server.run("RENAME \(source) \(target)")
      model.rename(source, to: target)
    case 1:
      server.run("COPY \(source) \(target) REPLACE")
      model.copy(source, to: target)
    case 2:
      server.run("DEL \(source)")
      model.remove(source)
    case 3:
      server.run("MOVE \(source) 1")
      server.run("SWAPDB 0 1")
      server.run("MOVE \(source) 1")
      server.run("SWAPDB 0 1")
    default:
      server.run("PEXPIRE \(source) 1000000000")
      server.run("PERSIST \(source)")
    }
  }

  private static func compare(_ model: HashModel, _ server: TestServer, _ place: String) {
    for number in 0..<3 {
      let key = "h\(number)"
      let expected = model.visible(key).map { "\($0.key)=\($0.value.value)" }.sorted()
      let elements = server.run("HGETALL \(key)").elements
      var actual: [String] = []
      for index in stride(from: 0, to: elements.count - 1, by: 2) {
        actual.append("\(elements[index].text)=\(elements[index + 1].text)")
      }
      #expect(actual.sorted() == expected, "\(key), \(place)")
      #expect(server.run("HLEN \(key)") == .integer(expected.count), "\(key), \(place)")
      let sampled = server.run("HRANDFIELD \(key) -3").elements
      #expect(sampled.count == (expected.isEmpty ? 0 : 3), "\(key), \(place)")
      for field in sampled { #expect(model.visible(key)[field.text] != nil, "\(key), \(place)") }
    }
    for database in server.server.keyspace.databases { database.checkFieldIndex() }
  }
}

extension Database {
  /// Stops if the wheel of fields doesn't know exactly those hashes that have fields which expire.
  func checkFieldIndex() {
    contents.fieldExpirations.checkInvariants()
    var count = 0
    contents.table.forEach { entry in
      guard entry.header.type == .hash else { return }
      let hash = HashValue(entry)
      if hash.isTable { hash.table.pointee.checkInvariants() }
      guard let deadline = hash.earliestDeadline else {
        #expect(entry.hashExpiration?.isFiled != true)
        return
      }
      count += 1
      #expect(entry.hashExpiration?.isFiled == true)
      #expect(entry.hashExpiration?.deadline == deadline)
    }
    #expect(count == fieldExpiringCount)
  }
}
