// SPDX-License-Identifier: Apache-2.0

import EventLoop

let clock = SystemClock()
let disk = SystemDisk()
let log = Log(
  clock: clock, destination: .standardOutput, processID: ProcessFacts.processID, role: "C")
let configuration = Startup.readConfiguration(
  ProcessFacts.arguments, disk: disk, clock: clock, log: log)
let transport = try EpollTransport()
let server = Server(
  configuration: configuration,
  world: World(
    clock: clock, transport: transport, disk: disk,
    helpers: ThreadHelpers(waker: transport.waker), seed: .random(in: .min ... .max),
    names: SystemNameResolver(), availableMemory: { AvailableMemory.now.byteCount }),
  log: log)
let monitoring = MonitoringService()
Startup.open(server, monitoring)
server.runLoop()
Startup.close(server, monitoring)
