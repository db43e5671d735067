// SPDX-License-Identifier: Apache-2.0

import DataStructures

extension Configuration {
  /// Changes several options, or none of them (CONFIG SET).
  ///
  /// - Parameters:
  ///   - pairs: names and values as the client gave them.
  ///   - allowsProtected: whether the client may change protected options.
  /// - Throws: the text of the error reply, without "ERR "; everything is as it was then.
  func set(
    _ pairs: [(name: ByteText, value: ByteText)], allowsProtected: Bool
  ) throws(OptionError) {
    let entries = try check(pairs, allowsProtected: allowsProtected)
    let old = entries.map { $0.option.read(self) }
    for (index, entry) in entries.enumerated() {
      do throws(OptionError) {
        try entry.option.write(self, text: pairs[index].value)
      } catch {
        restore(entries[...index], old)
        throw Self.failure(ByteText(entry.name), error.message)
      }
    }
    let changed = zip(entries, old).filter {
      $0.option.traits.contains(.volatile) || $0.option.read(self) != $1
    }.map(\.0.option)
    guard !changed.isEmpty, let changeObserver else { return }
    let change = ConfigurationChange(
      names: changed.map(\.name), effects: changed.reduce(into: []) { $0.formUnion($1.effect) })
    do throws(ConfigurationChange.Failure) {
      try changeObserver(change)
    } catch {
      restore(entries[...], old)
      // The old values worked before; should they fail now, there is nothing better to go back to.
      try? changeObserver(change)
      throw Self.failure(ByteText(error.option), error.message)
    }
  }

  /// Finds the options; the first pair that can't be set decides the error.
  private func check(
    _ pairs: [(name: ByteText, value: ByteText)], allowsProtected: Bool
  ) throws(OptionError) -> [OptionTable.Entry] {
    var entries: [OptionTable.Entry] = []
    for pair in pairs {
      guard let entry = OptionTable.find(pair.name) else {
        throw OptionError(
          "Unknown option or number of arguments for CONFIG SET - '\(echo: pair.name.bytes)'")
      }
      let traits = entry.option.traits
      if traits.contains(.immutable) {
        throw Self.failure(pair.name, "can't set immutable config")
      }
      if traits.contains(.protected), !allowsProtected {
        throw Self.failure(pair.name, "can't set protected config")
      }
      if entries.contains(where: { $0.name == entry.name }) {
        throw Self.failure(pair.name, "duplicate parameter")
      }
      entries.append(entry)
    }
    return entries
  }

  /// Gives options their old values back, the last one first, as two names may mean one option.
  private func restore(_ entries: ArraySlice<OptionTable.Entry>, _ old: [ByteText]) {
    for index in entries.indices.reversed() {
      try? entries[index].option.write(self, text: old[index])
    }
  }

  private static func failure(_ name: ByteText, _ message: ByteText) -> OptionError {
    OptionError(
      "CONFIG SET failed (possibly related to argument '\(echo: name.bytes)') - \(message)")
  }
}
