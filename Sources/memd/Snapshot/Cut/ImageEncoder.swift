// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// Encodes images into the bytes of a file; used where the images are handed to, which may be a
/// helper thread.
///
/// An error of the file is remembered, and nothing is written after it.
protocol ImageEncoder: AnyObject {
  /// What went wrong with the file.
  var failure: DiskError? { get }

  /// Writes what comes before the keys.
  func begin()

  /// Encodes all records of a piece.
  func encode(_ piece: ImagePiece)

  /// Writes what comes behind the keys, and hands the rest to the file.
  ///
  /// - Throws: what went wrong with the file, now or before.
  func finish() throws(DiskError)
}
