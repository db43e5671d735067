// SPDX-License-Identifier: Apache-2.0
//
// Stories of replicated servers, one for each seed; scripts/simulate builds it, starts it, and
// makes sense of what it prints.
//
//   simulate FIRST COUNT

import Glibc

let words = CommandLine.arguments
guard words.count == 3, let first = UInt64(words[1]), let count = UInt64(words[2]) else { exit(2) }
var total = StoryReport()
for seed in first..<first + count {
  let report = ReplicationStory.play(seed: seed)
  for violation in report.violations { print("violation \(seed) \(violation)") }
  total.add(report)
  if !report.violations.isEmpty { fflush(nil) }
}
for name in total.counts.keys.sorted() { print("count \(total.counts[name] ?? 0) \(name)") }
for name in StoryReport.wanted where total.counts[name] == nil { print("count 0 \(name)") }
exit(total.violations.isEmpty ? 0 : 1)
