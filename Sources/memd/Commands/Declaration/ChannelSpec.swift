// SPDX-License-Identifier: Apache-2.0

/// Where a command's channels stand among its arguments, and what it does with them. Access control
/// decides by it, as it does by `KeySpec` for keys.
struct ChannelSpec: Sendable {
  enum Use: Sendable {
    /// Sends to channels of these names.
    case publish
    /// Receives from channels of these names.
    case subscribe
    /// Receives from all channels whose names match these patterns.
    case subscribePattern
    /// Ends receiving, which nobody is denied.
    case unsubscribe
  }

  /// Index of the first channel.
  var first: Int
  /// Index of the last one; negative: from the end.
  var last: Int
  var use: Use

  /// One channel at a fixed position.
  static func channel(_ index: Int, _ use: Use) -> ChannelSpec {
    ChannelSpec(first: index, last: index, use: use)
  }

  /// Every argument from `index` on.
  static func channels(from index: Int, _ use: Use) -> ChannelSpec {
    ChannelSpec(first: index, last: -1, use: use)
  }
}
