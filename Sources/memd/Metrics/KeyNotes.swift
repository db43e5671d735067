// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// What commands are to keys, for HOTKEYS and `prefix-accounting`. While either is on, a bit of the
// server's gate leads every command here; while both are off, nothing is asked.

extension Server {
  /// A command has run: adds what it was to its keys wherever that is wanted.
  ///
  /// - Parameters:
  ///   - start: reading of the stopwatch before it ran.
  ///   - mark: where its reply begins.
  ///   - lookups: look-ups of all commands before it ran.
  @inline(never)
  func noteKeys(
    of call: borrowing Call, since start: UInt64, replyFrom mark: Int,
    lookups: KeyspaceStatistics.Lookups
  ) {
    // What EXEC runs was noted command by command.
    guard !call.command.flags.contains(.endsTransaction) else { return }
    let keys = RequestKeys(call.command, call.arguments, in: commands)
    if gate.contains(.hotKeys) { noteHotKeys(keys, of: call, since: start, replyFrom: mark) }
    // And so was what a script has called.
    if gate.contains(.prefixes), !call.command.flags.contains(.runsScripts) {
      notePrefixes(of: keys, call, keyspace.statistics.lookups.since(lookups))
    }
  }

  /// Runs a command of a script and counts it by the prefixes of its keys.
  @inline(never)
  func executeScriptedNoting(_ call: inout Call) {
    let lookups = keyspace.statistics.lookups
    execute(&call, raw: RawSpan())
    notePrefixes(
      of: RequestKeys(call.command, call.arguments, in: commands), call,
      keyspace.statistics.lookups.since(lookups))
  }

  /// Counts a command by the prefixes of its keys.
  ///
  /// Hits and misses are known of the command. Where it has several keys, hits are shared among
  /// those that it reads and that are there now, misses among the others; sums are exact.
  private func notePrefixes(
    of keys: RequestKeys, _ call: borrowing Call, _ lookups: KeyspaceStatistics.Lookups
  ) {
    let prefixes = metrics.prefixes
    // PFCOUNT may keep in a key what it has counted, and only reads for who asks.
    let onlyReads = call.command.flags.contains(.readonly)
    // A command that reads no key without changing it looks all of them up.
    let readsAll = onlyReads || !keys.contains { $0.access.contains(.readOnly) }
    var (hits, misses) = (Shares(lookups.hits), Shares(lookups.misses))
    var isThere: [Bool] = []
    if keys.count > 1, lookups.hits > 0 || lookups.misses > 0 {
      isThere = keys.map { isVisible(call.key($0.index), call) }
      for (found, isThere) in zip(keys, isThere)
      where readsAll || found.access.contains(.readOnly) {
        if isThere { hits.count += 1 } else { misses.count += 1 }
      }
    }
    for (number, found) in keys.enumerated() {
      let reads = onlyReads || found.access.contains(.readOnly)
      var traffic = PrefixTraffic()
      if reads { traffic.reads = 1 } else { traffic.writes = 1 }
      if !isThere.isEmpty, reads || readsAll {
        if isThere[number] { traffic.hits = hits.next() } else { traffic.misses = misses.next() }
      }
      if number == 0 {
        // Also what belongs to no key that is as it was: one that the command has moved away.
        traffic.hits += hits.unshared
        traffic.misses += misses.unshared
      }
      prefixes.add(traffic, of: call.arguments[found.index])
    }
  }

  private func isVisible(_ key: Key, _ call: borrowing Call) -> Bool {
    call.database.visibleType(of: key.bytes, hash: key.hash) != nil
  }
}

/// So many look-ups, shared among keys as evenly as can be.
private struct Shares {
  private let total: Int
  /// Among how many.
  var count = 0
  private var given = 0

  init(_ total: Int) { self.total = total }

  /// All, if there is nobody to share them.
  var unshared: Int { count == 0 ? total : 0 }

  /// The next one's share: the first ones have one more if they don't divide.
  mutating func next() -> Int {
    defer { given += 1 }
    return total / count + (given < total % count ? 1 : 0)
  }
}
