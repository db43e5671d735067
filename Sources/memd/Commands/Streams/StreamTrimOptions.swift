// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What becomes of the references that consumer groups have to entries that are deleted.
enum ReferencePolicy {
  /// KEEPREF: pending entries stay.
  case keep
  /// DELREF: pending entries go, too.
  case delete
  /// ACKED: only entries go that all groups have read and acknowledged.
  case acknowledged

  /// The policy that a word names.
  init?(_ keyword: Keyword) {
    switch keyword {
    case Keyword("keepref"): self = .keep
    case Keyword("delref"): self = .delete
    case Keyword("acked"): self = .acknowledged
    default: return nil
    }
  }
}

/// The options of XADD in front of the id, and those of XTRIM.
struct StreamTrimOptions {
  private(set) var trim: StreamTrim?
  private(set) var isApproximate = false
  /// How many entries may go at most with whole blocks; 0: any number.
  private(set) var limit = 0
  private(set) var policy = ReferencePolicy.keep
  /// IDMP, IDMPAUTO
  private(set) var producer: ProducerOption?
  /// NOMKSTREAM
  private(set) var keepsMissing = false
  /// Where XADD's id stands; for XTRIM behind the last argument.
  private(set) var idIndex: Int
  /// The id of XADD; nil for `*`.
  private(set) var id: StreamID.Form?

  private var limitIsGiven = false

  init(_ call: borrowing Call, addsEntry: Bool) throws(CommandError) {
    idIndex = 2
    let arguments = call.arguments
    while idIndex < arguments.count {
      if addsEntry, call.isCharacter(idIndex, "*") { break }
      let following = arguments.count - 1 - idIndex
      let keyword = call.keyword(idIndex)
      switch keyword {
      case Keyword("maxlen") where following > 0: try readTrim(call, isLength: true)
      case Keyword("minid") where following > 0: try readTrim(call, isLength: false)
      case Keyword("limit") where following > 0:
        limit = try call.integer(idIndex + 1)
        guard limit >= 0 else { throw CommandError("ERR The LIMIT argument must be >= 0.") }
        limitIsGiven = true
        idIndex += 1
      case Keyword("idmp") where addsEntry && following > 1:
        try readProducer(call, isAutomatic: false)
      case Keyword("idmpauto") where addsEntry && following > 0:
        try readProducer(call, isAutomatic: true)
      default:
        if let policy = ReferencePolicy(keyword) {
          self.policy = policy
        } else if !addsEntry {
          throw .syntax
        } else if FoldedName(folding: arguments[idIndex]) ~= FoldedName("nomkstream") {
          keepsMissing = true
        } else {
          guard let form = StreamID.parseForm(arguments[idIndex]) else { throw .streamID }
          id = form
        }
      }
      if id != nil { break }
      idIndex += 1
    }
    try settle(call, addsEntry: addsEntry)
  }

  /// MAXLEN or MINID with its operator and number.
  private mutating func readTrim(_ call: borrowing Call, isLength: Bool) throws(CommandError) {
    guard trim == nil else {
      throw CommandError(
        "ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
    }
    isApproximate = false
    if call.arguments.count - 1 - idIndex >= 2 {
      if call.isCharacter(idIndex + 1, "~") {
        isApproximate = true
        idIndex += 1
      } else if call.isCharacter(idIndex + 1, "=") {
        idIndex += 1
      }
    }
    if isLength {
      let length = try call.integer(idIndex + 1)
      guard length >= 0 else { throw CommandError("ERR The MAXLEN argument must be >= 0.") }
      trim = .length(length)
    } else {
      trim = .minimum(try call.streamID(idIndex + 1))
    }
    idIndex += 1
  }

  /// IDMP or IDMPAUTO with the names behind it.
  private mutating func readProducer(
    _ call: borrowing Call, isAutomatic: Bool
  ) throws(CommandError) {
    guard producer == nil else {
      throw CommandError("ERR IDMP/IDMPAUTO specified multiple times")
    }
    let option = try ProducerOption(call, at: idIndex, isAutomatic: isAutomatic)
    producer = option
    idIndex = option.end
  }

  /// Looks at what belongs together, and sets the limit of approximate trimming.
  private mutating func settle(
    _ call: borrowing Call, addsEntry: Bool
  ) throws(CommandError) {
    if limit != 0, trim == nil {
      throw CommandError(
        "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
    }
    if !addsEntry, trim == nil {
      throw CommandError("ERR syntax error, XTRIM must be called with a trimming strategy")
    }
    if call.client.flags.contains(.leader) {
      // The leader has chosen the id of an entry that has a name, too.
      limit = 0
      return
    }
    if producer != nil, id != nil {
      throw CommandError("ERR IDMP/IDMPAUTO can be used only with auto-generated IDs")
    }
    if limitIsGiven {
      if !isApproximate {
        throw CommandError(
          "ERR syntax error, LIMIT cannot be used without the special ~ option")
      }
    } else if isApproximate {
      // Nobody who doesn't say otherwise waits long for a trim.
      let entries = call.database.limits.streamNodeMaxEntries
      let (wanted, overflows) = entries.multipliedReportingOverflow(by: 100)
      limit = overflows ? 1_000_000 : wanted <= 0 ? 10_000 : min(wanted, 1_000_000)
    }
  }
}
