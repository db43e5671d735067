// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

/// Who may run what, over whole servers.
@Suite struct AccessControlTests {
  private let noCommand = "NOPERM this user has no permissions to run the '"
  private let noKey = Reply.error(
    "NOPERM this user has no permissions to access one of the keys used as arguments")
  private let noChannel = Reply.error(
    "NOPERM this user has no permissions to access one of the channels used as arguments")

  /// A client that has come in as a new user with these rules.
  private func client(_ server: TestServer, _ rules: String) -> TestClient {
    #expect(server.run("ACL SETUSER bob on nopass \(rules)") == .ok)
    let client = server.connect()
    #expect(client.run("AUTH bob x") == .ok)
    return client
  }

  @Test func `A new user may do nothing`() {
    let server = TestServer()
    let bob = client(server, "")
    #expect(bob.run("GET k") == .error(noCommand + "get' command"))
    #expect(bob.run("ACL WHOAMI") == .error(noCommand + "acl|whoami' command"))
    #expect(bob.run("HELLO 3").isError == false)
  }

  @Test func `Passwords are added and removed, and only those that are right let in`() {
    let server = TestServer()
    server.run("ACL SETUSER bob >one >two +ping")
    #expect(server.connect().run("AUTH bob one").isError)
    server.run("ACL SETUSER bob on")
    #expect(server.connect().run("AUTH bob one") == .ok)
    #expect(server.connect().run("AUTH bob three").isError)
    server.run("ACL SETUSER bob <one")
    #expect(server.connect().run("AUTH bob one").isError)
    #expect(server.connect().run("AUTH bob two") == .ok)
    #expect(server.connect().run("AUTH nobody two").text.hasPrefix("WRONGPASS "))
    #expect(server.server.statistics.accessDeniedAuthentication == 4)
  }

  @Test func `Commands and subcommands are allowed and denied one by one`() {
    let server = TestServer()
    let bob = client(server, "+@all -config|set -flushall allkeys")
    #expect(!bob.run("CONFIG GET port").isError)
    #expect(bob.run("CONFIG SET hz 20") == .error(noCommand + "config|set' command"))
    #expect(bob.run("FLUSHALL") == .error(noCommand + "flushall' command"))
    server.run("ACL SETUSER bob -@all +select|0 +@string")
    #expect(bob.run("SELECT 0") == .ok)
    #expect(bob.run("SELECT 1") == .error(noCommand + "select' command"))
    #expect(bob.run("SET k v") == .ok)
    #expect(bob.run("LPUSH l v") == .error(noCommand + "lpush' command"))
  }

  @Test func `Reading and writing keys are allowed apart`() {
    let server = TestServer()
    let bob = client(server, "+@all %R~r* %W~w* ~x*")
    #expect(bob.run("GET r") == nil)
    #expect(bob.run("SET r v") == noKey)
    #expect(bob.run("GET w") == noKey)
    #expect(bob.run("SET w v") == .ok)
    #expect(bob.run("SET w v GET") == noKey)
    #expect(bob.run("SET x v GET") == nil)
    #expect(bob.run("COPY r w") == 0)
    #expect(bob.run("COPY w r") == noKey)
    #expect(bob.run("EXISTS r w x") == 2)
    #expect(bob.run("EXISTS other") == noKey)
    #expect(bob.run("MGET r other") == noKey)
  }

  @Test func `One selector must allow everything that a request needs`() {
    let server = TestServer()
    let bob = client(server, "(+@read ~r*) (+@write ~w*)")
    #expect(bob.run("GET r") == nil)
    #expect(bob.run("SET w v") == .ok)
    #expect(bob.run("GET w") == noKey)
    #expect(bob.run("COPY r w") == noKey)
    #expect(bob.run("PING") == .error(noCommand + "ping' command"))
  }

