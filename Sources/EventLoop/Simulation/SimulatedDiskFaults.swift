// SPDX-License-Identifier: Apache-2.0

/// What a simulated disk does wrong; all off at first.
public struct SimulatedDiskFaults: Sendable {
  /// The bytes that fit on the disk; a write beyond takes what fits, the next fails with ENOSPC.
  public var capacityByteCount = Int.max
  /// The most bytes that one write takes.
  public var writtenByteCountMax = Int.max
  /// The most bytes that one read brings.
  public var readByteCountMax = Int.max
  /// Every sync fails with EIO; what was written since the last one will not survive a crash, and
  /// later syncs don't change that.
  public var failsSync = false
  /// With `failsSync`: readers see at once what is left, as if memory had run short (else they read
  /// the old pages until a crash).
  public var failedSyncForgetsPages = false
  /// Every sync succeeds and does nothing: a drive that acknowledges what is in its cache.
  public var liesAboutSync = false
  /// Every write fails with EIO.
  public var failsWrite = false
  /// Every read fails with EIO.
  public var failsRead = false
  /// Every open fails with EACCES.
  public var failsOpen = false
  /// Every rename fails with EIO.
  public var failsRename = false
  /// Everything that changes something fails with EROFS.
  public var isReadOnly = false
  /// How many of a million operations fail with EIO.
  public var failuresPerMillion = 0
  /// How long an operation lasts; the clock of the disk is moved by it.
  public var delayNanoseconds: Int64 = 0
  /// How much longer a sync lasts, drawn each time.
  public var syncDelayNanoseconds: ClosedRange<Int64> = 0...0

  /// No faults.
  public init() {}
}

/// What a power cut leaves of changes that were not synced.
///
/// POSIX promises nothing about them: fsync(2) is for the bytes of a file, fsync of the directory
/// for its names. What file systems really do lies between the first and the last of these ("All
/// File Systems Are Not Created Equal", OSDI 2014, calls it persistence properties).
public enum SimulatedCrash: Sendable, CaseIterable {
  /// Drawn from the seed for names and for each file.
  case drawn
  /// Only what was synced.
  case nothing
  /// All changes, as if everything had just been synced.
  case everything
  /// Changes in their order up to some point, the last write in part: an ordered journal.
  case prefix
  /// Any part of them: writes sector by sector and in any order, sizes without the bytes (which are
  /// zeros then), changes of names in any order in which each name's own is kept.
  case sectors

  /// Writes of up to so many aligned bytes are not torn, except at the end of a file.
  static let sectorByteCount = 512

  /// A style that is not `.drawn`.
  internal func resolved(using generator: inout SeededGenerator) -> SimulatedCrash {
    guard self == .drawn else { return self }
    switch generator.number(in: 0...7) {
    case 0: return .nothing
    case 1: return .everything
    case 2...4: return .prefix
    default: return .sectors
    }
  }
}
