// SPDX-License-Identifier: Apache-2.0

@testable import memd

/// What an argument is about, as its declared name and kind tell: where its values are drawn from.
///
/// A name that isn't known here gets any word or number: a new command is sent from the start, and
/// the report says which of its options were never reached.
enum ArgumentMeaning {
  /// The number of elements that follow.
  case following
  case key
  case value, member, score, number, fraction, index, count, offset, bit
  case seconds, milliseconds, unixSeconds, unixMilliseconds, restoreTTL, timeout, block, pause
  case longitude, latitude, distance
  case streamID, streamReadID, group, consumer, idleTime, threshold, counter
  case rangeStart, rangeStop, scoreMin, scoreMax, alphabetMin, alphabetMax, streamStart, streamEnd
  case cursor, pattern, typeName, payload, database, digest, currentValue
  case client, address, user, password, accessRule, category, yesOrNo
  case channel, section, commandName, event, encoding, bitOffset, bitOperation, sketchOperation
  case script, scriptDigest, libraryCode, libraryName, functionName, libraryPayload
  case nodeWord, protocolVersion, commandWord, filler

  /// What an argument of a command means.
  static func of(_ spec: ArgumentSpec, in command: CommandTable.Description) -> ArgumentMeaning {
    let name = spec.name.description
    if spec.kind == .key { return .key }
    if spec.kind == .integer, name.hasPrefix("num"), spec.token == nil || name == "num-vertices" {
      return .following
    }
    if let known = particular[command.fullName]?[name] { return known }
    if let known = byGroup[command.group]?[name] { return known }
    if let known = byName[name] { return known }
    switch spec.kind {
    case .integer: return .number
    case .double: return .fraction
    case .pattern: return .pattern
    case .unixTime: return name.contains("milli") ? .unixMilliseconds : .unixSeconds
    default: return .filler
    }
  }

  // Names that mean the same everywhere.
  private static let byName: [String: ArgumentMeaning] = [
    "value": .value, "message": .value, "element": .member, "member": .member, "field": .member,
    "member1": .member, "member2": .member, "pivot": .member, "score": .score,
    "increment": .number, "decrement": .number, "weight": .fraction, "start": .index,
    "end": .index, "stop": .index, "index": .index, "count": .count, "limit": .count,
    "offset": .offset, "bit": .bit, "seconds": .seconds, "milliseconds": .milliseconds,
    "timeout": .timeout, "longitude": .longitude, "latitude": .latitude, "radius": .distance,
    "width": .distance, "height": .distance, "cursor": .cursor, "pattern": .pattern,
    "type": .typeName, "serialized-value": .payload, "ttl": .restoreTTL, "db": .database,
    "destination-db": .database, "index1": .database, "index2": .database,
    "ifdeq-digest": .digest, "ifdne-digest": .digest, "ifeq-value": .currentValue,
    "ifne-value": .currentValue, "client-id": .client, "ip:port": .address, "username": .user,
    "password": .password, "rule": .accessRule, "category": .category,
    "categoryname": .category, "yes/no": .yesOrNo, "channel": .channel,
    "shardchannel": .channel, "section": .section, "command-name": .commandName,
    "command": .commandName, "event": .event, "encoding": .encoding,
    "operation": .bitOperation, "protover": .protocolVersion, "unix-time-seconds": .unixSeconds,
    "unix-time-milliseconds": .unixMilliseconds, "lowerbound": .number, "upperbound": .number,
    "exactly": .count, "rank": .index, "num-matches": .count, "len": .count,
    "script": .script, "sha1": .scriptDigest, "function": .functionName,
    "function-code": .libraryCode, "library-name": .libraryName,
    "library-name-pattern": .libraryName, "node-id": .nodeWord, "frequency": .bit,
    "connection-name": .member, "clientname": .member,
  ]

  private static let byGroup: [CommandGroup: [String: ArgumentMeaning]] = [
    .stream: [
      "id": .streamID, "last-id": .streamID, "lastid": .streamID, "group": .group,
      "groupname": .group, "consumer": .consumer, "consumername": .consumer,
      "min-idle-time": .idleTime, "threshold": .threshold, "start": .streamStart,
      "end": .streamEnd, "entries_read": .counter, "entries_added": .counter,
      "max_deleted_entry_id": .streamID, "milliseconds": .block, "ms": .idleTime,
      "maxsize": .count, "maxcount": .count,
    ]
  ]

  /// Where a name means something else than elsewhere.
  private static let particular: [String: [String: ArgumentMeaning]] = [
    "zrange": ["start": .rangeStart, "stop": .rangeStop],
    "zrangestore": ["min": .rangeStart, "max": .rangeStop],
    "zrangebyscore": ["min": .scoreMin, "max": .scoreMax],
    "zrevrangebyscore": ["min": .scoreMin, "max": .scoreMax],
    "zcount": ["min": .scoreMin, "max": .scoreMax],
    "zremrangebyscore": ["min": .scoreMin, "max": .scoreMax],
    "zrangebylex": ["min": .alphabetMin, "max": .alphabetMax],
    "zrevrangebylex": ["min": .alphabetMin, "max": .alphabetMax],
    "zlexcount": ["min": .alphabetMin, "max": .alphabetMax],
    "zremrangebylex": ["min": .alphabetMin, "max": .alphabetMax],
    "bitfield": ["offset": .bitOffset], "bitfield_ro": ["offset": .bitOffset],
    "xread": ["id": .streamReadID], "xreadgroup": ["id": .streamReadID],
    "setbit": ["value": .bit], "select": ["index": .database], "client|pause": ["timeout": .pause],
    "client|list": ["type": .filler], "delifeq": ["value": .currentValue],
    "delex": ["ifdeq-digest": .digest, "ifdne-digest": .digest],
    "pfdebug": ["subcommand": .sketchOperation], "acl|genpass": ["bits": .count],
    "acl|dryrun": ["arg": .commandWord], "echo": ["message": .value],
    "migrate": ["timeout": .pause], "auth": ["password": .password],
    "client|setname": ["connection-name": .member], "hello": ["clientname": .member],
    "client|setinfo": ["libname": .member, "libver": .member],
    "latency|histogram": ["command": .commandName], "sort": ["offset": .index],
    "config|get": ["parameter": .pattern],
    "function|restore": ["serialized-value": .libraryPayload],
  ]
}
