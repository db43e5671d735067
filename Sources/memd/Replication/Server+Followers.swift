// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Followers that ask with SYNC: `$<length>` and an RDB of that length, made in the foreground, then
// the live stream of effects. This is what redis-cli --rdb and the stream readers of tests use.

extension Server {
  /// Bytes of a snapshot that are read at once.
  private static let partByteCount = 256 << 10

  /// Makes the client a follower that gets everything from now on.
  ///
  /// - Throws: what the disk has to say; the client is then what it was.
  func startFollowing(_ client: Client) throws(DiskError) {
    log.notice("Replica \(client.address) asks for synchronization")
    let path = temporaryName(forFollower: client.id)
    let snapshot = try writeSnapshot(temporary: path)
    snapshot.close()
    let file: DiskFile
    do throws(DiskError) {
      file = try disk.open(path, .read)
    } catch {
      snapshot.abandon()
      throw error
    }
    // An open file keeps its bytes: nothing is left behind, however this ends.
    snapshot.abandon()
    let follower = client.makeFollower()
    follower.snapshot = file
    follower.snapshotRemaining = snapshot.byteCount
    client.flags.insert(.follower)
    followers.append(client)
    client.reply.append(byte: UInt8(ascii: "$"))
    client.reply.append(raw: Array("\(snapshot.byteCount)\r\n".utf8).rawSpan)
    // Whoever joins the stream here has to be told the database.
    effects.forgetDatabase()
    effects.backlog.reader = self
    nextFollowerPing = clock.monotonicNanoseconds() + followerPingPeriod
    statistics.fullSyncs += 1
  }

  /// The client is gone.
  func stopFollowing(_ client: Client) {
    client.details?.follower?.snapshot?.close()
    followers.removeAll { $0 === client }
    if followers.isEmpty { effects.backlog.reader = nil }
    log.notice("Connection with replica \(client.address) lost.")
  }

  /// Puts the next part of what a follower waits for into its output; false if it has everything.
  func continueSnapshot(for client: Client) -> Bool {
    guard let follower = client.details?.follower, let file = follower.snapshot else {
      return false
    }
    if follower.snapshotRemaining > 0 {
      var part = [UInt8](
        repeating: 0, count: min(follower.snapshotRemaining, Server.partByteCount))
      let count = (try? file.read(into: &part, from: 0)) ?? 0
      guard count > 0 else {
        log.warning("Read error sending DB to replica: premature EOF")
        closeASAP(client)
        return false
      }
      follower.snapshotRemaining -= count
      client.reply.append(raw: part.rawSpan.extracting(first: count))
      return true
    }
    file.close()
    follower.snapshot = nil
    follower.acknowledgedAt = moment.milliseconds
    // A copy of the array: a span of the follower's own would outlive its borrow.
    let waiting = follower.waiting
    client.reply.append(raw: waiting.rawSpan)
    follower.waiting = []
    log.notice("Synchronization with replica \(client.address) succeeded")
    return !client.reply.isEmpty
  }

  /// Nanoseconds between two PINGs to followers.
  private var followerPingPeriod: Int64 {
    Int64(configuration.replPingReplicaPeriodSeconds) * 1_000_000_000
  }

  /// Lets followers know that their leader lives.
  func pingFollowers() {
    guard !followers.isEmpty, clock.monotonicNanoseconds() >= nextFollowerPing else { return }
    nextFollowerPing = clock.monotonicNanoseconds() + followerPingPeriod
    if !pause.isActive { effects.ping() }
  }
}

extension Server: StreamReader {
  /// New bytes of the stream, for every follower.
  func received(_ bytes: RawSpan) {
    for client in followers where !client.isClosing {
      guard let follower = client.details?.follower else { continue }
      if follower.snapshot != nil {
        unsafe bytes.withUnsafeBytes { unsafe follower.waiting.append(contentsOf: $0) }
      } else {
        prepare(client)
        client.reply.append(raw: bytes)
      }
      if client.pendingOutput >= outputWatermark || follower.waiting.count >= outputWatermark {
        checkOutputLimit(client)
      }
    }
  }
}
