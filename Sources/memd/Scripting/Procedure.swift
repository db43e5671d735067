// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What an interpreter can run by a command: EVAL's script, or a function of a library.
class Procedure {
  let flags: ScriptFlags
  /// What the interpreter knows it by.
  let number: Int

  init(flags: ScriptFlags, number: Int) {
    self.flags = flags
    self.number = number
  }

  /// What errors and the log call it.
  var name: ByteText { preconditionFailure("a procedure of no kind") }
}
