// SPDX-License-Identifier: Apache-2.0

extension LivePage {
  /// Rates, hit rate and percentiles are those of the last interval: differences of two reports.
  /// Everything that comes from the server is put into the page as text, never as markup.
  static let script = #"""
    "use strict";
    const SAMPLES = 180;
    const byID = id => document.getElementById(id);

    // ---- Numbers for people

    const units = (value, names, step) => {
      let index = 0;
      while (Math.abs(value) >= step && index < names.length - 1) { value /= step; index += 1; }
      const digits = Math.abs(value) >= 100 || value === Math.round(value) ? 0
        : Math.abs(value) >= 10 ? 1 : 2;
      return value.toFixed(digits) + names[index];
    };
    const count = value => units(value, ["", "k", "M", "G", "T"], 1000);
    const bytes = value => units(value, [" B", " KB", " MB", " GB", " TB"], 1024);
    const micros = value => units(value, [" \u00b5s", " ms", " s"], 1000);
    const percent = value => (100 * value).toFixed(value > 0.0999 && value < 1 ? 1 : 0) + "%";
    const seconds = value => value < 0 ? "never" : value < 120 ? Math.round(value) + " s"
      : value < 7200 ? Math.round(value / 60) + " min"
      : value < 172800 ? Math.round(value / 3600) + " h" : Math.round(value / 86400) + " days";

    // ---- Differences of two reports

    const number = (report, name) => Number.parseFloat(report.info[name]) || 0;
    const grown = (now, before, name) => Math.max(0, number(now, name) - number(before, name));
    const stepCounts = steps => {
      const counts = new Map();
      let seen = 0;
      for (const [bound, total] of steps) { counts.set(bound, total - seen); seen = total; }
      return counts;
    };
    const addSteps = (into, now, before) => {
      const old = stepCounts(before);
      for (const [bound, total] of stepCounts(now)) {
        const fresh = total - (old.get(bound) || 0);
        if (fresh > 0) into.set(bound, (into.get(bound) || 0) + fresh);
      }
      return into;
    };
    const percentile = (counts, share) => {
      let total = 0;
      for (const fresh of counts.values()) total += fresh;
      if (total === 0) return null;
      let seen = 0;
      for (const bound of [...counts.keys()].sort((one, two) => one - two)) {
        seen += counts.get(bound);
        if (seen >= share * total) return bound;
      }
      return null;
    };

    // ---- Plots

    const plots = [
      { title: "Commands per second", text: count, lines: [
        ["commands", (now, old, time) => grown(now, old, "total_commands_processed") / time]] },
      { title: "Time of a command", text: micros, lines: [
        ["p50", now => percentile(now.latency, 0.5)],
        ["p99", now => percentile(now.latency, 0.99)],
        ["p99.9", now => percentile(now.latency, 0.999)]] },
      { title: "Time of a turn of the loop", text: micros, lines: [
        ["p50", (now, old) => percentile(addSteps(new Map(), now.turns, old.turns), 0.5)],
        ["p99", (now, old) => percentile(addSteps(new Map(), now.turns, old.turns), 0.99)]] },
      { title: "Hit rate", text: percent, max: 1, lines: [
        ["hits", (now, old) => {
          const hits = grown(now, old, "keyspace_hits");
          const all = hits + grown(now, old, "keyspace_misses");
          return all > 0 ? hits / all : null;
        }]] },
      { title: "Memory", text: bytes, lines: [
        ["used", now => number(now, "used_memory")],
        ["resident", now => number(now, "used_memory_rss")],
        ["limit", now => number(now, "maxmemory") || null]] },
      { title: "Keys", text: count, lines: [
        ["keys", now => now.keys], ["with a deadline", now => now.expiring]] },
      { title: "Clients", text: count, lines: [
        ["connected", now => number(now, "connected_clients")],
        ["blocked", now => number(now, "blocked_clients")],
        ["subscribed", now => number(now, "pubsub_clients")]] },
      { title: "Network, bytes per second", text: bytes, lines: [
        ["in", (now, old, time) => grown(now, old, "total_net_input_bytes") / time],
        ["out", (now, old, time) => grown(now, old, "total_net_output_bytes") / time]] },
      { title: "Keys removed per second", text: count, lines: [
        ["expired", (now, old, time) => grown(now, old, "expired_keys") / time],
        ["evicted", (now, old, time) => grown(now, old, "evicted_keys") / time]] },
      { title: "Expired keys were late by", text: micros, lines: [
        ["p50", (now, old) => percentile(addSteps(new Map(), now.lag, old.lag), 0.5)],
        ["p99", (now, old) => percentile(addSteps(new Map(), now.lag, old.lag), 0.99)]] },
      { title: "Processor", text: percent, lines: [
        ["loop", (now, old, time) => (grown(now, old, "used_cpu_user_main_thread")
          + grown(now, old, "used_cpu_sys_main_thread")) / time],
        ["all threads", (now, old, time) =>
          (grown(now, old, "used_cpu_user") + grown(now, old, "used_cpu_sys")) / time]] },
      { title: "Replication, bytes per second", text: bytes, lines: [
        ["stream", (now, old, time) => grown(now, old, "master_repl_offset") / time],
        ["to followers", (now, old, time) =>
          grown(now, old, "total_net_repl_output_bytes") / time]] },
    ];
    const colours = ["a", "b", "c"];

