// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
  /// The elements as the span that the module's functions take.
  var octets: RawSpan {
    @_lifetime(borrow self)
    get { unsafe span.bytes }
  }
}
