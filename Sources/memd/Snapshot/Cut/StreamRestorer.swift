// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// XCLAIM and XNACK refuse entries that are not there. But an entry may be pending although it was
// deleted. So what is pending and not there is added in its place, and deleted in the end.
//
//     XADD key id field value ...     for each entry, and for each that is missing
//     XSETID key id ENTRIESADDED n MAXDELETEDID id
//     XGROUP CREATE key group id ENTRIESREAD n
//     XGROUP CREATECONSUMER key group consumer
//     XCLAIM key group consumer 0 id ... TIME t RETRYCOUNT n JUSTID FORCE
//     XNACK key group SILENT IDS n id ... RETRYCOUNT n FORCE
//     XTRIM key MINID id, XDEL key id ..., XSETID again           if entries were missing
//
// No command tells what producers have added lately. Then, and in a few cases that only files can
// bring, the whole stream becomes the payload of one RESTORE.

/// Writes the commands that make one stream of nothing.
///
/// Figures, groups and producers come before the blocks.
final class StreamRestorer {
  private let output: CommandOutput
  private let compresses: Bool
  private let kind: RDBFormat.ValueKind

  /// Number of blocks.
  var nodeCount = 0
  var figures: StreamFigures?
  /// The payloads of the groups' records.
  var groups: [[UInt8]] = []
  /// Producers as they stand in an RDB file.
  var producers: [UInt8]?

  /// What is pending in any group, in order; those in front of `nextPending` are there.
  private var pending: [StreamID] = []
  private var nextPending = 0
  /// What was added only to be pending.
  private var missing: [StreamID] = []
  /// Where the stream goes if commands can't make it.
  private var payload: RDBWriter?
  private var hasBegun = false

  /// - Parameters:
  ///   - output: where the key has been told.
  ///   - kind: how an RDB file would have the stream.
  init(_ output: CommandOutput, _ kind: RDBFormat.ValueKind, compresses: Bool) {
    self.output = output
    self.kind = kind
    self.compresses = compresses
  }

  // MARK: - Entries

  /// Begins the entries, once all that comes before them is known.
  private func beginEntries() {
    guard !hasBegun else { return }
    hasBegun = true
    for group in groups {
      let image = GroupImage(group.rawSpan)
      for index in 0..<image.pendingCount { pending.append(image.pending(at: index).id) }
    }
    if groups.count > 1 {
      pending.sort()
      pending = pending.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }
    guard needsPayload else { return }
    let writer = RDBWriter(compresses: compresses, version: RDBFormat.fieldDeadlineVersion)
    writer.kind(kind)
    writer.length(nodeCount)
    payload = writer
  }

  private var needsPayload: Bool {
    guard let figures else { preconditionFailure("a stream without figures") }
    return figures.hasProducers || figures.entriesAdded > UInt64(Int.max)
      || pending.first == .zero || (pending.last ?? .zero) > figures.lastID
  }

  /// Writes the entries of a block, given as the payload of its record.
  func add(node bytes: RawSpan) {
    beginEntries()
    var reader = ImageReader(bytes)
    let id = reader.id()
    let listpack = bytes.extracting(16..<bytes.byteCount)
    if let payload { return payload.streamNode(id, listpack) }
    StreamNodeView(id: id, copy: listpack).forEach { add($0) }
  }

  private func add(_ entry: StreamEntry) {
    addMissing(before: entry.id)
    if nextPending < pending.count, pending[nextPending] == entry.id { nextPending += 1 }
    output.begin("XADD", argumentCount: 1 + max(1, entry.fieldCount) * 2)
    output.append(entry.id)
    // Only files can bring an entry without fields.
    if entry.fieldCount == 0 { return appendAnyField() }
    var texts = entry.texts
    var scratch = DecimalScratch()
    while let text = texts.next(&scratch) { output.append(text) }
  }

  /// Adds what is pending and not there, up to an entry; nil: up to the end.
  private func addMissing(before id: StreamID?) {
    while nextPending < pending.count, id.map({ pending[nextPending] < $0 }) ?? true {
      output.begin("XADD", argumentCount: 3)
      output.append(pending[nextPending])
      appendAnyField()
      missing.append(pending[nextPending])
      nextPending += 1
    }
  }

  private func appendAnyField() {
    output.append("x")
    output.append("y")
  }

  // MARK: - The end

  /// Writes what comes behind the entries.
  func finish() {
    beginEntries()
    guard let figures else { return }
    if let payload { return restore(payload, figures) }
    addMissing(before: nil)
    if figures.length == 0, missing.isEmpty { addNothing() }
    let atLeast = UInt64(figures.length + missing.count)
    set(figures, entriesAdded: max(figures.entriesAdded, atLeast))
    for group in groups { add(GroupImage(group.rawSpan)) }
    guard !missing.isEmpty else { return }
    removeMissing(figures)
    set(figures, entriesAdded: figures.entriesAdded)
  }

