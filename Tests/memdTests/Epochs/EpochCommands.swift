// SPDX-License-Identifier: Apache-2.0

import DataStructures

@testable import memd

/// Draws commands: half of them from a list that makes values large and small again, half from the
/// declared syntax of every command that has a key.
struct EpochCommands {
  var random: RandomGenerator
  private let shapes: [[RequestShapes.Word]]
  private static let key = "the-key"

  /// These need another server, or bytes that are no text.
  static let excluded: Set<String> = ["migrate", "restore", "function|restore"]

  /// How many keys there are of each kind.
  private let keysPerKind: Int

  init(seed: UInt64, keysPerKind: Int = 3) {
    random = RandomGenerator(seed: seed)
    self.keysPerKind = keysPerKind
    shapes = CommandTable().descriptions.filter {
      $0.subcommands.isEmpty && !$0.command.flags.contains(.blocking)
        && !EpochCommands.excluded.contains($0.fullName)
    }.flatMap { RequestShapes.of($0, key: EpochCommands.key) }
      .filter { $0.contains { $0.text == EpochCommands.key } }
  }

  /// The next command, as words.
  mutating func next() -> [String] {
    if random.next(below: 3) == 0 {
      let shape = shapes[random.next(below: shapes.count)]
      return shape.map { word($0) }
    }
    let line = EpochCommands.lines[random.next(below: EpochCommands.lines.count)]
    return line.split(separator: " ").flatMap { fill(String($0)) }
  }

  /// A word of a request made from a declaration.
  private mutating func word(_ word: RequestShapes.Word) -> String {
    if word.text == EpochCommands.key { return anyKey }
    switch word.text {
    case "1": return String(random.next(below: 4))
    case "1.5": return "\(random.next(below: 40)).5"
    case "member", "field", "element", "value": return member
    case "group": return "g\(random.next(below: 2))"
    case "consumer": return "c\(random.next(below: 3))"
    case "id": return "%id"
    default: return word.text
    }
  }

  private var anyKey: String {
    mutating get {
      let kinds = ["str", "list", "set", "zset", "hash", "stream", "hll"]
      return kinds[random.next(below: kinds.count)] + "\(random.next(below: keysPerKind))"
    }
  }

  private var member: String { mutating get { "m\(random.next(below: 120))" } }

  /// What a word of a line stands for: `$kind` a key, `%...` something else, `...*n` up to n times;
  /// `%id` is left to whoever knows which ids there are.
  private mutating func fill(_ word: String) -> [String] {
    if let star = word.lastIndex(of: "*"), let most = Int(word[word.index(after: star)...]) {
      let parts = word[..<star].split(separator: "+").map(String.init)
      let count = random.next(below: most) + 1
      return (0..<count).flatMap { _ in parts.flatMap { fill($0) } }
    }
    if let mark = word.firstIndex(of: "%"), mark != word.startIndex {
      return fill(String(word[mark...])).map { word[..<mark] + $0 }
    }
    if word == "$any" { return [anyKey] }
    if word.hasPrefix("$") {
      return [word.dropFirst() + "\(random.next(below: keysPerKind))"]
    }
    switch word {
    case "%m": return [member]
    case "%n": return [String(random.next(below: 40))]
    case "%i": return [String(random.next(below: 80) - 40)]
    case "%s": return ["\(random.next(below: 400)).25"]
    case "%t": return [String(random.next(below: 60) + 1)]
    case "%g": return [random.next(below: 4) == 0 ? "g1" : "g0"]
    case "%c": return ["c\(random.next(below: 3))"]
    case "%long": return [String(repeating: "x", count: random.next(below: 700))]
    case "%huge": return [String(repeating: "y", count: 9000 + random.next(below: 50))]
    default: return [word]
    }
  }

