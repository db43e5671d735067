// SPDX-License-Identifier: Apache-2.0
// Fuzz modules: RESP DataStructures PubSub EventLoop memd

import DataStructures
import EventLoop
import RESP

@testable import memd

// A manifest, whatever its bytes, is read or refused. What was read can be written and read again,
// and then is the same; and a log can go on with it, without using a name twice.

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: data, count: count))
  let manifest: LogManifest
  do throws(LogManifestError) {
    manifest = try LogManifest(parsing: bytes)
  } catch {
    precondition(!error.logLines.isEmpty)
    return 0
  }
  check(manifest)
  guard let naming = try? LogNaming(Array("a".utf8).rawSpan) else { preconditionFailure() }
  goOn(manifest, naming)
  // A log may be called like one of its files.
  for file in manifest.readingOrder {
    if let other = try? LogNaming(ByteText(file.name.text).rawSpan) { goOn(manifest, other) }
  }
  return 0
}

/// Goes on with a log under a name, or begins one.
private func goOn(_ manifest: LogManifest, _ naming: LogNaming) {
  let upgraded = LogManifest(upgrading: naming)
  precondition(upgraded.isUnfinishedUpgrade(naming))
  check(upgraded)
  precondition(
    Set([naming.manifest, naming.temporaryManifest, naming.temporaryIncrement]).count == 3)
  var next = manifest
  let increment = next.addIncrement(naming)
  let old = Set((manifest.readingOrder + manifest.history).map(\.name))
  precondition(!old.contains(increment.name), "a name is used twice")
  let base = next.finishRewrite(naming, .rdb, incrementsFrom: increment.sequence)
  precondition(!old.contains(base.name), "a name is used twice")
  precondition(next.readingOrder == [base, increment])
  check(next)
  _ = next.dropHistory()
  check(next)
}

/// What is written can be read, and is the same.
private func check(_ manifest: LogManifest) {
  let text = manifest.text
  if text.isEmpty { return precondition(manifest.isEmpty && manifest.history.isEmpty) }
  guard let again = try? LogManifest(parsing: text.bytes) else {
    preconditionFailure("what was written can't be read")
  }
  precondition(again.text == text, "what was written is another manifest")
}
