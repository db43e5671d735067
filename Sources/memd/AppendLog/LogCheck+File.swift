// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

extension LogCheck {
  /// Checks one file; cuts it if that is asked for and allowed.
  mutating func check(_ part: Part) throws(Stop) {
    let file = try attempt("Cannot open file \(part.shownPath)") { disk throws(DiskError) in
      try disk.open(part.path, .read)
    }
    defer { file.close() }
    let (byteCount, start) = try attempt(part.readFailure) { _ throws(DiskError) in
      (try file.byteCount(), try Self.start(of: file))
    }
    let isRDB = Self.isRDB(start)
    if part.style == .base {
      tools.write("Start to check BASE AOF (\(isRDB ? "RDB" : "RESP") format).")
    }
    if start.isEmpty { return tools.write("\(part.style.rawValue) \(part.name) is empty") }
    let offset = isRDB ? try passRDB(part, file) : 0
    let reading = LogCheckReading(file, offset: offset, timestampMax: options.timestampMax)
    let verdict = try attempt(part.readFailure) { _ throws(DiskError) in try reading.run() }
    // A running server may have written meanwhile.
    let size = max(byteCount, reading.wholeOffset)
    switch verdict {
    case .whole:
      if size > offset { describe(reading, reading.whole) }
      finish(part, reading, byteCount: size)
    case .damaged(let damage):
      let loss = try attempt(part.readFailure) { _ throws(DiskError) in
        try Loss(damage, reading, file, byteCount: size)
      }
      describe(damage, part, reading, loss)
      try finish(part, loss)
    case .reached(let cutOffset):
      describe(reading, reading.whole)
      try finish(part, byteCount: size, cutOffset: cutOffset)
    }
  }

  /// Checks the RDB that a file begins with, and tells where it ends.
  private func passRDB(_ part: Part, _ file: DiskFile) throws(Stop) -> Int {
    let end = RDBCheck.end(
      of: file, path: part.shownPath, clock: tools.clock, write: tools.write)
    guard let end else { throw Stop("RDB preamble of AOF file is not sane, aborting.") }
    try attempt(part.readFailure) { _ throws(DiskError) in try file.seek(to: end) }
    tools.write("RDB preamble is OK, proceeding with AOF tail...")
    return end
  }

  /// What a file loses when it is cut.
  private struct Loss {
    let byteCount: Int
    let cutOffset: Int
    let kept: LogCheckReading.Counts
    let rest: LogCheckRest

    /// The least loss after which nothing that is left is in doubt.
    init(
      _ damage: LogCheckReading.Damage, _ reading: LogCheckReading, _ file: DiskFile,
      byteCount: Int
    ) throws(DiskError) {
      self.byteCount = byteCount
      let rest = try LogCheckRest(of: file, from: damage.wholeOffset, byteCount: byteCount)
      let confirmedOffset = reading.confirmedWholeOffset
      let isInDoubt = !damage.isTorn && rest.hasAnnotations
      guard isInDoubt, confirmedOffset < damage.wholeOffset else {
        cutOffset = damage.wholeOffset
        kept = reading.whole
        self.rest = rest
        return
      }
      // Bytes have changed in what once was whole. They may belong to a command that still can be
      // read.
      cutOffset = confirmedOffset
      kept = reading.confirmed
      self.rest = try LogCheckRest(of: file, from: cutOffset, byteCount: byteCount)
    }

    var text: String {
      var text = "no complete commands"
      if let first = rest.firstOffset {
        let limit = rest.isComplete ? "" : "at least "
        text = "\(limit)\(rest.commandCount) complete commands, the first at offset \(first)"
      }
      return "cut at offset \(cutOffset) it would lose \(byteCount - cutOffset) bytes with \(text)"
    }
  }

  private func describe(_ reading: LogCheckReading, _ kept: LogCheckReading.Counts) {
    tools.write("[info] \(kept.commands) commands, \(kept.transactions) transactions")
    if let first = kept.firstTimestamp, let last = kept.lastTimestamp {
      tools.write("[info] timestamps from \(first) to \(last)")
    }
    guard let annotation = reading.lastAnnotation else { return }
    tools.write(
      "[info] confirmed up to offset \(reading.confirmedOffset) by the checksums of"
        + " \(reading.annotationCount) annotations")
    tools.write(
      "[info] the dataset is there that of replication id \(annotation.replicationID.logText) at"
        + " offset \(annotation.offset)")
  }

