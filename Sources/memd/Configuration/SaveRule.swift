// SPDX-License-Identifier: Apache-2.0

/// One pair of the `save` directive.
struct SaveRule: Equatable {
  /// A save is wanted when so many seconds have passed since the last one...
  let seconds: Int
  /// ...and so many changes were made.
  let changes: Int

  /// The rules of a server whose configuration says nothing.
  static let defaults = [
    SaveRule(seconds: 3600, changes: 1), SaveRule(seconds: 300, changes: 100),
    SaveRule(seconds: 60, changes: 10000),
  ]
}
