// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

/// CLIENT TRACKING and its relatives as commands: what they refuse, and in which words.
@Suite struct ClientTrackingTests {
  /// Texts as redis-server 7.0 has them.
  @Test(arguments: [
    ("CLIENT TRACKING", "ERR wrong number of arguments for 'client|tracking' command"),
    ("CLIENT TRACKING MAYBE", "ERR syntax error"), ("CLIENT TRACKING ON BOGUS", "ERR syntax error"),
    ("CLIENT TRACKING ON REDIRECT", "ERR syntax error"),
    ("CLIENT TRACKING OFF PREFIX", "ERR syntax error"),
    ("CLIENT TRACKING ON REDIRECT x", "ERR value is not an integer or out of range"),
    (
      "CLIENT TRACKING ON REDIRECT 777", "ERR The client ID you want redirect to does not exist"
    ),
    ("CLIENT TRACKING ON REDIRECT 0", "ERR The client ID you want redirect to does not exist"),
    (
      "CLIENT TRACKING ON REDIRECT 1 REDIRECT 1",
      "ERR A client can only redirect to a single other client"
    ),
    ("CLIENT TRACKING ON PREFIX a", "ERR PREFIX option requires BCAST mode to be enabled"),
    ("CLIENT TRACKING ON BCAST OPTIN", "ERR OPTIN and OPTOUT are not compatible with BCAST"),
    ("CLIENT TRACKING ON OPTIN OPTOUT", "ERR You can't specify both OPTIN mode and OPTOUT mode"),
    (
      "CLIENT TRACKING ON BCAST PREFIX a PREFIX ab",
      "ERR Prefix 'a' overlaps with another provided prefix 'ab'. Prefixes for a single client"
        + " must not overlap."
    ),
    (
      "CLIENT CACHING YES",
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or"
        + " OPTOUT mode enabled"
    ),
    ("CLIENT CACHING", "ERR wrong number of arguments for 'client|caching' command"),
    ("CLIENT GETREDIR x", "ERR wrong number of arguments for 'client|getredir' command"),
    ("CLIENT TRACKINGINFO x", "ERR wrong number of arguments for 'client|trackinginfo' command"),
    ("CLIENT CAPA", "ERR wrong number of arguments for 'client|capa' command"),
  ])
  func `what makes no sense is refused, and changes nothing`(_ command: String, _ error: String) {
    let server = TestServer()
    #expect(server.run(command) == .error(error))
    #expect(server.server.effects.tracking == nil)
    #expect(server.run("CLIENT GETREDIR") == -1)
  }

  @Test(arguments: [
    (
      "BCAST", "CLIENT TRACKING ON",
      "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then"
        + " re-enabling it with a different mode."
    ),
    (
      "OPTIN", "CLIENT TRACKING ON OPTOUT",
      "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then"
        + " re-enabling it with a different mode."
    ),
    (
      "BCAST PREFIX FOO PREFIX BAR", "CLIENT TRACKING ON BCAST PREFIX FO",
      "ERR Prefix 'FO' overlaps with an existing prefix 'FOO'. Prefixes for a single client must"
        + " not overlap."
    ),
    (
      "OPTOUT", "CLIENT CACHING YES",
      "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."
    ),
    (
      "OPTIN", "CLIENT CACHING NO",
      "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."
    ),
    ("OPTIN", "CLIENT CACHING MAYBE", "ERR syntax error"),
  ])
  func `what doesn't go with the mode in force is refused`(
    _ options: String, _ command: String, _ error: String
  ) {
    let server = TestServer()
    #expect(server.run("CLIENT TRACKING ON \(options)") == .ok)
    #expect(server.run(command) == .error(error))
  }

  @Test(
    arguments: [
      ("", ["on"]), ("NOLOOP", ["on", "noloop"]), ("OPTIN", ["on", "optin"]),
      ("OPTOUT NOLOOP", ["on", "optout", "noloop"]), ("BCAST", ["on", "bcast"]),
    ] as [(String, [Reply])])
  func `CLIENT TRACKINGINFO tells the options`(_ options: String, _ flags: [Reply]) {
    let server = TestServer()
    server.run("CLIENT TRACKING ON \(options)")
    let prefixes: Reply = options == "BCAST" ? [""] : []
    #expect(
      server.run("CLIENT TRACKINGINFO")
        == ["flags", .array(flags), "redirect", 0, "prefixes", prefixes])
  }

  @Test func `CLIENT TRACKINGINFO tells what CLIENT CACHING said`() {
    let server = TestServer()
    #expect(
      server.run("CLIENT TRACKINGINFO") == ["flags", ["off"], "redirect", -1, "prefixes", []])
    server.run("CLIENT TRACKING ON OPTIN")
    server.run("CLIENT CACHING YES")
    #expect(server.run("CLIENT TRACKINGINFO").elements[1] == ["on", "optin", "caching-yes"])
    server.run("CLIENT TRACKING OFF")
    server.run("CLIENT TRACKING ON OPTOUT")
    server.run("CLIENT CACHING NO")
    #expect(server.run("CLIENT TRACKINGINFO").elements[1] == ["on", "optout", "caching-no"])
  }

  @Test func `CLIENT CAPA takes what it knows and what it doesn't`() {
    let server = TestServer()
    #expect(server.run("CLIENT CAPA redirect") == .ok)
    #expect(server.run("CLIENT CAPA something REDIRECT else") == .ok)
    #expect(server.server.clients.all.contains { $0.flags.contains(.understandsRedirect) })
  }

  @Test func `commands that only change a client's state work inside MULTI`() {
    let server = TestServer()
    server.run("HELLO 3")
    server.run("MULTI")
    server.run("CLIENT TRACKING ON")
    server.run("GET k")
    server.run("CLIENT GETREDIR")
    #expect(server.run("EXEC") == [.ok, nil, 0])
    server.connect().run("SET k 1")
    #expect(server.client.replies() == [CachingClient.stale("k")])
  }
}