  static let lines = [
    "SET $str %m", "SET $str %n", "SET $str %long", "SET $str %m PX %t", "SET $any %m",
    "SET $str %m KEEPTTL", "APPEND $str %m", "APPEND $str %long", "SETRANGE $str %n %m",
    "INCR $str", "INCRBYFLOAT $str 1.5", "SETBIT $str %n 1", "GETDEL $str", "GETEX $str PX %t",
    "BITOP OR $any $str $str", "BITFIELD $str INCRBY u8 %n 1", "MSET $str %m $any %m",
    "SETNX $str %m", "SETEX $str 9 %m", "PSETEX $str 9%t %m", "DECR $str", "INCRBY $str 4",
    "DELIFEQ $str %m", "SET $str same", "DELIFEQ $str same", "GETSET $str %m",
    "PFDEBUG GETREG $hll", "PFDEBUG ENCODING $hll", "PFADD $hll %m*9", "PFCOUNT $hll",
    "PFMERGE $hll $hll $hll",
    "DECRBY $str 3",

    "RPUSH $list %m*9", "LPUSH $list %m*9", "RPUSH $list %m*30", "LPUSH $list %long",
    "RPUSH $list %huge", "LSET $list %i %huge", "LINSERT $list BEFORE %m %huge",
    "LPOP $list %n", "RPOP $list", "LPOP $list", "LINSERT $list BEFORE %m %m",
    "LINSERT $list AFTER %m %long", "LSET $list %i %m", "LSET $list %i %long",
    "LREM $list 1 %m", "LREM $list -2 %m", "LREM $list 0 %m", "LTRIM $list %n -1",
    "LTRIM $list 0 -%n", "LMOVE $list $list LEFT RIGHT", "LMOVE $list $list RIGHT LEFT",
    "RPOPLPUSH $list $list", "LPUSHX $list %m", "RPUSHX $list %m",
    "LMOVEM $list $list LEFT RIGHT COUNT 3 OBO", "LMPOP 2 $list $list RIGHT COUNT %n",

    "SADD $set %m*12", "SADD $set %n*4", "SREM $set %m*6", "SPOP $set %n", "SPOP $set",
    "SMOVE $set $set %m", "SINTERSTORE $set $set $set", "SUNIONSTORE $any $set $set",
    "SDIFFSTORE $set $set $set",

    "ZADD $zset %s+%m*12", "ZADD $zset %s+%m*40", "ZADD $zset GT %s %m", "ZINCRBY $zset 9 %m",
    "ZREM $zset %m*5", "ZPOPMIN $zset %n", "ZPOPMAX $zset", "ZREMRANGEBYRANK $zset %n %n",
    "ZREMRANGEBYSCORE $zset %s 300", "ZUNIONSTORE $zset 2 $zset $set",
    "ZRANGESTORE $any $zset 0 %n", "ZDIFFSTORE $zset 2 $zset $zset",
    "ZREMRANGEBYLEX $zset - [m3", "ZINTERSTORE $zset 2 $zset $zset",
    "GEOADD $zset 13 38 %m", "ZMPOP 1 $zset MAX COUNT %n",

    "HSET $hash %m+%m*9", "HSET $hash %m+%m*60", "HPEXPIRE $hash 9%t FIELDS 4 %m %m %m %m",
    "HPEXPIRE $hash 9%t FIELDS 4 %m %m %m %m", "HPERSIST $hash FIELDS 3 %m %m %m",
    "HSET $hash %m %long", "HSET $hash %m %n", "HDEL $hash %m*5",
    "HINCRBY $hash %m 3", "HINCRBYFLOAT $hash %m 1.5", "HSETNX $hash %m %m",
    "HPEXPIRE $hash %t FIELDS 2 %m %m", "HPEXPIRE $hash 9%t FIELDS 2 %m %m",
    "HPERSIST $hash FIELDS 1 %m", "HGETEX $hash PX %t FIELDS 1 %m",
    "HSETEX $hash PX %t FIELDS 1 %m %m", "HGETDEL $hash FIELDS 1 %m",
    "HEXPIRE $hash 100 FIELDS 1 %m", "HMSET $hash %m %m",
    "HEXPIREAT $hash 99999999999 FIELDS 1 %m", "HPEXPIREAT $hash 99999999999999 FIELDS 1 %m",
    "HSETEX $hash KEEPTTL FIELDS 1 %m %m",

    "XADD $stream * f %m", "XADD $stream * f %m", "XADD $stream * g %m h %m",
    "XADD $stream * f %m", "XADD $stream * f %m", "XADD $stream * g %m h %m",
    "XACK $stream %g %id*3", "XACK $stream %g %id*3", "XNACK $stream %g FAIL IDS 1 %id",
    "XNACK $stream %g SILENT IDS 1 %id", "XCLAIM $stream %g %c 0 %id*2", "XDEL $stream %id*2",
    "XCLAIM $stream %g %c 0 %id FORCE", "XDELEX $stream DELREF IDS 1 %id",
    "XACKDEL $stream %g KEEPREF IDS 1 %id", "XADD $stream * a %m", "XADD $stream * a %m",
    "XGROUP CREATE $stream %g 0 MKSTREAM", "XGROUP CREATE $stream %g 0 MKSTREAM",
    "XGROUP CREATECONSUMER $stream %g %c", "XGROUP CREATECONSUMER $stream %g %c",
    "XGROUP DELCONSUMER $stream %g %c",
    "XREADGROUP GROUP %g %c COUNT 9 STREAMS $stream >",
    "XREADGROUP GROUP %g %c COUNT 9 STREAMS $stream >",
    "XADD $stream MAXLEN ~ 30 * f %m", "XADD $stream MAXLEN 20 * f %m",
    "XADD $stream IDMP p%n %m * f %m", "XADD $stream IDMP p %m * f %m",
    "XTRIM $stream MAXLEN %n", "XCFGSET $stream IDMP-MAXSIZE 3",
    "XGROUP CREATE $stream %g 0 MKSTREAM", "XGROUP DESTROY $stream %g",
    "XGROUP SETID $stream %g 0", "XGROUP CREATECONSUMER $stream %g %c",
    "XGROUP DELCONSUMER $stream %g %c", "XREADGROUP GROUP %g %c COUNT %n STREAMS $stream >",
    "XREADGROUP GROUP %g %c COUNT %n STREAMS $stream 0",
    "XREADGROUP GROUP %g %c NOACK STREAMS $stream >",
    "XAUTOCLAIM $stream %g %c 0 0 COUNT %n", "XSETID $stream 9999999999999-1",

    "DEL $any", "UNLINK $any", "RENAME $any $any", "RENAMENX $any $any",
    "COPY $any $any REPLACE", "COPY $any $any DB 1 REPLACE", "MOVE $any 1", "SWAPDB 0 1",
    "FUNCTION LOAD REPLACE #!lua\tname=l\nredis.register_function('f',redis.log)",
    "FUNCTION DELETE l", "FUNCTION FLUSH",
    "PEXPIRE $str %t", "PEXPIRE $any 9%t", "PERSIST $any", "EXPIRE $any 100 NX",
    "SORT $list ALPHA STORE $any", "SELECT %sel", "OBJECT ENCODING $any", "TTL $any",
    "MULTI", "EXEC",
  ]
}