  @Test func `SORT follows patterns only for users who may read every key`() {
    let server = TestServer()
    let bob = client(server, "+@all ~k")
    #expect(bob.run("SORT k BY w*").text.hasPrefix("ERR BY option of SORT denied"))
    #expect(bob.run("SORT k GET w*").text.hasPrefix("ERR GET option of SORT denied"))
    #expect(bob.run("SORT k BY nosort") == [])
    #expect(bob.run("SORT k STORE other") == noKey)
    server.run("ACL SETUSER bob %R~*")
    #expect(bob.run("SORT k BY w*") == [])
  }

  @Test func `An option's value that reads like another option hides no key`() {
    let server = TestServer()
    let bob = client(server, "+@all ~a* %R~*")
    #expect(bob.run("SORT a BY store STORE secret") == noKey)
    #expect(bob.run("SORT a GET STORE STORE secret") == noKey)
    #expect(bob.run("GEORADIUS a 0 0 1 m STORE a1 STORE secret") == noKey)
    #expect(bob.run("GEORADIUS a 0 0 1 m STORE secret STORE a1") == noKey)
    #expect(bob.run("MIGRATE h 1 \"\" 0 0 KEYS secret KEYS a1") == noKey)
    #expect(bob.run("MIGRATE h 1 \"\" 0 0 AUTH KEYS KEYS secret") == noKey)
    server.run("ACL SETUSER bob resetkeys ~s*")
    #expect(bob.run("XREADGROUP COUNT 1 GROUP streams sc STREAMS secret other > >") == noKey)
    #expect(bob.run("XREADGROUP COUNT 1 GROUP streams sc streams k >") == noKey)
  }

  @Test func `Inside MULTI requests are denied when they are queued`() {
    let server = TestServer()
    let bob = client(server, "+@all ~a*")
    bob.run("MULTI")
    #expect(bob.run("SET a 1") == .status("QUEUED"))
    #expect(bob.run("SET b 1") == noKey)
    #expect(bob.run("EXEC").text.hasPrefix("EXECABORT "))
    let entry = server.run("ACL LOG 1").elements[0].elements
    #expect(entry[5] == "multi")
  }

