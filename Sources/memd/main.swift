// SPDX-License-Identifier: Apache-2.0
import EventLoop

let configuration = Configuration()
let clock = SystemClock()
let transport = try EpollTransport()
if let i = CommandLine.arguments.firstIndex(of: "--port") { configuration.port = Int(CommandLine.arguments[i + 1]) ?? 0 }
let server = Server(configuration: configuration, world: World(clock: clock, transport: transport, disk: SystemDisk(), helpers: ThreadHelpers(waker: transport.waker), seed: 42), log: Log())
_ = try? transport.listen(on: .internet(host: "127.0.0.1", port: UInt16(configuration.port), isOptional: false), backlog: 511)
server.runLoop()
