// SPDX-License-Identifier: Apache-2.0

extension LivePage {
  /// The parts about keys: the census, traffic by prefix, and the session of HOTKEYS.
  static let keysScript = #"""
    const bar = share => [percent(share), "bar", share];
    const sum = (items, value) => items.reduce((total, item) => total + value(item), 0);

    const showCensus = census => {
      const total = sum(census.types, type => type.bytes) || 1;
      byID("census").textContent = !census.on ? "There is no census: census-period is 0."
        : census.age < 0 ? `The first census is at ${percent(census.progress)}.`
        : `As of ${seconds(census.age / 1000)} ago`
          + (census.progress < 1 ? `; the next census is at ${percent(census.progress)}.` : ".");
      const types = [...census.types].sort((one, two) => two.bytes - one.bytes);
      fill("types", types.map(type => [
        [type.name, ""], bar(type.bytes / total), [bytes(type.bytes), "n"], [count(type.keys), "n"],
        [count(type.elements), "n"], [bytes(type.bytes / type.keys), "n"]]), "No keys.");
      for (const [id, keys] of [["largest", census.largest], ["longest", census.longest]]) {
        fill(id, keys.map(key => [
          [key.name, "text"], [key.type, ""], [String(key.db), "n"], [bytes(key.bytes), "n"],
          [count(key.elements), "n"]]), "No keys.");
      }
    };

    const showPrefixes = (now, old) => {
      const before = new Map((old?.census?.prefixes || []).map(prefix => [prefix.name, prefix]));
      const time = old && now.time > old.time ? (now.time - old.time) / 1000 : 0;
      const total = sum(now.census.prefixes, prefix => prefix.bytes) || 1;
      fill("prefixes", now.census.prefixes.map(prefix => {
        const past = before.get(prefix.name) || prefix;
        const rate = name => time > 0 ? count(Math.max(0, prefix[name] - past[name]) / time) : "0";
        const hits = Math.max(0, prefix.hits - past.hits);
        const all = hits + Math.max(0, prefix.misses - past.misses);
        return [
          prefix.name === null ? ["all others", "dim"] : [prefix.name, "text"],
          bar(prefix.bytes / total), [bytes(prefix.bytes), "n"], [count(prefix.keys), "n"],
          [rate("reads"), "n"], [rate("writes"), "n"],
          [all > 0 ? percent(hits / all) : "\u2013", "n"],
          [rate("expired"), "n"], [rate("evicted"), "n"]];
      }), "prefix-accounting is not set.");
    };

    const showHot = session => {
      byID("session").textContent = !session ? "HOTKEYS measures nothing."
        : `${session.active ? "Measured for" : "Were measured for"} ${seconds(session.ms / 1000)}`;
      for (const [id, keys, measure] of [
        ["hot-time", session?.ns || [], value => micros(value / 1000)],
        ["hot-bytes", session?.bytes || [], bytes]]) {
        const total = sum(keys, key => key[1]) || 1;
        byID(id).hidden = keys.length === 0;
        fill(id, keys.map(([name, weight]) => [
          [name, "text"], bar(weight / total), [measure(weight), "n"]]), "");
      }
    };

    const showKeys = (now, old) => {
      showCensus(now.census);
      showPrefixes(now, old);
      showHot(now.hot);
    };

    """#
}
