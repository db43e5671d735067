// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct GeoTests {
  @Test func `followers get places as scores, and polygons as what was found`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    #expect(server.run("GEOADD g CH 13.361389 38.115556 Palermo 15.087269 37.502669 Catania") == 2)
    #expect(server.run("GEOADD g XX 1 1 Rome") == 0)
    #expect(server.run("GEOADD none XX 1 1 Rome") == 0)
    #expect(
      server.run("GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 100 km STOREDIST") == 1)
    #expect(server.run("GEOSEARCHSTORE d g BYPOLYGON 4 12 37 12 39 14 39 14 37") == 1)
    #expect(server.run("GEORADIUS g 15 37 1 m STORE d") == 0)
    #expect(
      witness.stream() == [
        "ZADD g CH 3479099956230698 Palermo 3479447370796909 Catania",
        "GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 100 km STOREDIST", "MULTI", "DEL d",
        "ZADD d 3479099956230698 Palermo", "EXEC", "GEORADIUS g 15 37 1 m STORE d",
      ])
    #expect(
      witness.events() == ["zadd g", "geosearchstore d", "geosearchstore d", "del d"])
  }

  @Test func `a polygon finds what is inside it, nearest to its middle first`() {
    let server = TestServer()
    for x in 0..<10 { for y in 0..<10 { server.run("GEOADD g \(x).5 \(y).5 p\(x)\(y)") } }
    // An L: the square from (1, 1) to (4, 4) without the one from (2, 2) to (4, 4).
    let shape = "BYPOLYGON 6 1 1 4 1 4 2 2 2 2 4 1 4"
    let found = server.run("GEOSEARCH g \(shape)").elements.map(\.text).sorted()
    #expect(found == ["p11", "p12", "p13", "p21", "p31"])
    #expect(server.run("GEOSEARCH g \(shape) ASC COUNT 1 WITHDIST").elements[0].elements.count == 2)
    #expect(server.run("GEOSEARCH g BYPOLYGON 3 -180 -85 180 -85 0 85").elements.count > 0)
    let few = Reply.error("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices")
    #expect(server.run("GEOSEARCH g BYPOLYGON 2 1 1 2 2 3 3") == few)
    #expect(server.run("GEOSEARCH g BYPOLYGON 4 1 1 2 2 3 3") == few)
    #expect(server.run("GEOSEARCH g FROMLONLAT 1 1 \(shape)") == .error("ERR syntax error"))
    #expect(server.run("GEOSEARCH g \(shape) FROMMEMBER p11") == .error("ERR syntax error"))
    #expect(server.run("GEOSEARCH g \(shape) BYRADIUS 1 m") == .error("ERR syntax error"))
  }

  @Test func `a search finds exactly what a look at all members finds`() {
    var random = RandomGenerator(seed: 5)
    let server = TestServer(follows: false)
    var points: [(name: String, point: GeoPoint)] = []
    for index in 0..<400 {
      let longitude = Double(random.next(below: 360_000)) / 1000 - 180
      let latitude = Double(random.next(below: 170_000)) / 1000 - 85
      server.run("GEOADD g \(longitude) \(latitude) m\(index)")
      let point = Geohash(GeoPoint(longitude: longitude, latitude: latitude)).point
      points.append(("m\(index)", point))
    }
    for round in 0..<60 {
      let center = points[random.next(below: points.count)].point
      let radius = Double(random.next(below: 4_000_000))
      let found = server.run(
        "GEOSEARCH g FROMLONLAT \(center.longitude) \(center.latitude) BYRADIUS \(radius) m")
      let expected = points.filter { center.distance(to: $0.point) <= radius }
      // Circles over a pole or the date line may miss some, as in Redis; none is invented.
      let names = Set(found.elements.map(\.text))
      #expect(names.isSubset(of: Set(expected.map(\.name))), "round \(round)")
      if center.latitude.magnitude < 40, center.longitude.magnitude < 120, radius < 2_000_000 {
        #expect(names.count == expected.count, "round \(round)")
      }
    }
  }
}