  @Test func `Rules that changed since a request was queued count`() {
    let server = TestServer()
    let bob = client(server, "+@all ~a*")
    bob.run("MULTI")
    bob.run("SET a 1")
    bob.run("GET a")
    bob.run("PING")
    server.run("ACL SETUSER bob resetkeys -get")
    let replies = bob.run("EXEC").elements
    #expect(replies.count == 3)
    #expect(replies[0].text.hasSuffix("reason: no permission to touch the specified keys"))
    #expect(
      replies[1].text.hasSuffix("reason: no permission to execute the command or subcommand"))
    #expect(replies[2] == .status("PONG"))
    #expect(server.run("GET a") == nil)
  }

  @Test func `A client that waited is denied what it may no longer have`() {
    let server = TestServer(follows: false)
    let bob = client(server, "+@all ~l*")
    bob.send(["BLPOP", "l", "0"])
    server.turn()
    server.run("ACL SETUSER bob resetkeys")
    server.run("RPUSH l a")
    #expect(bob.next() == noKey)
    #expect(server.run("LLEN l") == 1)
    #expect(bob.run("PING") == .status("PONG"))
  }

  @Test func `Clients of deleted users are disconnected, the caller after its reply`() {
    let server = TestServer()
    let bob = client(server, "+@all")
    let other = server.connect()
    other.run("AUTH bob x")
    #expect(bob.run("ACL DELUSER bob nobody") == 1)
    server.turn()
    #expect(bob.isClosed)
    #expect(other.isClosed)
    #expect(server.run("ACL USERS") == ["default"])
    #expect(
      server.run("ACL DELUSER default") == .error("ERR The 'default' user cannot be removed"))
  }

  @Test func `Without a default user that needs no password everybody has to say who it is`() {
    let server = TestServer()
    server.run("ACL SETUSER default off")
    let stranger = server.connect()
    #expect(stranger.run("PING") == .error("NOAUTH Authentication required."))
    // Who is in stays in.
    #expect(server.run("PING") == .status("PONG"))
    server.run("ACL SETUSER default on")
    #expect(stranger.run("PING") == .status("PONG"))
    server.run("ACL SETUSER default >secret")
    #expect(stranger.run("PING") == .error("NOAUTH Authentication required."))
    #expect(stranger.run("AUTH secret") == .ok)
    #expect(stranger.run("ACL WHOAMI") == "default")
  }

  @Test func `requirepass is the default user's password`() {
    let server = TestServer()
    server.run("CONFIG SET requirepass secret")
    #expect(server.connect().run("PING") == .error("NOAUTH Authentication required."))
    #expect(server.connect().run("AUTH default secret") == .ok)
    #expect(server.run("CONFIG GET requirepass") == ["requirepass", "secret"])
    // A password that is none any more isn't shown, and can be set again.
    server.run("ACL SETUSER default nopass")
    #expect(server.run("CONFIG GET requirepass") == ["requirepass", ""])
    server.run("CONFIG SET requirepass secret")
    #expect(server.connect().run("PING").isError)
    server.run("CONFIG SET requirepass \"\"")
    #expect(server.connect().run("PING") == .status("PONG"))
  }

  @Test func `The default user may be limited like any other`() {
    let server = TestServer()
    server.run("ACL SETUSER default -flushall resetkeys ~a*")
    #expect(server.run("FLUSHALL") == .error(noCommand + "flushall' command"))
    #expect(server.run("SET b 1") == noKey)
    #expect(server.run("SET a 1") == .ok)
    #expect(server.connect().run("SET b 1") == noKey)
    server.run("ACL SETUSER default +flushall allkeys")
    #expect(server.server.clients.all.allSatisfy { !$0.gate.contains(.accessControl) })
  }

  @Test func `Users who may do everything are not looked at`() {
    let server = TestServer()
    let bob = client(server, "+@all ~* &*")
    #expect(server.server.clients.all.allSatisfy { $0.gate == [] })
    server.run("ACL SETUSER bob -shutdown")
    #expect(bob.run("SET k v") == .ok)
    #expect(server.server.clients.all[1].gate == .accessControl)
  }

  @Test func `DRYRUN says what would be denied, and runs nothing`() {
    let server = TestServer()
    server.run("ACL SETUSER bob +@all -get ~a*")
    #expect(server.run("ACL DRYRUN bob SET a 1") == .ok)
    #expect(server.run("GET a") == nil)
    #expect(
      server.run("ACL DRYRUN bob SET b 1") == "This user has no permissions to access the 'b' key")
    #expect(
      server.run("ACL DRYRUN bob GET a") == "This user has no permissions to run the 'get' command")
    #expect(server.run("ACL DRYRUN nobody GET a") == .error("ERR User 'nobody' not found"))
    #expect(server.run("ACL DRYRUN bob NOPE a") == .error("ERR Command 'NOPE' not found"))
    #expect(server.run("ACL DRYRUN bob CONFIG NOPE") == .error("ERR Command 'CONFIG' not found"))
    #expect(
      server.run("ACL DRYRUN bob GET")
        == .error("ERR wrong number of arguments for 'get' command"))
  }

  @Test func `RESET makes the client the default user again`() {
    let server = TestServer()
    let bob = client(server, "+@all")
    #expect(bob.run("ACL WHOAMI") == "bob")
    #expect(bob.run("RESET") == .status("RESET"))
    #expect(bob.run("ACL WHOAMI") == "default")
    #expect(server.run("CLIENT LIST").text.contains(" user=default "))
  }

  @Test func `CLIENT KILL finds the clients of a user`() {
    let server = TestServer()
    let bob = client(server, "+@all")
    #expect(server.run("CLIENT KILL USER nobody") == .error("ERR No such user 'nobody'"))
    #expect(server.run("CLIENT KILL USER bob") == 1)
    #expect(bob.isClosed)
  }

  @Test func `GETUSER describes a user in both protocols`() {
    let server = TestServer()
    server.run("ACL SETUSER bob on >p +get ~a &c \"(+set %W~b)\"")
    let hash = "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940"
    #expect(
      server.run("ACL GETUSER bob")
        == [
          "flags", ["on", "sanitize-payload"], "passwords", [.bulk(hash)], "commands",
          "-@all +get", "keys", "~a", "channels", "&c", "selectors",
          [["commands", "-@all +set", "keys", "%W~b", "channels", ""]],
        ])
    #expect(server.run("ACL GETUSER nobody") == nil)
    server.run("HELLO 3")
    guard case .map(let pairs) = server.run("ACL GETUSER bob") else {
      Issue.record("not a map")
      return
    }
    #expect(pairs[0].value == .set(["on", "sanitize-payload"]))
  }

  @Test func `ACL CAT lists categories, and the commands of each as COMMAND LIST does`() {
    let server = TestServer()
    let categories = server.run("ACL CAT").elements
    #expect(categories.count == 21)
    for category in categories.map(\.text) {
      #expect(
        server.run("ACL CAT \(category)") == server.run("COMMAND LIST FILTERBY ACLCAT \(category)"))
      // Written down, a category is one rule.
      server.run("ACL SETUSER bob reset +@all -@\(category)")
      #expect(server.run("ACL GETUSER bob").elements[5] == .bulk("+@all -@\(category)"))
    }
    #expect(server.run("ACL CAT nope") == .error("ERR Unknown category 'nope'"))
  }

  @Test func `ACL GENPASS makes passwords of as many bits as asked for`() {
    let server = TestServer()
    #expect(server.run("ACL GENPASS").text.utf8.count == 64)
    #expect(server.run("ACL GENPASS 5").text.utf8.count == 2)
    #expect(server.run("ACL GENPASS 4096").text.utf8.count == 1024)
    #expect(server.run("ACL GENPASS") != server.run("ACL GENPASS"))
    for bits in ["0", "-1", "4097"] {
      #expect(server.run("ACL GENPASS \(bits)").text.contains("a positive number up to 4096"))
    }
  }

  @Test func `Secrets in rules are not shown by SLOWLOG`() {
    let server = TestServer()
    server.run("CONFIG SET slowlog-log-slower-than 0")
    server.run("ACL SETUSER bob >secret")
    server.run("ACL DELUSER bob")
    let entries = server.run("SLOWLOG GET").elements
    #expect(entries.count == 3)
    #expect(!entries.contains { "\($0)".contains("secret") || "\($0)".contains("bob") })
  }

  @Test func `Subscribers who lose a channel are disconnected, others are not`() {
    let server = TestServer(follows: false)
    let listeners = ["SUBSCRIBE a1", "PSUBSCRIBE a*", "SSUBSCRIBE a2"].map { line in
      let listener = client(server, "+@all resetchannels &a* &b")
      listener.run(line)
      return listener
    }
    server.run("ACL SETUSER bob &c")
    server.run("ACL SETUSER bob allchannels")
    server.run("ACL SETUSER bob resetchannels &a*")
    server.turn()
    #expect(listeners.allSatisfy { !$0.isClosed })
    // The channel is allowed still, the pattern isn't the same any more.
    server.run("ACL SETUSER bob resetchannels &a[12]")
    server.turn()
    #expect(listeners.map { $0.isClosed } == [false, true, false])
    server.run("ACL SETUSER bob resetchannels &a1")
    server.turn()
    #expect(listeners.map { $0.isClosed } == [false, true, true])
    server.run("ACL SETUSER bob resetchannels")
    server.turn()
    #expect(listeners.allSatisfy { $0.isClosed })
  }

  @Test func `Channels are denied like keys`() {
    let server = TestServer(follows: false)
    let bob = client(server, "+@all resetchannels &a*")
    #expect(bob.run("PUBLISH a1 x") == 0)
    #expect(bob.run("PUBLISH b x") == noChannel)
    #expect(bob.run("SPUBLISH b x") == noChannel)
    #expect(bob.run("SUBSCRIBE a1 b") == noChannel)
    #expect(bob.run("PSUBSCRIBE a1") == noChannel)
    #expect(bob.run("UNSUBSCRIBE b").isError == false)
    #expect(server.server.statistics.accessDeniedChannel == 4)
  }
}
