// SPDX-License-Identifier: Apache-2.0

// What is said of directives about connections, access, memory and the process.

extension DirectiveTopic {
  static let network = DirectiveTopic(
    name: "network", title: "Network",
    guides: [
      Guide(
        "bind", "address ...",
        says: "Addresses to listen on. One with a leading '-' may be missing on this machine."),
      Guide("port", says: "TCP port; 0 listens on none."),
      Guide(
        "metrics-port",
        says: "TCP port of metrics (/metrics), health (/healthz, /readyz) and the live page; 0"
          + " for none."),
      Guide("metrics-bind", "address ...", says: "Addresses to listen on for metrics-port."),
      Guide("unixsocket", "path", says: "Path of a unix socket to listen on."),
      Guide("unixsocketperm", says: "Permissions of the unix socket, such as 770."),
      Guide("unixsocketgroup", "group", says: "Group that owns the unix socket."),
      Guide("tcp-backlog", says: "Connections that may wait to be accepted."),
      Guide(
        "tcp-keepalive",
        says: "Seconds of silence after which the system probes a connection;"
          + " 0 never."),
      Guide("timeout", says: "Seconds after which an idle client is closed; 0 never."),
      Guide(
        "maxclients",
        says: "Clients that may be connected at once. Each needs an open file"
          + " ('ulimit -n')."),
      Guide(
        "proto-max-bulk-len",
        says: "Bytes of the longest argument of a request, and so of the"
          + " longest value."),
      Guide(
        "client-query-buffer-limit",
        says: "Bytes of a request that hasn't arrived whole; a client"
          + " with more is closed."),
      Guide(
        "client-output-buffer-limit", "class hard soft seconds ...",
        says: "Bytes of unsent replies after which a client of the class (normal, replica, pubsub)"
          + " is closed: at once above 'hard', after so many seconds above 'soft'; 0 is no limit."),
      Guide(
        "maxmemory-clients",
        says: "Memory that all clients together may take; the largest are"
          + " closed above it. A percentage is of maxmemory; 0 is no limit."),
      Guide(
        "bind-source-addr", "address",
        says: "Address from which connections to other servers come."),
    ])

  static let access = DirectiveTopic(
    name: "access", title: "Access",
    guides: [
      Guide(
        "protected-mode",
        says: "While the default user needs no password, only this machine may connect."),
      Guide("requirepass", "password", says: "Password of the default user; \"\" needs none."),
      Guide(
        "user", "name rule ...",
        says: "Declares a user of the access control lists. May be given"
          + " more than once; not together with aclfile."),
      Guide("aclfile", "path", says: "File with the users, one per line; ACL SAVE writes it."),
      Guide("acl-pubsub-default", says: "Whether new users may use all channels or none."),
      Guide("acllog-max-len", says: "Entries that ACL LOG keeps."),
      Guide(
        "rename-command", "command name",
        says: "Gives a command another name; \"\" forbids it."
          + " Users (ACL) are the better way."),
      Guide(
        "enable-protected-configs",
        says: "Who may change protected directives by CONFIG SET: nobody, everybody, or connections"
          + " from this machine."),
      Guide("enable-debug-command", says: "Who may use DEBUG."),
      Guide("enable-module-command", says: "Who may use MODULE; there are no modules to load."),
    ])

