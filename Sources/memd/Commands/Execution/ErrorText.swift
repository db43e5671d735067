// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Holds the text of the last formatted error until it is written.
final class ErrorText {
  var message: ByteText = ""
}
