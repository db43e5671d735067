// SPDX-License-Identifier: Apache-2.0

extension RawSpan {
  /// The bytes as text, for comparing with what a test expects.
  var text: String { unsafe withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
}
