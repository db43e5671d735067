// SPDX-License-Identifier: Apache-2.0

extension ClientCommands {
  /// What CLIENT HELP says.
  static let help: [StaticString] = [
    "GETNAME",
    "    Answers this connection's name.",
    "ID",
    "    Answers this connection's number.",
    "INFO",
    "    Answers this connection's line of CLIENT LIST.",
    "KILL <ip:port>",
    "    Closes the connection that comes from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Kill connections. Options are:",
    "    * ADDR (<ip:port>|<unixsocket>:0)",
    "      Only connections that come from this address.",
    "    * LADDR (<ip:port>|<unixsocket>:0)",
    "      Only connections that came in at this address.",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Kill connections by type.",
    "    * USER <username>",
    "      Only connections of this user.",
    "    * SKIPME (YES|NO)",
    "      Whether the caller is spared (yes unless said).",
    "    * ID <client-id>",
    "      Only the connection with this number.",
    "    * MAXAGE <maxage>",
    "      Only connections of at least this age in seconds.",
    "LIST [options ...]",
    "    Answers a line per connection. Options:",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Only connections of this type.",
    "UNPAUSE",
    "    Ends a pause: what waited goes on.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Lets commands, or only writes, wait for so many milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Says whether this connection gets replies.",
    "SETNAME <name>",
    "    Gives this connection a name.",
    "SETINFO <option> <value>",
    "    Says what the client is. Options are:",
    "    * LIB-NAME: name of its library.",
    "    * LIB-VER: version of its library.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    Wakes a client that waits in a blocking command.",
    "NO-EVICT (ON|OFF)",
    "    Spares this connection when client memory runs out.",
    "NO-TOUCH (ON|OFF)",
    "    While on, reading leaves access times as they are.",
  ]

  // MARK: - CLIENT HELP

  static func showHelp(_ call: inout Call) throws(CommandError) { call.writeHelp("CLIENT", help) }
}
