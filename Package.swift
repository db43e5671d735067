// swift-tools-version: 6.2
import PackageDescription

/// One list of settings for every target: strict, and identical in tests and in the server.
let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
  // Debug builds keep the dynamic checks; in a release build they would cost two thirds of a GET.
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// What is tested in process runs optimised where the tests are many (`scripts/test`), with
/// assertions and exclusivity checks; it takes longer to build, so not while one works on it.
let isOptimised = Context.environment["MEMD_OPTIMISED"] != nil
let optimisation: [SwiftSetting] = [
  .unsafeFlags(
    ["-O", "-whole-module-optimization", "-num-threads", "2", "-assert-config", "Debug"],
    .when(configuration: .debug))
]
let tested = settings + (isOptimised ? optimisation : [])

let package = Package(
  name: "memd",
  targets: [
    .systemLibrary(name: "CLinux"),
    // Valgrind doesn't understand what is newer, and Swift writes no newer form, either.
    .target(name: "CLua", cSettings: [.unsafeFlags(["-gdwarf-4"])]),
    .target(name: "RESP", swiftSettings: tested),
    .target(name: "DataStructures", dependencies: ["CLinux"], swiftSettings: tested),
    .target(name: "CTLS", cSettings: [.unsafeFlags(["-gdwarf-4"])]),
    .target(name: "EventLoop", dependencies: ["CLinux", "CTLS"], swiftSettings: tested),
    .target(name: "PubSub", dependencies: ["DataStructures"], swiftSettings: tested),
    .executableTarget(
      name: "memd",
      dependencies: ["CLinux", "CLua", "DataStructures", "EventLoop", "PubSub", "RESP"],
      swiftSettings: tested
    ),
    .testTarget(name: "RESPTests", dependencies: ["RESP"], swiftSettings: settings),
    .testTarget(
      name: "DataStructuresTests", dependencies: ["DataStructures"], swiftSettings: settings),
    .testTarget(
      name: "PubSubTests", dependencies: ["PubSub", "DataStructures"], swiftSettings: settings),
    .testTarget(name: "EventLoopTests", dependencies: ["EventLoop"], swiftSettings: settings),
    .testTarget(
      name: "memdTests", dependencies: ["memd", "RESP", "DataStructures", "EventLoop"],
      swiftSettings: settings),
    // Rules about the text of this repository.
    .testTarget(name: "TidyTests", swiftSettings: settings),
  ]
)
