// SPDX-License-Identifier: Apache-2.0

/// MEMORY DOCTOR: what is wrong with the use of memory, in words.
enum MemoryReport {
  /// With less data than this the ratios mean nothing.
  private static let byteCountMin = 5 << 20
  private static let fragmentationMin = 10 << 20

  static func text(_ figures: MemoryFigures) -> String {
    guard figures.used - figures.startup >= byteCountMin else {
      return "This server holds very little data: there is nothing to say about its memory.\n"
    }
    var problems: [String] = []
    if Double(figures.peak) > Double(figures.used) * 1.5 {
      problems.append(
        "Peak memory: the server once used \(FixedPoint.human(bytes: figures.peak)), half as much"
          + " again as now. What was freed may still be resident.")
    }
    if figures.fragmentationRatio > 1.1, figures.slabFree > fragmentationMin {
      problems.append(
        "Fragmentation: \(FixedPoint.human(bytes: figures.slabFree)) in slabs are free but can't"
          + " be returned. 'CONFIG SET activedefrag yes' moves entries together.")
    }
    if figures.overheadRatio > 1.5, figures.resident - figures.active > fragmentationMin {
      problems.append(
        "Resident memory is \(FixedPoint.text(figures.overheadRatio, digits: 2)) times what the"
          + " allocator holds. MEMORY PURGE gives free memory back.")
    }
    if problems.isEmpty { return "No problem with memory was found.\n" }
    var text = "Problems with memory were found:\n\n"
    for problem in problems { text += " * \(problem)\n\n" }
    return text
  }
}
