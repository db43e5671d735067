// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

extension CommandError {
  static var notSketch: CommandError {
    CommandError("WRONGTYPE Key is not a valid HyperLogLog string value.")
  }
  static var corruptSketch: CommandError {
    CommandError("INVALIDOBJ Corrupted HLL object detected")
  }
}

extension StringValue {
  /// The HyperLogLog sketch that the string is.
  var sketch: HyperLogLog {
    @_lifetime(borrow self)
    get throws(CommandError) {
      guard let sketch = HyperLogLog(stored) else { throw .notSketch }
      return sketch
    }
  }
}

/// The sketch of a key, to be changed; it grows, and becomes dense, as it needs.
struct SketchEditor: ~Escapable {
  private let key: Key
  private let database: Database
  private let sparseByteCountMax: Int
  private var editor: StringEditor

  /// Opens the sketch that the string of `key` is.
  @_lifetime(copy key)
  init(
    _ string: WritableString, _ key: Key, in database: Database, sparseByteCountMax: Int
  ) throws(CommandError) {
    _ = try string.value.sketch
    self.key = key
    self.database = database
    self.sparseByteCountMax = sparseByteCountMax
    editor = database.edit(string, key, count: string.value.count, zeroedTo: 0)
  }

  /// Makes an empty sketch of `key`, which doesn't exist.
  @_lifetime(copy key)
  init(new key: Key, in database: Database, sparseByteCountMax: Int) {
    self.key = key
    self.database = database
    self.sparseByteCountMax = sparseByteCountMax
    editor = database.makeEditable(key, count: HyperLogLog.emptyByteCount, zeroedTo: 0)
    var bytes = editor.bytes
    bytes.writeEmptyHyperLogLog()
  }

  /// The string as it is now.
  var value: StringValue { editor.string.value }

  var isSparse: Bool { editor[4] == 1 }

  /// Raises a register; false if it is as large already. Throws if the sketch is corrupt.
  mutating func raise(_ place: HyperLogLog.Place) throws(CommandError) -> Bool {
    if isSparse {
      switch try value.sketch.change(place, byteCountMax: sparseByteCountMax) {
      case .none: return false
      case .corruption: throw .corruptSketch
      case .promotion: _ = try makeDense()
      case .splice(let splice):
        apply(splice)
        return true
      }
    }
    var bytes = editor.bytes
    return bytes.raiseDenseRegister(place)
  }

  private mutating func apply(_ splice: HyperLogLog.SparseSplice) {
    let count = editor.count
    if splice.growth > 0 { resize(to: count + splice.growth) }
    var bytes = editor.bytes
    let newCount = bytes.apply(splice, oldByteCount: count)
    if newCount != editor.count { resize(to: newCount) }
  }

  /// Makes the sketch dense; false if it was. Throws if it is corrupt.
  mutating func makeDense() throws(CommandError) -> Bool {
    guard isSparse else { return false }
    guard let dense = try value.sketch.dense() else { throw .corruptSketch }
    resize(to: dense.count)
    editor.write(dense.rawSpan, at: 0)
    return true
  }

  /// Notes that the cached cardinality is outdated.
  func invalidate() {
    var bytes = editor.bytes
    bytes.invalidateCardinality()
  }

  /// Notes the cardinality.
  func cache(_ cardinality: Int) {
    var bytes = editor.bytes
    bytes.cacheCardinality(cardinality)
  }

  private mutating func resize(to count: Int) {
    editor = database.edit(editor.string, key, count: count, zeroedTo: 0)
  }
}
