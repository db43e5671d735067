// SPDX-License-Identifier: Apache-2.0

import EventLoop

// Two servers that save to one file: whoever comes second says so in the log. Nothing is refused,
// since a directory may be shared on purpose by servers of which only one ever saves.

extension Server {
  /// Claims the file that snapshots go to if there are save rules or something was saved already;
  /// gives it up otherwise. Called when any of that may have changed.
  func updateDumpClaim() {
    let path = configuration.path(inDirectory: configuration.dbFilename)
    let saves = !configuration.saveRules.isEmpty || persistence.lastSave != nil
    if saves, persistence.dumpClaim?.path == path { return }
    persistence.dumpClaim?.claim.file.close()
    persistence.dumpClaim = nil
    guard saves else { return }
    do throws(DiskError) {
      let claim = try disk.claim(path)
      persistence.dumpClaim = (path, claim)
      guard claim.isShared else { return }
      log.warning(
        "WARNING: another server saves to \(path), too: each save replaces the data of the other"
          + " server. Give one of them another dbfilename or dir, or save \"\".")
    } catch {
      log.verbose("Can't find out whether another server saves to \(path): \(error.cause.text)")
    }
  }
}
