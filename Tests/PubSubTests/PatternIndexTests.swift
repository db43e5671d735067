// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import PubSub

struct PatternIndexTests {
  private func anchors(_ pattern: String) -> [PatternAnchor] {
    PatternOutline(Array(pattern.utf8).rawSpan).anchors
  }

  @Test func `A pattern is found through literal bytes in front of or behind its stars`() {
    #expect(anchors("news.*") == [PatternAnchor(side: .front, offset: 0, range: 0..<5)])
    #expect(anchors("[ab]?tail*") == [PatternAnchor(side: .front, offset: 2, range: 5..<9)])
    #expect(anchors("*.log??") == [PatternAnchor(side: .back, offset: 2, range: 1..<5)])
    #expect(anchors("*middle*") == [PatternAnchor(side: .anywhere, offset: 0, range: 1..<7)])
    #expect(
      anchors("a*b") == [
        PatternAnchor(side: .front, offset: 0, range: 0..<1),
        PatternAnchor(side: .back, offset: 0, range: 2..<3),
      ])
    #expect(anchors("a?cd") == [PatternAnchor(side: .front, offset: 2, range: 2..<4)])
    #expect(anchors("[ab]*").isEmpty)
    #expect(anchors("").isEmpty)
    #expect(anchors("\\a*").isEmpty)
  }

  @Test func `A pattern without literal bytes is found by the first byte of a text`() {
    #expect(
      PatternOutline(Array("[ab]*".utf8).rawSpan).firstBytes == [
        UInt8(ascii: "a"), UInt8(ascii: "b"),
      ])
    #expect(PatternOutline(Array("\\a*".utf8).rawSpan).firstBytes == [UInt8(ascii: "a")])
    #expect(PatternOutline(Array("?*".utf8).rawSpan).firstBytes == nil)
    #expect(PatternOutline(Array("*".utf8).rawSpan).firstBytes == nil)
  }

  @Test func `A long anchor is cut at the end that is far from the end of the text`() {
    let long = String(repeating: "x", count: 300)
    #expect(anchors(long + "*").first?.range == 0..<256)
    #expect(anchors("*" + long).first?.range == 45..<301)
    #expect(anchors("*" + long + "*").first?.range == 1..<17)
  }

  @Test func `Of two anchors the one is taken that fewer patterns have`() {
    let allocator = Allocator.create()
    let registry = SubscriptionRegistry(allocator: allocator, seed: HashSeed(k0: 3, k1: 4))
    let subscriptions = Subscriptions(of: Subscriber(word: 1))
    for number in 0..<100 {
      registry.subscribe(subscriptions, to: Array("common.*.\(number)".utf8).rawSpan, .pattern)
    }
    #expect(registry.patterns(matching: "common.x.7") == ["common.*.7"])
    #expect(registry.lookupCost(of: "common.x.7") < 5)
    registry.unsubscribeAll(subscriptions, .pattern)
    registry.tearDown()
    allocator.destroy()
  }

  @Test func `A look-up among ten thousand patterns tries a handful`() {
    let allocator = Allocator.create()
    let registry = SubscriptionRegistry(allocator: allocator, seed: HashSeed(k0: 3, k1: 4))
    let subscriptions = Subscriptions(of: Subscriber(word: 1))
    for number in 0..<10_000 {
      let pattern =
        switch number % 10 {
        case 0: "*suffix:\(number)"
        case 1: "a?c\(number)*"
        case 2: "[ab]\(number)*"
        default: "prefix:\(number):*"
        }
      registry.subscribe(subscriptions, to: Array(pattern.utf8).rawSpan, .pattern)
    }
    for text in ["prefix:1234:x", "abc12341", "a12342", "some:suffix:1230", "none of these"] {
      #expect(registry.lookupCost(of: text) < 10, "\(text)")
    }
    #expect(registry.patterns(matching: "prefix:1234:x") == ["prefix:1234:*"])
    #expect(registry.patterns(matching: "abc111") == ["a?c1*", "a?c11*", "a?c111*"])
    registry.unsubscribeAll(subscriptions, .pattern)
    registry.tearDown()
    allocator.destroy()
  }
}
