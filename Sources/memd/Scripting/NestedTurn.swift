// SPDX-License-Identifier: Apache-2.0

/// What others are answered with while a script takes long: input and batch of their own, as those
/// of the turn are in use.
final class NestedTurn {
  var intake = Intake()
  let batch = Batch()
}