  static let memory = DirectiveTopic(
    name: "memory", title: "Memory",
    guides: [
      Guide(
        "maxmemory",
        says: "Limit of memory for data and clients; above it maxmemory-policy"
          + " decides. 0 is no limit."),
      Guide(
        "maxmemory-policy",
        says: "What makes room: 'noeviction' refuses writes; others remove keys"
          + " that were used longest ago (lru), least often (lfu), at random, or that expire first"
          + " (ttl), of all keys or of those with a deadline (volatile)."),
      Guide(
        "maxmemory-samples",
        says: "Keys that are compared for an eviction; more come closer to"
          + " exact LRU and cost more."),
      Guide(
        "maxmemory-eviction-tenacity",
        says: "How long one command may evict: 0 shortest, 10 usual,"
          + " 100 until there is room."),
      Guide("lfu-log-factor", says: "How many accesses it takes to count higher; 10 is usual."),
      Guide(
        "lfu-decay-time", says: "Minutes after which a counter of accesses loses one; 0 never."),
      Guide("lua-memory-limit", says: "Bytes that scripts may use; 0 is no limit."),
      Guide("activedefrag", says: "Moves data in the background so that free memory is returned."),
      Guide(
        "active-defrag-ignore-bytes", says: "Free bytes in slabs from which on data is moved."),
      Guide(
        "active-defrag-threshold-lower",
        says: "Free bytes in percent of those in use from which on data is moved."),
      Guide(
        "active-defrag-threshold-upper",
        says: "Percentage of free bytes from which on the most time is spent."),
      Guide("active-defrag-cycle-min", says: "Least percentage of the time for moving data."),
      Guide("active-defrag-cycle-max", says: "Most percentage of the time for moving data."),
      Guide("activerehashing", says: "Accepted; tables grow and shrink with every change anyway."),
      Guide("lazyfree-lazy-eviction", says: "Accepted; large values are freed in slices anyway."),
      Guide("lazyfree-lazy-expire", says: "Followers get UNLINK of expired keys, else DEL."),
      Guide("lazyfree-lazy-server-del", says: "Overwritten values are freed in slices."),
      Guide("lazyfree-lazy-user-del", says: "Accepted; DEL frees large values in slices anyway."),
      Guide("lazyfree-lazy-user-flush", says: "FLUSHALL and FLUSHDB free in slices."),
      Guide(
        "tracking-table-max-keys",
        says: "Keys of which the server remembers that clients cache"
          + " them (CLIENT TRACKING); 0 is no limit."),
    ])

  static let process = DirectiveTopic(
    name: "process", title: "Process and files",
    guides: [
      Guide(
        "include", "path",
        says: "Reads another file in this place. A pattern (conf.d/*.conf) reads"
          + " all that fit, in order, and may fit none."),
      Guide("dir", "path", says: "Working directory: snapshots and log are kept there."),
      Guide("daemonize", says: "Leaves the terminal and runs in the background."),
      Guide(
        "supervised",
        says: "Tells systemd (Type=notify) when the server is ready; 'auto' if"
          + " systemd waits for that."),
      Guide("pidfile", "path", says: "File with the number of the process."),
      Guide("databases", says: "Number of databases (SELECT)."),
      Guide("hz", says: "How often per second periodic chores run, 1 to 500."),
      Guide(
        "shutdown-on-sigterm", "flag ...",
        says: "What SIGTERM does: default, save, nosave, now,"
          + " force."),
      Guide(
        "shutdown-on-sigint", "flag ...",
        says: "What SIGINT (Ctrl-C) does: default, save, nosave, now, force."),
      Guide(
        "shutdown-timeout",
        says: "Seconds that the end waits for followers that are behind; 0 not"
          + " at all."),
      Guide("oom-score-adj", says: "Tells the kernel what to end first when memory runs out."),
      Guide(
        "oom-score-adj-values", "leader follower child",
        says: "Scores for oom-score-adj, -2000 to 2000."),
      Guide("disable-thp", says: "Asks the kernel not to use huge pages for this process."),
      Guide("set-proc-title", says: "Shows address and mode in the title of the process (ps)."),
      Guide("proc-title-template", "text", says: "The title that set-proc-title shows."),
      Guide(
        "busy-reply-threshold",
        says: "Milliseconds after which others are answered BUSY while a"
          + " script runs; 0 never."),
    ])

