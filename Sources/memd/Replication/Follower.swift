// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// A client's side of replication: what it has told about itself, and what it is still to get.
final class Follower {
  /// Port and address at which it can be reached, as it says (REPLCONF).
  var listeningPort = 0
  var announcedAddress = ""
  /// The snapshot that is on its way; nil before SYNC and when it has left.
  var snapshot: DiskFile?
  /// Bytes of the snapshot that wait to be read.
  var snapshotRemaining = 0
  /// Whether a part of it has been sent.
  var isReceiving = false
  /// What it has had of the stream; nil before it follows.
  var cursor: StreamCursor?
  /// Offset up to which it has acknowledged the stream, and when that was.
  var acknowledgedOffset = 0
  var acknowledgedAt: Int64 = 0
  /// Offset up to which its own log is durable, as it says.
  var syncedOffset = 0

  /// The address at which it can be reached: what it said, or where it comes from.
  func address(of client: Client) -> String {
    if !announcedAddress.isEmpty { return announcedAddress }
    guard let colon = client.address.lastIndex(of: ":") else { return client.address }
    let host = client.address[..<colon]
    // A bracketed IPv6 address is shown bare.
    return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : String(host)
  }

  /// INFO's word for how far it is.
  var stateName: StaticString { snapshot == nil ? "online" : "send_bulk" }
}

extension Client {
  /// What the client has told about itself as a follower; made now if there was nothing.
  func makeFollower() -> Follower {
    let details = makeDetails()
    if let follower = details.follower { return follower }
    let follower = Follower()
    details.follower = follower
    return follower
  }
}