  private func describe(
    _ damage: LogCheckReading.Damage, _ part: Part, _ reading: LogCheckReading, _ loss: Loss
  ) {
    describe(reading, loss.kept)
    tools.write("\(Self.hexadecimal(damage.offset)): \(damage.text) in AOF \(part.name)")
    if let range = damage.range {
      tools.write(
        "[info] the damage is between offsets \(range.lowerBound) and \(range.upperBound)")
    }
    if loss.cutOffset < damage.wholeOffset {
      tools.write("[info] the log went on behind it: what isn't confirmed is in doubt")
    }
    tools.write("[info] " + loss.text)
    analyze(part, loss.kept, loss.byteCount, okUpTo: loss.cutOffset)
  }

  private func analyze(
    _ part: Part, _ kept: LogCheckReading.Counts, _ byteCount: Int, okUpTo end: Int
  ) {
    tools.write(
      "AOF analyzed: filename=\(part.name), size=\(byteCount), ok_up_to=\(end),"
        + " ok_up_to_line=\(1 + kept.lines), diff=\(byteCount - end)")
  }

  // MARK: - Endings

  private func finish(_ part: Part, _ reading: LogCheckReading, byteCount: Int) {
    if let timestampMax = options.timestampMax {
      tools.write("Truncate nothing in AOF \(part.name) to timestamp \(timestampMax)")
    } else {
      analyze(part, reading.whole, byteCount, okUpTo: byteCount)
    }
    tools.write("\(part.style.rawValue) \(part.name) is valid")
  }

  private mutating func finish(_ part: Part, _ loss: Loss) throws(Stop) {
    guard options.fixes else {
      isValid = false
      return tools.write("AOF \(part.name) is not valid. Use the --fix option to try fixing it.")
    }
    let failure = "Failed to truncate AOF \(part.name)"
    guard part.isLast else { throw Stop(failure + " because it is not the last file") }
    tools.write(
      "This will shrink the AOF \(part.name) from \(loss.byteCount) bytes, with"
        + " \(loss.byteCount - loss.cutOffset) bytes, to \(loss.cutOffset) bytes")
    guard tools.confirm("Continue? [y/N]: ") else { throw Stop("Aborting...") }
    try truncate(part, byteCount: loss.byteCount, to: loss.cutOffset, orElse: failure)
    tools.write("Successfully truncated AOF \(part.name)")
  }

  private func finish(_ part: Part, byteCount: Int, cutOffset: Int) throws(Stop) {
    let timestamp = options.timestampMax ?? 0
    guard cutOffset > 0 else {
      throw Stop("AOF \(part.name) has nothing before timestamp \(timestamp), aborting...")
    }
    guard part.isLast else {
      throw Stop(
        "Failed to truncate AOF \(part.shownPath) to timestamp \(timestamp) to offset \(cutOffset)"
          + " because it is not the last file.",
        "If you insist, please delete all files after this file according to the manifest file and"
          + " delete the corresponding records in manifest file manually. Then re-run this check.")
    }
    guard isValid else {
      throw Stop(
        "Failed to truncate AOF \(part.name) to timestamp \(timestamp) because a file in front of"
          + " it is not valid")
    }
    try truncate(
      part, byteCount: byteCount, to: cutOffset,
      orElse: "Failed to truncate AOF \(part.name) to timestamp \(timestamp)")
    tools.write("Successfully truncated AOF \(part.name) to timestamp \(timestamp)")
  }

  /// Cuts a file that has still as many bytes as were checked.
  private func truncate(
    _ part: Part, byteCount: Int, to cutOffset: Int, orElse failure: String
  ) throws(Stop) {
    let now = try attempt(failure) { disk throws(DiskError) in
      try disk.byteCount(of: part.path)
    }
    guard now == byteCount else {
      throw Stop("\(failure): somebody has written to it meanwhile, aborting...")
    }
    try attempt(failure) { disk throws(DiskError) in
      // Appending is the mode that keeps what is there; nothing is written.
      let file = try disk.open(part.path, .append)
      defer { file.close() }
      try file.truncate(to: cutOffset)
      try file.sync()
    }
  }

  /// An offset as redis-check-aof prints it.
  private static func hexadecimal(_ offset: Int) -> String {
    let digits = String(offset, radix: 16)
    return "0x" + String(repeating: " ", count: max(0, 16 - digits.utf8.count)) + digits
  }
}
