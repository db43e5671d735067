// SPDX-License-Identifier: Apache-2.0
//
// One run of generated commands in a process of its own, or the replay of a recorded one;
// scripts/reach builds it, starts it, and makes sense of what it prints.
//
//   reach run SEED COMMANDS [FILE]    the steps are written to FILE before they are done
//   reach replay FILE                 checks after every turn
//   reach replay-fast FILE            checks as a run does
//   reach excused -                   what can't be reached, and why
//   reach applier REQUESTS            how fast a follower applies a leader's stream

import Glibc

let words = CommandLine.arguments
guard words.count >= 3 else { exit(2) }
switch words[1] {
case "run":
  exit(
    ReachProgram.run(
      seed: UInt64(words[2]) ?? 1, requests: Int(words[3]) ?? 1000,
      path: words.count > 4 ? words[4] : nil))
case "applier": exit(ApplierSpeed.run(requests: Int(words[2]) ?? 100_000))
case "excused":
  ReachProgram.printExcused()
  exit(0)
case "replay": exit(ReachProgram.replay(path: words[2], checkInterval: 1))
default: exit(ReachProgram.replay(path: words[2], checkInterval: 1000))
}