  static let observation = DirectiveTopic(
    name: "observation", title: "Observation",
    guides: [
      Guide("loglevel", says: "The least serious lines that are written."),
      Guide("logfile", "path", says: "File of the server's messages; \"\" is standard output."),
      Guide("log-format", says: "How they are written: for people, or as JSON or logfmt."),
      Guide("syslog-enabled", says: "Messages go to the system's log, too."),
      Guide("syslog-ident", "name", says: "Name under which messages go to the system's log."),
      Guide("syslog-facility", says: "Facility under which messages go to the system's log."),
      Guide("crash-log-enabled", says: "A crash leaves a report in the log."),
      Guide(
        "slowlog-log-slower-than",
        says: "Microseconds from which on a command is noted in SLOWLOG;"
          + " 0 notes all, -1 none."),
      Guide("slowlog-max-len", says: "Entries that SLOWLOG keeps."),
      Guide(
        "commandlog-request-larger-than",
        says: "Bytes from which on a request is noted in COMMANDLOG; 0 notes all, -1 none."),
      Guide("commandlog-large-request-max-len", says: "Large requests that COMMANDLOG keeps."),
      Guide(
        "commandlog-reply-larger-than",
        says: "Bytes from which on a reply is noted in COMMANDLOG; 0 notes all, -1 none."),
      Guide("commandlog-large-reply-max-len", says: "Large replies that COMMANDLOG keeps."),
      Guide("slowlog-entry-max-argc", says: "Arguments of an entry of SLOWLOG."),
      Guide("slowlog-entry-max-string-len", says: "Bytes of an argument of an entry."),
      Guide(
        "latency-monitor-threshold",
        says: "Milliseconds from which on LATENCY notes events; 0"
          + " never."),
      Guide(
        "prefix-accounting", "prefix ...",
        says: "Counts reads, writes, hits, misses, expiries and evictions, and in the census keys"
          + " and bytes, by prefixes of keys; * (or */) stands for whatever keys begin with up to"
          + " ':' (or '/'). \"\" counts nothing."),
      Guide(
        "prefix-accounting-max",
        says: "First segments that * shows: those with most traffic, and those with most bytes."),
      Guide(
        "census-period",
        says: "Seconds from one census (memory by type and prefix, biggest keys: MEMORY CENSUS) to"
          + " the next; 0 none, -1 every 60 while metrics-port or prefix-accounting is set."),
      Guide("latency-tracking", says: "Counts durations per command (INFO latencystats)."),
      Guide(
        "latency-tracking-info-percentiles", "percentile ...",
        says: "The percentiles that INFO latencystats shows."),
      Guide(
        "notify-keyspace-events", "letters",
        says: "Events of keys that are published (KEA: all but misses, new and typed); \"\" none."),
    ])

  static let encodings = DirectiveTopic(
    name: "encodings", title: "Forms of values",
    guides: [
      Guide("hash-max-listpack-entries", says: "Fields up to which a hash is packed."),
      Guide(
        "hash-max-listpack-value", says: "Bytes of a field or value up to which a hash is packed."),
      Guide("set-max-intset-entries", says: "Numbers up to which a set of integers is packed."),
      Guide("set-max-listpack-entries", says: "Members up to which any other set is packed."),
      Guide("set-max-listpack-value", says: "Bytes of a member up to which a set is packed."),
      Guide("zset-max-listpack-entries", says: "Members up to which a sorted set is packed."),
      Guide(
        "zset-max-listpack-value", says: "Bytes of a member up to which a sorted set is packed."),
      Guide(
        "list-max-listpack-size", "number",
        says: "Items per block of a list; -1 to -5: blocks of 4, 8, 16,"
          + " 32, 64 KB."),
      Guide("list-compress-depth", says: "Accepted; blocks of lists are never compressed."),
      Guide("hll-sparse-max-bytes", says: "Bytes up to which a HyperLogLog is kept sparse."),
      Guide("stream-node-max-bytes", says: "Bytes of a block of a stream; 0 is no limit."),
      Guide("stream-node-max-entries", says: "Entries of a block of a stream; 0 is no limit."),
    ])
}
