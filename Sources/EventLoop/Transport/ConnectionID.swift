// SPDX-License-Identifier: Apache-2.0

/// Identity of a connection that never confuses a reused descriptor: slot and generation.
///
///     word:  63            32 31             0
///           +----------------+----------------+
///           |   generation   |      slot      |
///           +----------------+----------------+
///
/// Generation 0 means no connection; the highest generations mark listeners, wake-ups and signals
/// in the user data of epoll and are never given to connections. The highest bit of a generation
/// marks an encrypted connection, and without it the one that carries its bytes.
public struct ConnectionID: Hashable, Sendable {
  /// Slot and generation in one word, as epoll carries them.
  public let word: UInt64

  /// Takes a word apart that was made from another identity.
  @inlinable
  public init(word: UInt64) { self.word = word }

  /// Puts an identity together.
  @inlinable
  public init(slot: UInt32, generation: UInt32) {
    word = UInt64(generation) << 32 | UInt64(slot)
  }

  /// The identity that no connection has.
  @inlinable
  public static var none: ConnectionID { ConnectionID(word: 0) }

  /// Index into tables of connections; small, and reused after a close.
  @inlinable
  public var slot: UInt32 { UInt32(truncatingIfNeeded: word) }

  /// Distinguishes the connections that had the same slot.
  @inlinable
  public var generation: UInt32 { UInt32(truncatingIfNeeded: word >> 32) }

  /// Whether the connection is encrypted: `Encryption` knows it, the transport doesn't.
  public var isEncrypted: Bool {
    generation & ConnectionID.encryptionMark != 0 && generation < ConnectionID.listenerGeneration
  }

  /// The identity of the encrypted connection that this one carries.
  internal var encrypted: ConnectionID {
    ConnectionID(slot: slot, generation: generation | ConnectionID.encryptionMark)
  }

  /// The identity of the connection that carries this one; itself if it isn't encrypted.
  internal var carrier: ConnectionID {
    ConnectionID(slot: slot, generation: generation & ~ConnectionID.encryptionMark)
  }

  private static let encryptionMark: UInt32 = 1 << 31

  /// The last generation that a connection can have; the next one is 1 again.
  internal static let lastGeneration: UInt32 = 0x7FFF_FF00
  /// Generation of events of listeners; the slot is the listener's index.
  internal static let listenerGeneration: UInt32 = 0xFFFF_FF01
  /// Generation of the wake-up event.
  internal static let wakeUpGeneration: UInt32 = 0xFFFF_FF02
  /// Generation of the signal pipe's event.
  internal static let signalGeneration: UInt32 = 0xFFFF_FF03

  /// The generation that follows in the same slot.
  internal static func generation(after generation: UInt32) -> UInt32 {
    generation >= lastGeneration ? 1 : generation + 1
  }
}
