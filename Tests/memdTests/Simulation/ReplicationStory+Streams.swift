// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

@testable import memd

// Servers that know the same history have the same bytes of it: what one of them has put together
// again from its log, too.

extension ReplicationStory {
  /// Compares all that a server has of its history with what the others have of that.
  func compareStream(of server: Server, _ host: SimulatedHost) {
    for other in cluster.hosts where other !== host {
      guard let second = other.server, !second.persistence.isLoading else { continue }
      compare(server.effects.stream, second.effects.stream, "\(host.name) and \(other.name)")
    }
  }

  private func compare(
    _ first: ReplicationStream, _ second: ReplicationStream, _ names: String
  ) {
    guard let end = Self.commonEnd(first, second) else { return }
    let start = max(first.firstHistoryOffset, second.firstHistoryOffset) - 1
    guard start < end else { return }
    report.count("compared streams")
    let bytes = first.copy(behind: start).prefix(end - start)
    guard !bytes.elementsEqual(second.copy(behind: start).prefix(end - start)) else { return }
    report.violate("\(names) have different bytes of a history between \(start) and \(end)")
  }

  /// Up to where two streams are the same history by their names; nil if they aren't.
  private static func commonEnd(_ first: ReplicationStream, _ second: ReplicationStream) -> Int? {
    let ends = names(of: first).flatMap { one in
      names(of: second).filter { $0.id == one.id }.map { min($0.end, one.end) }
    }
    return ends.max()
  }

  private static func names(of stream: ReplicationStream) -> [(id: String, end: Int)] {
    let present = (id: stream.replicationID, end: stream.offset)
    guard stream.secondID != ReplicationStream.noID else { return [present] }
    return [present, (stream.secondID, min(stream.offset, stream.secondOffset - 1))]
  }
}
