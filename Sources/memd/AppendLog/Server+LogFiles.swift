// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// The files of a log are found, claimed and, if they come from a Redis before 7.0, put in place.

/// Why a log can't be used.
struct LogOpeningError: Error {
  /// What the server's log says.
  let lines: [String]

  /// What helps, in words that follow "Remedy: "; nil: what helps against damage.
  let remedy: String?

  init(_ lines: [String]) {
    self.lines = lines
    remedy = nil
  }

  init(_ line: String, remedy: String? = nil) {
    lines = [line]
    self.remedy = remedy
  }
}

extension Server {
  /// Says why the log can't be used, and what helps.
  func warn(of error: LogOpeningError) {
    for line in error.lines { log.warning(line) }
    if let remedy = error.remedy { log.warning("Remedy: \(remedy)") }
  }

  /// The same at start, where what helps is said at the end.
  func refuseStart(for error: LogOpeningError) {
    for line in error.lines { log.warning(line) }
    persistence.startRemedy = error.remedy
  }

  /// The path of one of the log's files.
  func logPath(_ name: LogFileName) -> String { "\(appendLog.directory)/\(name.text)" }

  private var logNaming: LogNaming {
    get throws(LogOpeningError) {
      do throws(LogFileName.Refusal) {
        return try LogNaming(ByteText(configuration.appendFilename).rawSpan)
      } catch {
        throw LogOpeningError("appendfilename is too long or not UTF-8")
      }
    }
  }

  /// Makes the directory, and what writes in it, if that isn't there yet.
  func prepareLogWriter() throws(LogOpeningError) {
    guard appendLog.writer == nil else { return }
    let naming = try logNaming
    appendLog.directory = configuration.path(inDirectory: configuration.appendDirname)
    do throws(DiskError) {
      try disk.makeDirectory(appendLog.directory)
    } catch {
      throw LogOpeningError("Can't open or create append-only dir: \(error)")
    }
    let manifest = try readManifest(naming)
    var increments = 0
    for file in manifest.increments {
      increments += (try? disk.byteCount(of: logPath(file.name))) ?? 0
    }
    let base = manifest.base.flatMap { try? disk.byteCount(of: logPath($0.name)) } ?? 0
    appendLog.writer = LogWriter(
      disk: disk, directory: appendLog.directory, naming: naming, manifest: manifest,
      byteCounts: (base, increments))
  }

  /// Claims the directory, so that no other server writes there.
  func lockLogDirectory() throws(LogOpeningError) -> DiskFile {
    do throws(DiskError) {
      return try disk.lock(directory: appendLog.directory)
    } catch {
      guard error.isLocked else {
        throw LogOpeningError("Can't lock the append-only dir: \(error)")
      }
      throw LogOpeningError(
        "Another server writes its append only files in \(configuration.appendDirname)",
        remedy: "leave the files alone; give this server another 'dir' or 'appenddirname', or end"
          + " the other one.")
    }
  }

  /// The manifest that is there; an empty one if none is.
  private func readManifest(_ naming: LogNaming) throws(LogOpeningError) -> LogManifest {
    let path = logPath(naming.manifest)
    let bytes: [UInt8]
    do throws(DiskError) {
      bytes = try disk.read(path)
    } catch {
      if error.isMissing { return LogManifest() }
      throw LogOpeningError("Fatal error: can't open the AOF manifest file \(path): \(error)")
    }
    do throws(LogManifestError) {
      return try LogManifest(parsing: bytes)
    } catch {
      throw LogOpeningError(error.logLines)
    }
  }

  /// Removes what interrupted rewrites have left in the directory, which must be locked.
  func removeLogLeftovers() {
    let directory = appendLog.directory
    guard let names = try? disk.names(inDirectory: directory) else { return }
    let temporary = "temp-\(configuration.appendFilename)."
    for name in names
    where name.hasPrefix("temp-rewriteaof-") || name == temporary + "incr"
      || name == temporary + "manifest"
    {
      guard (try? disk.remove("\(directory)/\(name)")) != nil else { continue }
      log.notice("Removing the temp \(name == temporary + "incr" ? "incr aof " : "")file \(name)")
    }
  }

  /// Takes over the log of a Redis before 7.0: one file beside the directory, which becomes the
  /// base. Does nothing if there is none, or a log of the present kind.
  func upgradeLog() throws(LogOpeningError) {
    guard let writer = appendLog.writer else { return }
    let naming = try logNaming
    let old = configuration.appendFilename
    if writer.manifest.isEmpty, disk.exists(old), !disk.isDirectory(old) {
      do throws(DiskError) {
        try writer.persist(LogManifest(upgrading: naming))
      } catch {
        throw LogOpeningError("Can't write the AOF manifest: \(error)")
      }
    }
    let moved = logPath(naming.appendFilename)
    guard writer.manifest.isUnfinishedUpgrade(naming), disk.exists(old), !disk.exists(moved) else {
      return
    }
    do throws(DiskError) {
      try disk.rename(old, to: moved)
      try disk.syncDirectory(appendLog.directory)
      try disk.syncDirectory(".")
    } catch {
      throw LogOpeningError("Can't move \(old) into \(configuration.appendDirname): \(error)")
    }
    log.notice("Successfully migrated an old-style AOF: \(old) is \(moved) now")
  }
}
