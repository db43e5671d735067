// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A database, for a value that a command makes, works with and drops.
///
/// A value that holds the database itself has a reference counted when it is made and when it is
/// dropped. This word counts none: the keyspace owns its databases and outlives every command.
@safe
struct BorrowedDatabase {
  private let reference: Unmanaged<Database>

  init(_ database: Database) { unsafe reference = Unmanaged.passUnretained(database) }

  /// Lends the database to `body`, which must not keep it.
  @inline(__always)
  func use<Result>(_ body: (Database) -> Result) -> Result {
    unsafe reference._withUnsafeGuaranteedRef { body($0) }
  }

  /// Whether it is this database.
  @inline(__always)
  func isSame(as other: Database) -> Bool {
    unsafe reference.toOpaque() == Unmanaged.passUnretained(other).toOpaque()
  }

  /// What the database hashes keys and members with.
  @inline(__always)
  var seed: HashSeed { use { $0.seed } }
}
