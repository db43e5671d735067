// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What a handler works with: the request, the client it answers and the database it touches.
///
/// One value serves consecutive requests of one client, since making one costs reference counting;
/// `Execution` assigns arguments and command per request. The objects are constants: reaching them
/// costs nothing. Everything a handler calls on it is nonmutating, so that a borrowed argument may
/// be held meanwhile. A handler that selects another database sets `client.database`; it is in
/// force from the next request on.
struct Call: ~Copyable {
  let server: Server
  let client: Client
  let database: Database
  var arguments: Arguments
  /// The declaration of the command under way, in its hot form.
  var command: CommandReference

  /// The same words without ownership: making and dropping a call would count six references, which
  /// an unpipelined request would pay for alone. Whoever makes a frame sees to it that the objects
  /// outlive it.
  @safe
  struct Frame {
    var server: Unmanaged<Server>
    var client: Unmanaged<Client>
    var database: BorrowedDatabase
    var arguments: Arguments
    var command: CommandReference

    /// Runs `body` with the words as a call, which must not be consumed.
    @inline(__always)
    mutating func withCall<Result>(_ body: (inout Call) -> Result) -> Result {
      assert(MemoryLayout<Frame>.size == MemoryLayout<Call>.size)
      // Both are laid out alike: the same words in the same order.
      return unsafe withUnsafeMutableBytes(of: &self) { bytes in
        let call = unsafe bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Call.self)
        return unsafe body(&call.pointee)
      }
    }
  }

  /// The client's output.
  var reply: ReplyWriter {
    @_transparent _read { yield client.reply }
    @_transparent nonmutating _modify { yield &client.reply }
  }

  /// The side effects of this command: the one way to followers, watchers and subscribers.
  var effects: Effects { @_transparent _read { yield server.effects } }

  /// The time in which the whole execution unit happens.
  var moment: Moment { @_transparent _read { yield server.moment } }

  /// The argument at `index` as a key: its bytes and its hash, computed once per request.
  @inline(__always)
  @_lifetime(borrow self)
  func key(_ index: Int) -> Key {
    var hash = arguments.hash(at: index)
    if hash == 0 {
      hash = SipHash13.hash(arguments[index], database.seed)
      arguments.setHash(hash, at: index)
    }
    return Key(arguments[index], hash: hash)
  }

  /// The argument at `index` as an option word; words of more than eight bytes match nothing.
  @inline(__always)
  func keyword(_ index: Int) -> Keyword { Keyword(folding: arguments[index]) }

  /// The argument at `index` as a 64-bit integer.
  @inline(__always)
  func integer(
    _ index: Int, orThrow error: CommandError = .notInteger
  ) throws(CommandError) -> Int {
    guard let value = DecimalText.parse(arguments[index]) else { throw error }
    return value
  }

  /// An error whose text is put together at run time.
  func failure(_ message: ByteText) -> CommandError {
    server.errorText.message = message
    return .formatted
  }

  /// The error of a request with too few or too many arguments, which its arity doesn't tell.
  @inline(never)
  func wrongArgumentCount() -> CommandError {
    let name = server.commands.description(of: command).fullName
    return failure("ERR wrong number of arguments for '\(name)' command")
  }

  // MARK: - Effects

  /// Says that the value of `key` has changed: one event, and usually one change.
  @inline(__always)
  func changed(_ key: Key, _ event: KeyEvent, count: Int = 1) {
    server.effects.changed(key, event, in: database, count: count)
  }

  /// The same for a key of another database (MOVE, COPY).
  func changed(_ key: Key, _ event: KeyEvent, in other: Database) {
    server.effects.changed(key, event, in: other)
  }

  /// Removes a collection that has lost its last element, and announces that it is deleted.
  ///
  /// The command has said before what it changed.
  func removeEmptied(_ key: Key) {
    if database.remove(key) { effects.notify(.delete, key, in: database) }
  }
}
