// SPDX-License-Identifier: Apache-2.0

/// Keyspace events that commands on sorted sets send.
extension KeyEvent {
  static var addMembers: KeyEvent { KeyEvent("zadd", .sortedSet) }
  static var incrementScore: KeyEvent { KeyEvent("zincr", .sortedSet) }
  static var removeMembers: KeyEvent { KeyEvent("zrem", .sortedSet) }
  static var removeRanks: KeyEvent { KeyEvent("zremrangebyrank", .sortedSet) }
  static var removeScores: KeyEvent { KeyEvent("zremrangebyscore", .sortedSet) }
  static var removeAlphabet: KeyEvent { KeyEvent("zremrangebylex", .sortedSet) }
  static var popLowest: KeyEvent { KeyEvent("zpopmin", .sortedSet) }
  static var popHighest: KeyEvent { KeyEvent("zpopmax", .sortedSet) }
  static var storeRange: KeyEvent { KeyEvent("zrangestore", .sortedSet) }
  static var storeUnion: KeyEvent { KeyEvent("zunionstore", .sortedSet) }
  static var storeIntersection: KeyEvent { KeyEvent("zinterstore", .sortedSet) }
  static var storeDifference: KeyEvent { KeyEvent("zdiffstore", .sortedSet) }
}
