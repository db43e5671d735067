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
  /// Hits and misses are known of the command. Where it has several keys, a key that it reads and
  /// that is there has been hit as long as there are hits left, and so on; sums are exact.
  private func notePrefixes(
    of keys: RequestKeys, _ call: borrowing Call, _ lookups: KeyspaceStatistics.Lookups
  ) {
    let prefixes = metrics.prefixes
    var rest = lookups
    for found in keys {
      let reads = found.access.contains(.readOnly)
      var traffic = PrefixTraffic()
      if reads { traffic.reads = 1 } else { traffic.writes = 1 }
      if keys.count == 1 {
        traffic.hits = rest.hits
        traffic.misses = rest.misses
        rest = KeyspaceStatistics.Lookups()
      } else if reads, rest.hits > 0 || rest.misses > 0 {
        if rest.misses == 0 || (rest.hits > 0 && isVisible(call.key(found.index), call)) {
          traffic.hits = 1
          rest.hits -= 1
        } else {
          traffic.misses = 1
          rest.misses -= 1
        }
      }
      prefixes.add(traffic, of: call.arguments[found.index])
    }
    guard let first = keys.first, rest.hits > 0 || rest.misses > 0 else { return }
    prefixes.add(
      PrefixTraffic(hits: rest.hits, misses: rest.misses), of: call.arguments[first.index])
  }

  private func isVisible(_ key: Key, _ call: borrowing Call) -> Bool {
    call.database.visibleType(of: key.bytes, hash: key.hash) != nil
  }
}
