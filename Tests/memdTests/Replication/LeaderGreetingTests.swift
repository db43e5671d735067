// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// What a follower makes of its leader's lines.
@Suite struct LeaderGreetingTests {
  private let disk = SimulatedDisk(seed: 1, clock: SimulatedClock())
  private static let id = String(repeating: "a1", count: 20)

  private func greeting(
    user: ByteText = "", password: ByteText = "", address: ByteText = ""
  ) -> LeaderGreeting {
    LeaderGreeting(
      LeaderGreeting.Introduction(
        user: user, password: password, port: 6380, address: address, version: "7.4.0"))
  }

  private static let about: [[ByteText]] = [
    ["REPLCONF", "listening-port", "6380"],
    ["REPLCONF", "capa", "eof", "capa", "psync2", "capa", "memd-verify"],
    ["REPLCONF", "version", "7.4.0"],
  ]

  @Test(arguments: ["+PONG", "-NOAUTH Authentication required.", "-NOPERM no", "+anything"])
  func `any answer to PING that doesn't turn us away leads on`(line: String) {
    var greeting = greeting()
    #expect(greeting.receive(ByteText(line)) == .send(Self.about))
    #expect(greeting.receive("+OK") == .wait)
    #expect(greeting.receive("-ERR Unrecognized REPLCONF option: capa") == .wait)
    #expect(greeting.receive("+OK") == .complete)
    #expect(
      greeting.takeRemarks() == [
        "(Non critical) Master does not understand REPLCONF capa: "
          + "-ERR Unrecognized REPLCONF option: capa"
      ])
    #expect(
      greeting.receive("+OK") == .refusal(.init(reason: "Unexpected reply from MASTER: '+OK'")))
  }

  @Test(arguments: [
    "-ERR max number of clients reached", "-DENIED protected", "-LOADING", "HTTP/1.0 400",
  ])
  func `whatever is no reply turns us away`(line: String) {
    var greeting = greeting()
    #expect(
      greeting.receive(ByteText(line))
        == .refusal(.init(reason: ByteText("Error reply to PING from master: '\(line)'"))))
  }

  @Test func `a password comes first, with a user's name if there is one`() {
    var named = greeting(user: "u", password: "p", address: "10.0.0.1")
    #expect(
      named.receive("+PONG")
        == .send(
          [["AUTH", "u", "p"], Self.about[0], ["REPLCONF", "ip-address", "10.0.0.1"]]
            + Self.about[1...]))
    var nameless = greeting(password: "p")
    #expect(nameless.receive("+PONG") == .send([["AUTH", "p"]] + Self.about))
    for _ in 0..<3 { #expect(nameless.receive("+OK") == .wait) }
    #expect(nameless.receive("+OK") == .complete)
  }

  @Test(arguments: [
    ("-WRONGPASS invalid username-password pair", "'masterauth', and 'masteruser'"),
    ("-ERR AUTH <password> called without any password configured", "the leader has no password"),
  ])
  func `a password that is refused is told with what helps`(line: String, remedy: String) {
    var greeting = greeting(user: "u", password: "p")
    _ = greeting.receive("+PONG")
    guard case .refusal(let refusal) = greeting.receive(ByteText(line)) else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.reason == ByteText("Unable to AUTH to MASTER: \(line)"))
    #expect(refusal.remedy?.hasPrefix(remedy) == true)
  }

  @Test func `answers to PSYNC`() {
    let id = ByteText(Self.id)
    let answers: [(String, PartialSyncAnswer)] = [
      ("+FULLRESYNC \(Self.id) 0", .full(id: id, offset: 0)),
      ("+FULLRESYNC \(Self.id) 12345678901", .full(id: id, offset: 12_345_678_901)),
      ("+CONTINUE", .resume(id: nil)), ("+CONTINUE \(Self.id)", .resume(id: id)),
      ("-NOMASTERLINK Can't", .later("-NOMASTERLINK Can't")), ("-LOADING", .later("-LOADING")),
    ]
    for (line, answer) in answers {
      #expect(PartialSyncAnswer(ByteText(line)) == answer, "\(line)")
    }
    for line in [
      "+FULLRESYNC \(Self.id) -1", "+FULLRESYNC \(Self.id) x", "+FULLRESYNC \(Self.id)",
      "+FULLRESYNC x 5", "+FULLRESYNC \(Self.id) 9223372036854775807",
      "+FULLRESYNC \(Self.id) 99999999999999999999", "+CONTINUE x", "-ERR unknown command", "", " ",
      "+FULLRESYNC \(Self.id.uppercased()) 5",
    ] {
      #expect(PartialSyncAnswer(ByteText(line)) == .refused(ByteText(line)), "\(line)")
    }
  }

  @Test func `the line in front of a snapshot`() {
    typealias Extent = SnapshotReceiver.Extent
    let marker = Array(Self.id.utf8)
    #expect(Extent("$0") == .length(0))
    #expect(Extent("$123456789012") == .length(123_456_789_012))
    #expect(Extent(ByteText("$EOF:\(Self.id)")) == .marker(marker))
    for line in [
      "", "$", "$-1", "$x", "$EOF:", "$EOF:abc", "*3", "-ERR", "5", "$99999999999999999999",
    ] {
      #expect(Extent(ByteText(line)) == nil, "\(line)")
    }
  }

  @Test func `the end of a snapshot is found however it is cut`() {
    let marker = Array(Self.id.utf8)
    let bytes = Array("REDIS0010".utf8) + marker.prefix(20) + Array("more".utf8) + marker
    for size in 1...bytes.count {
      let receiver = SnapshotReceiver(
        id: "", offset: 0, file: ReceivedFile(path: "", disk: disk))
      receiver.extent = .marker(marker)
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = rest.prefix(size)
        rest = rest.dropFirst(size)
        let (count, isComplete) = receiver.take(piece)
        #expect(count == piece.count)
        #expect(isComplete == rest.isEmpty)
      }
      #expect(receiver.contentCount == bytes.count - 40)
    }
    let receiver = SnapshotReceiver(id: "", offset: 0, file: ReceivedFile(path: "", disk: disk))
    receiver.extent = .length(10)
    #expect(receiver.take(bytes[0..<6]) == (6, false))
    #expect(receiver.missing == 4)
    #expect(receiver.take(bytes[6..<20]) == (4, true))
    #expect(receiver.contentCount == 10)
  }
}
