// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A report as JSON, for the live page.
struct LiveFigures {
  private(set) var text = "{"

  init(_ report: FigureReport) {
    text += "\"time\":\(report.wallMilliseconds),\"info\":{"
    for (index, field) in report.fields.enumerated() {
      text += "\(index > 0 ? "," : "")\(Self.quoted(field.name)):\(Self.quoted(field.text))"
    }
    text += "},\"commands\":["
    for (index, command) in report.commands.enumerated() {
      text +=
        "\(index > 0 ? "," : ""){\"name\":\(Self.quoted(command.name)),\"calls\":\(command.calls),"
        + "\"us\":\(Int(command.microseconds)),\"failed\":\(command.failedCalls),"
        + "\"rejected\":\(command.rejectedCalls),\"steps\":\(Self.steps(command.durations))}"
    }
    text += "],\"turns\":\(Self.steps(report.turns)),\"lag\":\(Self.steps(report.expiryLag))"
    text += ",\"logs\":{"
    for (index, log) in report.logs.enumerated() {
      text += "\(index > 0 ? "," : "")\(Self.quoted(log.name)):\(Self.commands(log.newest))"
    }
    text += "}"
    if let session = report.hotKeys { text += ",\"hot\":\(Self.hotKeys(session))" }
    if let census = report.census { text += ",\"census\":\(Self.census(census))" }
    text += "}\n"
  }

  private static func commands(_ commands: [FigureReport.LoggedCommand]) -> String {
    list(commands) { command in
      "{\"id\":\(command.id),\"time\":\(command.time),"
        + "\"measure\":\(command.measure),\"text\":\(quoted(command.text)),"
        + "\"client\":\(quoted(command.client))}"
    }
  }

  private static func hotKeys(_ session: FigureReport.HotKeys) -> String {
    func keys(_ keys: [FigureReport.HotKey]?) -> String {
      list(keys ?? []) { "[\(quoted(NameText.of($0.name))),\($0.weight)]" }
    }
    return "{\"active\":\(session.isActive),\"ms\":\(session.milliseconds),"
      + "\"ns\":\(keys(session.times)),\"bytes\":\(keys(session.bytes))}"
  }

  private static func census(_ census: CensusReport) -> String {
    let result = census.result ?? CensusResult()
    let types = list(result.types.filter { $0.count.keys > 0 }) { type in
      "{\"name\":\(quoted(type.type.name.description)),\(count(type.count))}"
    }
    let prefixes = list(census.prefixes) { prefix in
      let traffic = prefix.traffic
      return "{\"name\":\(prefix.name.map { quoted(NameText.of($0)) } ?? "null"),"
        + "\(count(prefix.count)),\"reads\":\(traffic.reads),\"writes\":\(traffic.writes),"
        + "\"hits\":\(traffic.hits),\"misses\":\(traffic.misses),"
        + "\"expired\":\(traffic.expired),\"evicted\":\(traffic.evicted)}"
    }
    return "{\"on\":\(census.isOn),\"progress\":\(census.progress),"
      + "\"age\":\(census.ageMilliseconds ?? -1),\"types\":\(types),\"prefixes\":\(prefixes),"
      + "\"largest\":\(largest(result.byBytes)),\"longest\":\(largest(result.byElements))}"
  }

  private static func count(_ count: CensusResult.Count) -> String {
    "\"keys\":\(count.keys),\"bytes\":\(count.bytes),\"elements\":\(count.elements)"
  }

  private static func largest(_ largest: CensusResult.Largest) -> String {
    list(largest.keys) { key in
      "{\"name\":\(quoted(NameText.of(key.name, byteCount: key.nameByteCount))),"
        + "\"db\":\(key.database),\"type\":\(quoted(key.type.name.description)),"
        + "\"bytes\":\(key.bytes),\"elements\":\(key.elements)}"
    }
  }

  private static func list<Element>(
    _ elements: [Element], _ text: (Element) -> String
  ) -> String {
    "[" + elements.map(text).joined(separator: ",") + "]"
  }

  private static func steps(_ durations: FigureReport.Durations) -> String {
    "[" + durations.steps.map { "[\($0.microseconds),\($0.count)]" }.joined(separator: ",") + "]"
  }

  /// A text in quotes; nothing in it can end the string, or a script that it might stand in.
  static func quoted(_ text: some StringProtocol) -> String {
    "\"" + QuotedText.escaped(text) { $0 == "<" || $0 == "\u{2028}" || $0 == "\u{2029}" } + "\""
  }
}
