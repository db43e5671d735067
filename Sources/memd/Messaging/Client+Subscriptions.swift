// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import PubSub
import RESP

extension Client {
  /// What it is subscribed to; nil before the first subscription.
  var subscriptions: Subscriptions? { details?.subscriptions }

  /// The subscriptions, made now if there were none.
  func makeSubscriptions() -> Subscriptions {
    let details = makeDetails()
    if let subscriptions = details.subscriptions { return subscriptions }
    let made = Subscriptions(of: Subscriber(self))
    details.subscriptions = made
    return made
  }

  /// Channels and patterns together, as replies to SUBSCRIBE and the like count them; channels of
  /// shards are counted on their own.
  func subscriptionCount(alongside kind: TopicKind) -> Int {
    guard let subscriptions else { return 0 }
    if kind == .shardChannel { return subscriptions.count(.shardChannel) }
    return subscriptions.count(.channel) + subscriptions.count(.pattern)
  }
}

extension Subscriber {
  /// A client as a subscriber. Not owned: it leaves everything before it is freed.
  fileprivate init(_ client: Client) {
    let address = unsafe UInt(bitPattern: Unmanaged.passUnretained(client).toOpaque())
    self.init(word: UInt64(address))
  }

  /// Hands the client to `body` without counting a reference.
  @inline(__always)
  func withClient(_ body: (Client) -> Void) {
    guard let address = unsafe UnsafeRawPointer(bitPattern: UInt(word)) else { return }
    // Proof: made from a client, which lives until it has left everything: one that is closed and
    // has much to leave is kept in `clients.leaving`.
    unsafe Unmanaged<Client>.fromOpaque(address)._withUnsafeGuaranteedRef { body($0) }
  }
}

extension Server {
  /// Subscribes a client; whoever is subscribed to anything is of the class `pubsub`.
  func subscribe(_ client: Client, to name: RawSpan, _ kind: TopicKind) {
    subscriptions.subscribe(client.makeSubscriptions(), to: name, kind)
    guard !client.flags.contains(.pubsub) else { return }
    client.flags.insert(.pubsub)
    client.updateGate()
  }

  /// Ends a subscription, if there is one.
  func unsubscribe(_ client: Client, from name: RawSpan, _ kind: TopicKind) {
    guard let own = client.subscriptions else { return }
    subscriptions.unsubscribe(own, from: name, kind)
    noteSubscriptions(of: client)
  }

  /// Ends all subscriptions of a kind; `visit` gets each name when its subscription has ended.
  func unsubscribeAll(
    _ client: Client, _ kind: TopicKind, visit: (RawSpan) -> Void = { _ in }
  ) {
    guard let own = client.subscriptions else { return }
    subscriptions.unsubscribeAll(own, kind, visit: visit)
    noteSubscriptions(of: client)
  }

  /// More subscriptions than this end in slices when their client goes.
  private static let subscriptionsAtOnce = 512

  /// A client goes. If it is subscribed to very much, it leaves that in slices, and gets nothing
  /// meanwhile.
  func abandonSubscriptions(of client: Client) {
    guard let own = client.subscriptions else { return }
    guard own.count > Server.subscriptionsAtOnce else { return forgetSubscriptions(of: client) }
    client.flags.remove(.pubsub)
    clients.leaving.append(client)
  }

  /// Goes on with a client that leaves much behind; ends at `deadline` of the cycle counter.
  func continueLeaving(until deadline: UInt64) {
    while let client = clients.leaving.last {
      if client.subscriptions.map({ subscriptions.leave($0, upTo: 128) }) ?? true {
        client.details?.subscriptions = nil
        clients.leaving.removeLast()
      }
      if clock.ticks() >= deadline { return }
    }
  }

  /// Ends all subscriptions of a client that goes, or starts anew.
  func forgetSubscriptions(of client: Client) {
    guard client.subscriptions != nil else { return }
    for kind in [TopicKind.channel, .pattern, .shardChannel] { unsubscribeAll(client, kind) }
  }

  private func noteSubscriptions(of client: Client) {
    guard let own = client.subscriptions, own.count == 0 else { return }
    client.details?.subscriptions = nil
    client.flags.remove(.pubsub)
    client.updateGate()
  }
}
