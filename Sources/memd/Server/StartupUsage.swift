// SPDX-License-Identifier: Apache-2.0

/// What the program says about itself on the command line.
enum Usage {
  static let version = "memd server v=\(Version.memd) redis_version=\(Version.redis) bits=64\n"

  static let help = """
    Usage: memd [/path/to/redis.conf] [--directive value ...] [-]
           memd -                  read the configuration from standard input
           memd -v or --version
           memd -h or --help [DIRECTIVE or TOPIC]
           memd --test-config [/path/to/redis.conf] [--directive value ...]
                                   tell what is wrong with a configuration; 0 if nothing is
           memd --dump-config [/path/to/redis.conf] [--directive value ...]
                                   the value of every directive, and where it is set
           memd --check-rdb FILE   tell what is in a snapshot, or where it is damaged
           memd --check-aof [--fix] [--truncate-to-timestamp T] FILE
                                   the same for a log, its manifest or its directory; cuts
                                   it if asked to

    Examples:
           memd
           memd /etc/redis/redis.conf
           memd --port 7777
           memd /etc/redis/redis.conf --maxmemory 1gb --maxmemory-policy allkeys-lru
           echo 'maxmemory 128mb' | memd -

    """
}
