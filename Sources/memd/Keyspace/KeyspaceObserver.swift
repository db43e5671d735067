// SPDX-License-Identifier: Apache-2.0

import RESP

/// Who is told what happens to keys without a command's having said so: they are missed, they come,
/// they go because they are due or to make room, or a whole database changes at once.
///
/// What follows from that is not the keyspace's business. Methods are called only where it matters;
/// `Attention` says whether events do.
protocol KeyspaceObserver: AnyObject {
  /// Something has happened that is no change of its own.
  func announce(_ event: KeyEvent, _ key: Key, in database: Database)

  /// A key has been removed, because its deadline has passed (`expired`) or to make room
  /// (`evicted`); the bytes of `key` are valid during the call.
  func removed(_ key: Key, _ event: KeyEvent, in database: Database)

  /// `count` fields of a hash go because their deadlines have passed.
  ///
  /// - Parameter names: visits the name of each; may be called several times.
  func fieldsExpire(
    _ count: Int, of key: Key, in database: Database,
    names: (_ visit: (StoredText) -> Void) -> Void)

  /// One database or all are about to be emptied, whatever is in them.
  func willFlush()

  /// All keys of a database are about to change at once: none are left, or another database's take
  /// their place.
  func willChange(_ database: Database, to replacement: Database?)

  /// All keys of a database have changed at once.
  func didChange(_ database: Database)
}

/// For databases that nobody sees.
final class NobodyWatches: KeyspaceObserver {
  func announce(_ event: KeyEvent, _ key: Key, in database: Database) {}
  func removed(_ key: Key, _ event: KeyEvent, in database: Database) {}
  func fieldsExpire(
    _ count: Int, of key: Key, in database: Database,
    names: (_ visit: (StoredText) -> Void) -> Void
  ) {}
  func willFlush() {}
  func willChange(_ database: Database, to replacement: Database?) {}
  func didChange(_ database: Database) {}
}
