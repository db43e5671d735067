// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

extension ReplyWriter {
  /// Replies with a stored text.
  @inline(__always)
  mutating func bulk(_ text: StoredText) {
    if let integer = text.integer { return bulk(integer: integer) }
    bulk(text.stored)
  }
}

extension Effects {
  /// The next argument of a rewritten command.
  func append(_ text: StoredText) {
    if let integer = text.integer { append(integer) } else { append(text.stored) }
  }
  /// The next event is about the field with this name.
  func mention(field: StoredText) {
    if let integer = field.integer {
      var scratch = DecimalScratch()
      mention(field: scratch.write(integer))
    } else {
      mention(field: field.stored)
    }
  }
}

extension ScoredMember {
  /// Replies with the member as a bulk string.
  @inline(__always)
  func write(to reply: inout ReplyWriter) { reply.bulk(stored) }
}
