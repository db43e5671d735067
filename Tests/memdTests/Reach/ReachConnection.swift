// SPDX-License-Identifier: Apache-2.0

import EventLoop

@testable import memd

/// A request whose reply hasn't come yet.
struct ReachRequest {
  /// The command by its place in the run's list; nil for a request made by hand.
  let syntax: Int?
  /// The options that it uses.
  var options: [Int] = []
  /// As it was made, until its targets are looked up.
  var draft: RequestDraft?
  /// Keys that it may overwrite or remove, as they were before.
  var targets: [Target] = []

  struct Target {
    /// Number of the command's target.
    let number: Int
    let key: [UInt8]
    let database: Int
    let form: ValueForm
    let address: UInt64
  }
}

/// What a reply says, as far as a run has to know.
enum ReachOutcome {
  case success, failure, queued
}

/// A client of the server under test, and what it still waits for.
final class ReachConnection {
  let number: Int
  let simulated: SimulatedClient
  let clientID: Int
  /// Requests without a reply, the oldest first.
  var pending: [ReachRequest] = []
  /// Replies and requests can't be matched any more: it is subscribed, a monitor, silenced...
  var isLoose = false
  var isInTransaction = false
  /// Its last request was refused for a reason that lasts: it should reset itself.
  var isStuck = false
  private var received: [UInt8] = []

  init(number: Int, _ simulated: SimulatedClient, clientID: Int) {
    self.number = number
    self.simulated = simulated
    self.clientID = clientID
  }

  /// Whether it waits for something that has not happened yet.
  var isWaiting: Bool { !pending.isEmpty }

  func send(_ words: [[UInt8]]) {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words {
      bytes += Array("$\(word.count)\r\n".utf8)
      bytes += word
      bytes += [13, 10]
    }
    simulated.send(bytes)
  }

  /// Hands over the replies that have arrived, pushes left out: the bytes, and where each begins
  /// and ends.
  func takeReplies(_ visit: ([UInt8], Range<Int>) -> Void) {
    received += simulated.receive()
    guard !received.isEmpty else { return }
    var position = 0
    while let end = ReplyScanner.end(of: received, from: position) {
      visit(received, position..<end)
      position = end
    }
    // What a monitor or follower gets may be no replies at all.
    if isLoose { position = received.count }
    received.removeFirst(position)
  }
}
