// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What a client is to the server; output limits and filters of CLIENT LIST and KILL go by it.
enum ClientClass: Equatable {
  case normal, replica, pubsub, primary

  /// The class with this name in any case, old names included; nil if there is none.
  init?(name: RawSpan) {
    switch Keyword(folding: name) {
    case Keyword("normal"): self = .normal
    case Keyword("slave"), Keyword("replica"): self = .replica
    case Keyword("pubsub"): self = .pubsub
    case Keyword("master"), Keyword("primary"): self = .primary
    default: return nil
    }
  }
}

extension Client {
  /// Compatibility: a client that monitors counts as a normal one.
  var clientClass: ClientClass {
    if flags.contains(.leader) { return .primary }
    if flags.contains(.follower), !flags.contains(.monitor) { return .replica }
    return flags.contains(.pubsub) ? .pubsub : .normal
  }
}