/// Replies to commands on places are those of redis-server, errors included.
@Suite(.enabled(if: ReferenceServer.path != nil, "redis-server is not installed"))
struct GeoCompatibilityTests {
  static let lines = [
    "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania -0.1 51.5 London",
    "GEOADD g 200 10 a", "GEOADD g x 10 a", "GEOADD g 1 2", "GEOADD g NX XX 1 2 a",
    "GEOADD g CH 1 2 a",
    "GEOADD text 1 2 a", "GEOADD g NX 5 5 Palermo b", "GEOADD g XX CH 13.4 38.2 Palermo",
    "GEOADD g 180 85.05112878 corner -180 -85.05112878 other 0 0 zero", "ZADD g -7 odd 1e300 far",
    "GEOPOS g Palermo none zero corner odd far", "GEOPOS g", "GEOPOS none a", "GEOPOS text a",
    "GEOHASH g Palermo none London corner odd", "GEOHASH none a", "GEODIST g Palermo Catania",
    "GEODIST g Palermo London MI", "GEODIST g Palermo zero ft", "GEODIST g Palermo none",
    "GEODIST g Palermo Catania yd", "GEODIST g a b m m", "GEODIST none a b", "GEODIST text a b",
    "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km WITHCOORD WITHDIST WITHHASH",
    "GEOSEARCH g FROMLONLAT 15 37 BYBOX 5000 5000 km DESC WITHDIST",
    "GEOSEARCH g FROMLONLAT 15 37 ASC",
    "GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 mi", "GEOSEARCH g FROMMEMBER q BYRADIUS 1 mi",
    "GEOSEARCH none FROMMEMBER q BYRADIUS 1 mi",
    "GEOSEARCH g BYRADIUS 1 m BYBOX 1 1 m FROMLONLAT 1 1",
    "GEOSEARCH g FROMLONLAT 1 1 FROMMEMBER zero BYRADIUS 1 m",
    "GEOSEARCH g BYRADIUS 1 m ANY COUNT 1",
    "geosearch g FROMLONLAT 1 1 WITHDIST WITHHASH", "GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m ANY",
    "GEOSEARCH g FROMLONLAT 1 1 BYRADIUS -1 m", "GEOSEARCH g FROMLONLAT 1 1 BYRADIUS x m",
    "GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 -1 m", "GEOSEARCH g FROMLONLAT 1 1 BYBOX x 1 m",
    "GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 x m", "GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 1 x",
    "GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m COUNT 0",
    "GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m COUNT",
    "GEOSEARCH g FROMLONLAT 0 0 BYRADIUS 20000 km COUNT 3 WITHDIST",
    "GEOSEARCH text FROMMEMBER a BYRADIUS 1 m",
    "GEOSEARCH g FROMLONLAT 0 0 BYRADIUS inf km COUNT 2 ANY",
    "GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m STOREDIST",
    "GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST", "ZRANGE d 0 -1 WITHSCORES",
    "GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km", "ZRANGE d 0 -1 WITHSCORES",
    "GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km WITHDIST",
    "GEOSEARCHSTORE d none FROMLONLAT 15 37 BYRADIUS 200 km", "EXISTS d",
    "GEORADIUS g 15 37 200 km WITHDIST ASC", "GEORADIUS g 15 37 200 km STORE d",
    "GEORADIUS g 15 37 200 km STORE",
    "GEORADIUS g 15 37 200 km WITHDIST STOREDIST d", "GEORADIUS_RO g 15 37 200 km STORE d",
    "GEORADIUS_RO g 15 37 200 km COUNT 1", "GEORADIUS g 200 37 200 km", "GEORADIUS g 15 37 1 x",
    "GEORADIUSBYMEMBER g Palermo 200 km DESC", "GEORADIUSBYMEMBER g q 200 km",
    "GEORADIUSBYMEMBER none q 200 km", "GEORADIUSBYMEMBER none q x x STORE d", "EXISTS d",
    "GEORADIUSBYMEMBER_RO g Palermo 200 km WITHCOORD",
    "GEORADIUSBYMEMBER g Palermo 200 km STOREDIST d",
    "ZRANGE d 0 -1 WITHSCORES", "GEORADIUS g 15 37 200 km FROMMEMBER a",
  ]

  @Test(arguments: [2, 3])
  func `replies are equal in both protocols`(version: Int) throws {
    let reference = try #require(ReferenceServer())
    let server = TestServer()
    if version == 3 {
      reference.run("HELLO 3")
      server.speakVersion3()
    }
    #expect(server.run("SET text x") == reference.run("SET text x"))
    for line in GeoCompatibilityTests.lines {
      #expect(server.run(line) == reference.run(line), "\(line)")
    }
  }
}