    const element = (name, className, text) => {
      const made = document.createElement(name);
      if (className) made.className = className;
      if (text !== undefined) made.textContent = text;
      return made;
    };

    for (const plot of plots) {
      plot.series = plot.lines.map(() => []);
      const card = element("div", "plot");
      card.append(element("h2", "", plot.title));
      plot.output = element("output");
      plot.canvas = element("canvas");
      plot.canvas.setAttribute("role", "img");
      plot.canvas.setAttribute("aria-label", plot.title);
      card.append(plot.output, plot.canvas);
      byID("plots").append(card);
    }

    const draw = plot => {
      const canvas = plot.canvas;
      const scale = window.devicePixelRatio || 1;
      const width = canvas.clientWidth, height = canvas.clientHeight;
      if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
      if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
      const context = canvas.getContext("2d");
      context.setTransform(scale, 0, 0, scale, 0, 0);
      context.clearRect(0, 0, width, height);
      const style = getComputedStyle(document.documentElement);
      const values = plot.series.flat().filter(value => value !== null);
      const top = plot.max || Math.max(...values, 1e-9) * 1.08;
      context.strokeStyle = style.getPropertyValue("--line");
      context.lineWidth = 1;
      for (const share of [0, 0.5, 1]) {
        const y = Math.round((height - 2) * share) + 0.5;
        context.beginPath(); context.moveTo(0, y); context.lineTo(width, y); context.stroke();
      }
      context.fillStyle = style.getPropertyValue("--dim");
      context.font = "11px system-ui, sans-serif";
      if (values.length > 0) context.fillText(plot.text(top), 2, 12);
      plot.series.forEach((series, index) => {
        context.strokeStyle = style.getPropertyValue("--" + colours[index]);
        context.lineWidth = 1.6;
        context.lineJoin = "round";
        context.beginPath();
        let isDown = false;
        series.forEach((value, position) => {
          if (value === null) { isDown = false; return; }
          const x = width * (position + SAMPLES - series.length) / (SAMPLES - 1);
          const y = 1 + (height - 3) * (1 - Math.min(value / top, 1));
          if (isDown) context.lineTo(x, y); else context.moveTo(x, y);
          isDown = true;
        });
        context.stroke();
      });
    };

    const show = plot => {
      plot.output.replaceChildren(...plot.lines.map(([name], index) => {
        const series = plot.series[index];
        const value = series.length > 0 ? series[series.length - 1] : null;
        const part = element("span");
        part.append(
          element("i", colours[index]),
          element("b", "", value === null ? "\u2013" : plot.text(value)), name);
        return part;
      }));
      draw(plot);
    };

    // ---- Tables

    const fill = (id, rows, none) => {
      const body = byID(id).tBodies[0];
      if (rows.length === 0) {
        const cell = element("td", "none", none);
        cell.colSpan = byID(id).tHead.rows[0].cells.length;
        const row = element("tr");
        row.append(cell);
        body.replaceChildren(row);
        return;
      }
      body.replaceChildren(...rows.map(cells => {
        const row = element("tr");
        row.append(...cells.map(([text, className, share]) => {
          const cell = element("td", className, text);
          if (share !== undefined) cell.style.setProperty("--share", `${100 * share}%`);
          return cell;
        }));
        return row;
      }));
    };

    const showCommands = (now, old, time) => {
      const before = new Map(old.commands.map(command => [command.name, command]));
      const rows = [];
      for (const command of now.commands) {
        const past = before.get(command.name)
          || { calls: 0, us: 0, failed: 0, rejected: 0, steps: [] };
        const calls = command.calls - past.calls;
        const errors = command.failed + command.rejected - past.failed - past.rejected;
        if (calls <= 0 && errors <= 0) continue;
        const spent = Math.max(0, command.us - past.us);
        const tail = percentile(addSteps(new Map(), command.steps, past.steps), 0.99);
        rows.push({ spent, cells: [
          [command.name, ""], [count(calls / time), "n"], [percent(spent / 1e6 / time), "n"],
          [calls > 0 ? micros(spent / calls) : "\u2013", "n"],
          [tail === null ? "\u2013" : micros(tail), "n"], [count(errors / time), "n"]] });
      }
      rows.sort((one, two) => two.spent - one.spent);
      fill("commands", rows.slice(0, 15).map(row => row.cells), "Nothing was called just now.");
    };

