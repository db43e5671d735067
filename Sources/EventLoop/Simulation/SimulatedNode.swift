// SPDX-License-Identifier: Apache-2.0

/// What a name of a simulated disk stands for: the bytes of a file, a directory, or a link.
///
/// Besides the bytes that readers see it keeps what undoes the changes since the last sync, so that
/// appending costs no copy and a crash can go back and redo a part.
internal final class SimulatedNode {
  /// What it is.
  enum Kind: Equatable {
    case file
    case directory
    /// A symbolic link with its target.
    case link(String)
  }

  /// A change that no sync has made durable: old bytes gave way to new ones. Where their numbers
  /// differ, the end of the file moved.
  private struct Change {
    let offset: Int
    let old: [UInt8]
    var newCount: Int
    var state = State.pending
  }

  private enum State {
    /// Survives a crash perhaps.
    case pending
    /// Survives, but stands behind one that doesn't.
    case durable
    /// Was thrown away by a sync that failed.
    case lost
  }

  let kind: Kind
  /// What readers see.
  private(set) var bytes: [UInt8]
  private var changes: [Change] = []

  init(_ kind: Kind = .file, durable bytes: [UInt8] = []) {
    self.kind = kind
    self.bytes = bytes
  }

  // MARK: - Changing

  /// Puts bytes at a place, with zeros in front of it if the file is shorter.
  func write(_ new: [UInt8], at offset: Int) {
    if offset > bytes.count { truncate(to: offset) }
    if new.isEmpty { return }
    let end = min(offset + new.count, bytes.count)
    note(offset: offset, old: Array(bytes[offset..<end]), newCount: new.count)
    bytes.replaceSubrange(offset..<end, with: new)
  }

  /// Cuts, or fills up with zeros.
  func truncate(to byteCount: Int) {
    if byteCount < bytes.count {
      note(offset: byteCount, old: Array(bytes[byteCount...]), newCount: 0)
      bytes.removeLast(bytes.count - byteCount)
    } else if byteCount > bytes.count {
      note(offset: bytes.count, old: [], newCount: byteCount - bytes.count)
      bytes.append(contentsOf: repeatElement(0, count: byteCount - bytes.count))
    }
  }

  private func note(offset: Int, old: [UInt8], newCount: Int) {
    if old.isEmpty, let last = changes.last, last.state == .pending,
      last.offset + last.newCount == offset, last.newCount > 0
    {
      // Appending goes on: one change, however many writes.
      changes[changes.count - 1].newCount += newCount
    } else {
      changes.append(Change(offset: offset, old: old, newCount: newCount))
    }
  }

  // MARK: - Durability

  /// Makes the bytes durable, except those that a failed sync has lost.
  func sync() {
    guard changes.contains(where: { $0.state == .lost }) else { return changes.removeAll() }
    for index in changes.indices where changes[index].state == .pending {
      changes[index].state = .durable
    }
  }

  /// A sync that fails: what is not durable never will be.
  func failSync(forgetsPages: Bool) {
    for index in changes.indices where changes[index].state == .pending {
      changes[index].state = .lost
    }
    if forgetsPages {
      var none = SeededGenerator(seed: 0)
      crash(.nothing, using: &none)
    }
  }

  /// Loses a part of what was not synced.
  func crash(_ style: SimulatedCrash, using generator: inout SeededGenerator) {
    if changes.isEmpty { return }
    let redo = undoAll()
    let pendingCount = redo.count { $0.change.state == .pending }
    let chosen = style.resolved(using: &generator)
    let kept = Int(generator.number(in: 0...Int64(pendingCount)))
    var number = 0
    for (change, new) in redo where change.state != .lost {
      if change.state == .durable {
        place(new[...], of: change)
        continue
      }
      switch chosen {
      case .nothing: break
      case .everything, .drawn: place(new[...], of: change)
      case .prefix:
        if number < kept { place(new[...], of: change) }
        if number == kept { placePart(new, of: change, using: &generator) }
      case .sectors: placeSectors(new, of: change, using: &generator)
      }
      number += 1
    }
  }

  /// Goes back to what is durable; the changes with their bytes, the oldest first.
  private func undoAll() -> [(change: Change, new: [UInt8])] {
    var redo: [(change: Change, new: [UInt8])] = []
    for change in changes.reversed() {
      let range = change.offset..<change.offset + change.newCount
      redo.append((change, Array(bytes[range])))
      bytes.replaceSubrange(range, with: change.old)
    }
    changes.removeAll()
    return redo.reversed()
  }

  private func place(_ new: ArraySlice<UInt8>, of change: Change) {
    if change.newCount < change.old.count {
      // The end came nearer.
      bytes.removeLast(max(0, bytes.count - change.offset - change.newCount))
    }
    place(new, at: change.offset)
  }

  private func place(_ new: ArraySlice<UInt8>, at offset: Int) {
    if new.isEmpty { return }
    fill(to: offset)
    let end = min(offset + new.count, bytes.count)
    bytes.replaceSubrange(offset..<end, with: new)
  }

  private func fill(to byteCount: Int) {
    let missing = max(0, byteCount - bytes.count)
    bytes.append(contentsOf: repeatElement(0, count: missing))
  }

  private func placePart(
    _ new: [UInt8], of change: Change, using generator: inout SeededGenerator
  ) {
    let count = Int(generator.number(in: 0...Int64(new.count)))
    place(new[..<count], at: change.offset)
  }

  private func placeSectors(
    _ new: [UInt8], of change: Change, using generator: inout SeededGenerator
  ) {
    let end = change.offset + change.newCount
    if change.newCount < change.old.count {
      if generator.happens(perMillion: 500_000) { place([], of: change) }
      return
    }
    if generator.happens(perMillion: 500_000) { fill(to: end) }
    var start = change.offset
    while start < end {
      let sector = SimulatedCrash.sectorByteCount
      let next = min(end, (start / sector + 1) * sector)
      if generator.happens(perMillion: 500_000) {
        place(new[start - change.offset..<next - change.offset], at: start)
      }
      start = next
    }
  }
}
