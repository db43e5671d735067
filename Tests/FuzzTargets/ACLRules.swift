// SPDX-License-Identifier: Apache-2.0
// Fuzz modules: RESP DataStructures PubSub EventLoop memd

import DataStructures
import EventLoop
import RESP

@testable import memd

// Rules of a user, whatever their bytes, are refused or make a user. Written down and read again,
// they make the same user.
//
// Input: the rules, separated by line ends.

nonisolated(unsafe) private let context = RuleContext(
  commands: CommandTable(), allowsChannels: false)

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: data, count: count))
  let words = bytes.split(separator: UInt8(ascii: "\n")).map(Array.init)
  var user = UserRules(context)
  do throws(RuleFailure) {
    try user.apply(words, context)
  } catch {
    precondition(!error.message.isEmpty)
    return 0
  }
  let text = user.text
  var again = UserRules(context)
  let parts = text.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
  do throws(RuleFailure) {
    try again.apply(parts.map(Array.init), context)
  } catch {
    preconditionFailure("what was written down can't be read: \(error.message)")
  }
  precondition(again.text == text, "what was written down is another user")
  return 0
}
