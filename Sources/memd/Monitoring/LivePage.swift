// SPDX-License-Identifier: Apache-2.0

/// The page that shows what the server does now. It needs nothing from elsewhere, and asks
/// `/live.json` once a second.
enum LivePage {
  static let document = #"""
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>memd</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/live.css">
    </head>
    <body>
    <header>
      <h1>memd</h1>
      <p id="identity"></p>
      <p id="state" role="status">Waiting for the server</p>
    </header>
    <main>
      <section id="plots" aria-label="Plots"></section>
      <section class="wide">
        <h2>Commands</h2>
        <div class="table"><table id="commands"><thead><tr>
          <th>command</th><th class="n">per second</th><th class="n">share of time</th>
          <th class="n">mean</th><th class="n">p99</th><th class="n">errors per second</th>
        </tr></thead><tbody></tbody></table></div>
      </section>
      <section class="wide">
        <h2>Memory by type</h2>
        <p id="census" class="dim"></p>
        <div class="table"><table id="types"><thead><tr>
          <th>type</th><th>share</th><th class="n">memory</th><th class="n">keys</th>
          <th class="n">elements</th><th class="n">mean key</th>
        </tr></thead><tbody></tbody></table></div>
      </section>
      <section class="wide">
        <h2>Memory and traffic by prefix</h2>
        <div class="table"><table id="prefixes"><thead><tr>
          <th>prefix</th><th>share</th><th class="n">memory</th><th class="n">keys</th>
          <th class="n">reads per second</th><th class="n">writes</th><th class="n">hit rate</th>
          <th class="n">expired</th><th class="n">evicted</th>
        </tr></thead><tbody></tbody></table></div>
      </section>
      <section class="wide">
        <h2>Largest keys</h2>
        <div class="table"><table id="largest"><thead><tr>
          <th>key</th><th>type</th><th class="n">database</th><th class="n">memory</th>
          <th class="n">elements</th>
        </tr></thead><tbody></tbody></table></div>
      </section>
      <section class="wide">
        <h2>Keys with most elements</h2>
        <div class="table"><table id="longest"><thead><tr>
          <th>key</th><th>type</th><th class="n">database</th><th class="n">memory</th>
          <th class="n">elements</th>
        </tr></thead><tbody></tbody></table></div>
      </section>
      <section class="wide">
        <h2>Hottest keys</h2>
        <p id="session" class="dim"></p>
        <div class="table"><table id="hot-time"><thead><tr>
          <th>key</th><th>share</th><th class="n">time</th>
        </tr></thead><tbody></tbody></table></div>
        <div class="table"><table id="hot-bytes"><thead><tr>
          <th>key</th><th>share</th><th class="n">network</th>
        </tr></thead><tbody></tbody></table></div>
      </section>
      <section class="wide">
        <h2>Files and followers</h2>
        <dl id="facts"></dl>
      </section>
      <section class="wide">
        <h2>Slow log</h2>
        <div class="table"><table id="slow"><thead><tr>
          <th>when</th><th class="n">took</th><th>command</th><th>client</th>
        </tr></thead><tbody></tbody></table></div>
      </section>
      <section class="wide">
        <h2>Large requests</h2>
        <div class="table"><table id="large-request"><thead><tr>
          <th>when</th><th class="n">bytes</th><th>command</th><th>client</th>
        </tr></thead><tbody></tbody></table></div>
      </section>
      <section class="wide">
        <h2>Large replies</h2>
        <div class="table"><table id="large-reply"><thead><tr>
          <th>when</th><th class="n">bytes</th><th>command</th><th>client</th>
        </tr></thead><tbody></tbody></table></div>
      </section>
    </main>
    <footer>
      <a href="/metrics">/metrics</a> <a href="/healthz">/healthz</a> <a href="/readyz">/readyz</a>
    </footer>
    <script src="/live.js"></script>
    </body>
    </html>

    """#

  static let style = #"""
    :root {
      --page: #f6f7f9; --card: #fff; --text: #1c2127; --dim: #5c6773; --line: #dde2e8;
      --a: #1769aa; --b: #c2570c; --c: #2e7d32; --bar: #cfe2f3; --bad: #b3261e; --good: #2e7d32;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #14171a; --card: #1d2125; --text: #e6e9ec; --dim: #98a3ae; --line: #30363d;
        --a: #6cb6ff; --b: #ffab70; --c: #7ee08a; --bar: #24435f; --bad: #ff8a80; --good: #7ee08a;
      }
    }
    * { box-sizing: border-box; }
    body {
      margin: 0; background: var(--page); color: var(--text);
      font: 15px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums;
    }
    header { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; }
    header, main, footer { max-width: 1280px; margin: 0 auto; padding: 12px 16px; }
    h1 { font-size: 22px; margin: 0; }
    h2 { font-size: 15px; margin: 0 0 8px; }
    header p { margin: 0; color: var(--dim); overflow-wrap: anywhere; }
    #state { margin-left: auto; font-weight: 600; }
    #state.good { color: var(--good); }
    #state.bad { color: var(--bad); }
    #plots {
      display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(280px, 1fr));
    }
    .plot, .wide {
      background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px;
      min-width: 0;
    }
    .wide { margin-top: 12px; }
    .plot h2 { color: var(--dim); font-weight: 500; margin: 0; font-size: 13px; }
    .plot output { display: block; min-height: 50px; }
    .plot output span {
      margin-right: 12px; white-space: nowrap; font-size: 13px; color: var(--dim);
    }
    .plot output b { font-size: 20px; font-weight: 600; color: var(--text); margin-right: 4px; }
    .plot i {
      display: inline-block; width: 10px; height: 3px; margin-right: 4px; vertical-align: middle;
    }
    .a { background: var(--a); } .b { background: var(--b); } .c { background: var(--c); }
    canvas { display: block; width: 100%; height: 84px; }
    .table { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-size: 14px; }
    th { text-align: left; font-weight: 500; color: var(--dim); }
    th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
    .n { text-align: right; white-space: nowrap; }
    td.text {
      font-family: ui-monospace, monospace; font-size: 13px; overflow-wrap: anywhere;
      min-width: 180px;
    }
    td.none, .dim { color: var(--dim); }
    .wide p { margin: 0 0 8px; font-size: 14px; }
    td.bar {
      min-width: 110px;
      background: linear-gradient(to right, var(--bar) var(--share), transparent var(--share));
    }
    dl { display: grid; gap: 2px 16px; margin: 0; grid-template-columns: max-content 1fr; }
    dt { color: var(--dim); }
    dd { margin: 0; overflow-wrap: anywhere; }
    footer { color: var(--dim); font-size: 13px; }
    footer a { color: var(--a); margin-right: 12px; }
    @media (max-width: 480px) {
      body { font-size: 14px; }
      #state { margin-left: 0; width: 100%; }
      dl { grid-template-columns: 1fr; }
      dd { margin-bottom: 6px; }
    }

    """#
}
