// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The options that one CONFIG SET has changed.
struct ConfigurationChange {
  /// Why a change can't be applied; the option's name is part of the reply.
  struct Failure: Error {
    let option: String
    let message: ByteText
  }

  /// Names of the changed options.
  let names: [String]
  /// Everything that has to be done for them.
  let effects: Option.Effect
}