  /// Makes a stream that has no entry.
  private func addNothing() {
    output.begin("XADD", argumentCount: 5)
    output.append("MAXLEN")
    output.append(integer: 0)
    output.append(StreamID(0, 1))
    appendAnyField()
  }

  private func set(_ figures: StreamFigures, entriesAdded: UInt64) {
    output.begin("XSETID", argumentCount: 5)
    output.append(figures.lastID)
    output.append("ENTRIESADDED")
    output.append(integer: Int(entriesAdded))
    output.append("MAXDELETEDID")
    output.append(figures.maxDeletedID)
  }

  /// Trims what was trimmed, which is not remembered, and deletes what was deleted behind it.
  private func removeMissing(_ figures: StreamFigures) {
    if figures.length == 0 || missing[0] < figures.firstID {
      output.begin("XTRIM", argumentCount: 2)
      if figures.length == 0 {
        output.append("MAXLEN")
        output.append(integer: 0)
      } else {
        output.append("MINID")
        output.append(figures.firstID)
      }
    }
    guard figures.length > 0 else { return }
    var rest = missing.drop { $0 < figures.firstID }
    while !rest.isEmpty {
      let some = rest.prefix(CommandOutput.elementCountMax)
      rest = rest.dropFirst(some.count)
      output.begin("XDEL", argumentCount: some.count)
      for id in some { output.append(id) }
    }
  }

  private func restore(_ writer: RDBWriter, _ figures: StreamFigures) {
    writer.figures(figures)
    for group in groups { writer.group(GroupImage(group.rawSpan), kind) }
    if let producers { writer.raw(producers.rawSpan) }
    writer.require(kind)
    output.begin("RESTORE", argumentCount: 2)
    output.append(integer: 0)
    output.append(DumpPayload.seal(writer).rawSpan)
  }

  // MARK: - Groups

  private func add(_ group: borrowing GroupImage) {
    output.begin("XGROUP", "CREATE", argumentCount: 4)
    output.append(group.name)
    output.append(group.lastID)
    output.append("ENTRIESREAD")
    output.append(integer: group.entriesRead)
    var reader = group.consumers
    for _ in 0..<group.consumerCount {
      let consumer = ConsumerImage(&reader)
      output.begin("XGROUP", "CREATECONSUMER", argumentCount: 2)
      output.append(group.name)
      output.append(consumer.name)
      claimPending(of: consumer, in: group)
    }
    release(&reader, of: group)
  }

  /// Gives a consumer what it has pending, neighbours together if they were delivered together.
  private func claimPending(
    of consumer: borrowing ConsumerImage, in group: borrowing GroupImage
  ) {
    var ids = consumer.ids
    var run: [GroupImage.Pending] = []
    for _ in 0..<consumer.pendingCount {
      let next = group.pending(ids.id())
      if let first = run.first,
        first.deliveryTime != next.deliveryTime || first.deliveryCount != next.deliveryCount
          || run.count == CommandOutput.elementCountMax
      {
        claim(run, for: consumer, in: group)
        run.removeAll(keepingCapacity: true)
      }
      run.append(next)
    }
    claim(run, for: consumer, in: group)
  }

  private func claim(
    _ run: [GroupImage.Pending], for consumer: borrowing ConsumerImage,
    in group: borrowing GroupImage
  ) {
    guard let first = run.first else { return }
    output.begin("XCLAIM", argumentCount: 3 + run.count + 6)
    output.append(group.name)
    output.append(consumer.name)
    output.append(integer: 0)
    for pending in run { output.append(pending.id) }
    output.append("TIME")
    output.append(integer: Int(first.deliveryTime))
    output.append("RETRYCOUNT")
    output.append(integer: first.deliveryCount)
    output.append("JUSTID")
    output.append("FORCE")
  }

  /// Makes entries pending that consumers gave back, in the order in which they did.
  private func release(_ reader: inout ImageReader, of group: borrowing GroupImage) {
    var run: [GroupImage.Pending] = []
    for _ in 0..<group.releasedCount {
      let next = group.pending(reader.id())
      if let first = run.first,
        first.deliveryCount != next.deliveryCount || run.count == CommandOutput.elementCountMax
      {
        release(run, of: group)
        run.removeAll(keepingCapacity: true)
      }
      run.append(next)
    }
    release(run, of: group)
  }

  private func release(_ run: [GroupImage.Pending], of group: borrowing GroupImage) {
    guard let first = run.first else { return }
    output.begin("XNACK", argumentCount: 4 + run.count + 3)
    output.append(group.name)
    output.append("SILENT")
    output.append("IDS")
    output.append(integer: run.count)
    for pending in run { output.append(pending.id) }
    output.append("RETRYCOUNT")
    output.append(integer: first.deliveryCount)
    output.append("FORCE")
  }
}
