// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// Connections of MIGRATE that stay open for a while: who moves keys moves many, one by one.
final class MigrationConnections {
  /// A connection to one server, and what that server remembers of it.
  final class Link {
    /// Host and port as the command names them.
    let peer: String
    let connection: BlockingConnection
    /// The database that is selected there; nil if that is not known.
    var database: Int?
    /// When the connection was used last, in nanoseconds of the monotonic clock.
    var usedAt: Int64 = 0

    init(_ connection: BlockingConnection, to peer: String) {
      self.connection = connection
      self.peer = peer
    }
  }

  /// With more, the one that has been idle for longest is closed.
  static let countMax = 64
  /// How long a connection may be idle.
  static let idleNanosecondsMax: Int64 = 10_000_000_000

  /// The one that was used last is the last one.
  private var links: [Link] = []

  /// Number of connections that are open (INFO's migrate_cached_sockets).
  var count: Int { links.count }

  /// Takes out the connection to a server; nil if there is none.
  func take(_ peer: String) -> Link? {
    guard let index = links.firstIndex(where: { $0.peer == peer }) else { return nil }
    return links.remove(at: index)
  }

  /// Keeps a connection over which everything has been said.
  func keep(_ link: Link, now: Int64) {
    if links.count == MigrationConnections.countMax { links.removeFirst().connection.close() }
    link.usedAt = now
    links.append(link)
  }

  /// Closes connections that have been idle for long.
  func closeIdle(now: Int64) {
    while let link = links.first, now - link.usedAt > MigrationConnections.idleNanosecondsMax {
      link.connection.close()
      links.removeFirst()
    }
  }
}
