// SPDX-License-Identifier: Apache-2.0

/// The options that one CONFIG SET has changed.
struct ConfigurationChange {
  /// Why a change can't be applied; the option's name is part of the reply.
  struct Failure: Error {
    let option: String
    let message: String
  }

  /// Names of the changed options.
  let names: [String]
  /// Everything that has to be done for them.
  let effects: Option.Effect
}