    const showLog = (id, entries, measure, none) => {
      fill(id, entries.map(entry => [
        [new Date(entry.time * 1000).toLocaleTimeString(), "n"], [measure(entry.measure), "n"],
        [entry.text, "text"], [entry.client, ""]]), none);
    };
    const showLogs = now => {
      showLog("slow", now.logs.slow, micros, "No command was slow.");
      showLog("large-request", now.logs["large-request"], bytes, "No request was large.");
      showLog("large-reply", now.logs["large-reply"], bytes, "No reply was large.");
    };

    const showFacts = now => {
      const info = now.info;
      const facts = [];
      const changes = count(number(now, "rdb_changes_since_last_save"));
      const age = info.rdb_last_save_time
        ? Math.max(0, now.time / 1000 - number(now, "rdb_last_save_time")) : -1;
      facts.push(["Snapshot", info.rdb_bgsave_in_progress === "1"
        ? `being saved, ${number(now, "current_fork_perc").toFixed(0)}%`
        : `${info.rdb_last_bgsave_status === "ok" ? "" : "the last one FAILED; "}`
          + `${seconds(age)} ago, ${changes} changes since`]);
      facts.push(["Log", info.aof_enabled !== "1" ? "off"
        : `${bytes(number(now, "aof_current_size"))}`
          + `${info.aof_rewrite_in_progress === "1" ? ", being rewritten" : ""}`
          + `${info.aof_last_write_status === "ok" ? "" : ", CAN'T BE WRITTEN"}`]);
      if (info.role === "slave") {
        facts.push(["Follows",
          `${info.master_host}:${info.master_port}, link ${info.master_link_status}`]);
        const old = number(now, "replica_data_age_ms");
        facts.push(["Data are", old < 0 ? "of unknown age" : `at most ${micros(old * 1000)} old`]);
      }
      for (const [name, text] of Object.entries(info)) {
        if (!/^slave\d+$/.test(name)) continue;
        const part = Object.fromEntries(text.split(",").map(item => item.split("=")));
        const behind = number(now, "master_repl_offset") - Number(part.offset);
        facts.push([`Follower ${part.ip}:${part.port}`,
          `${part.state}, ${bytes(Math.max(0, behind))} behind, heard ${part.lag} s ago`]);
      }
      if (info.loading === "1") facts.push(["Loading", `${info.loading_loaded_perc}%`]);
      if (info.sync_replicas_state && info.sync_replicas_state !== "off") {
        facts.push(["sync-replicas", info.sync_replicas_state]);
      }
      byID("facts").replaceChildren(...facts.flatMap(
        ([name, text]) => [element("dt", "", name), element("dd", "", text)]));
      byID("identity").textContent = `${info.memd_version}, ${info.role}, port ${info.tcp_port}, `
        + `up ${seconds(number(now, "uptime_in_seconds"))}`;
    };

    // ---- Once a second

    const databases = report => {
      report.keys = 0;
      report.expiring = 0;
      for (const [name, text] of Object.entries(report.info)) {
        if (!/^db\d+$/.test(name)) continue;
        const parts = Object.fromEntries(text.split(",").map(item => item.split("=")));
        report.keys += Number(parts.keys);
        report.expiring += Number(parts.expires);
      }
    };

    let last = null;
    const take = now => {
      databases(now);
      if (last !== null && last.info.run_id === now.info.run_id && now.time > last.time) {
        const time = (now.time - last.time) / 1000;
        const before = new Map(last.commands.map(command => [command.name, command.steps]));
        now.latency = new Map();
        for (const command of now.commands) {
          addSteps(now.latency, command.steps, before.get(command.name) || []);
        }
        for (const plot of plots) {
          plot.lines.forEach(([, value], index) => {
            plot.series[index].push(value(now, last, time));
            if (plot.series[index].length > SAMPLES) plot.series[index].shift();
          });
          show(plot);
        }
        showCommands(now, last, time);
      }
      if (last === null) fill("commands", [], "Nothing was called just now.");
      showLogs(now);
      showKeys(now, last);
      showFacts(now);
      if (last === null || now.time > last.time) last = now;
    };

    const say = (text, isGood) => {
      byID("state").textContent = text;
      byID("state").className = isGood ? "good" : "bad";
    };

    const poll = async () => {
      try {
        const answer = await fetch("/live.json", { signal: AbortSignal.timeout(3000) });
        if (!answer.ok) throw new Error(answer.statusText);
        take(await answer.json());
        say("live", true);
      } catch (error) {
        say("no answer from the server", false);
      }
      setTimeout(poll, document.hidden ? 5000 : 1000);
    };

    for (const plot of plots) show(plot);
    addEventListener("resize", () => plots.forEach(draw));
    matchMedia("(prefers-color-scheme: dark)")
      .addEventListener("change", () => plots.forEach(draw));
    poll();

    """#
}
