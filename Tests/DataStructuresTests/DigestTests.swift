// SPDX-License-Identifier: Apache-2.0
import DataStructures
import Testing

struct DigestTests {
  @Test(arguments: [
    ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
    ),
  ])
  func `SHA-1 gives the digests of FIPS 180`(text: String, digest: String) {
    let sum = SHA1.digest(of: Array(text.utf8).octets).description
    #expect(sum == digest)
  }

  @Test func `eight hexadecimal digits together mean what each means alone`() {
    for position in 0..<8 {
      for byte in UInt8.min...UInt8.max {
        var digits = Array("0a9FfA3c".utf8)
        digits[position] = byte
        let values = digits.map(\.hexadecimalValue)
        let expected = values.reduce(into: UInt32?.some(0)) { number, value in
          number = number.flatMap { number in value.map { number << 4 | UInt32($0) } }
        }
        #expect(digits.octets.hexadecimalNumber(at: 0) == expected, "\(digits)")
      }
    }
  }

  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func `SHA-256 gives the digests of FIPS 180`(text: String, digest: String) {
    let sum = SHA256.digest(of: Array(text.utf8).octets).description
    #expect(sum == digest)
  }

  @Test
  func `The digests of all lengths up to 300 chain to the known value`() {
    // Each message is a prefix of the same bytes; the digest over all digests pins every length.
    let message = pattern(count: 300)
    var ofSHA1 = SHA1()
    var ofSHA256 = SHA256()
    for length in 0...300 {
      let prefix = message.octets.extracting(first: length)
      let sha1 = SHA1.digest(of: prefix)
      let sha256 = SHA256.digest(of: prefix)
      unsafe ofSHA1.update(sha1.bytes.span.bytes)
      unsafe ofSHA256.update(sha256.bytes.span.bytes)
    }
    #expect(ofSHA1.finish().description == "11052afec6c3c5c4c6e67f2e8e6b11ab1d2fb7f9")
    #expect(
      ofSHA256.finish().description
        == "04fb0a96a55968fbda07295fecba14af486380896cc1d6946aa2da7478e5d0ba")
  }

  @Test
  func `A message in pieces has the digest of the whole`() {
    let message = pattern(count: 200)
    let whole1 = SHA1.digest(of: message.octets).description
    let whole256 = SHA256.digest(of: message.octets).description
    for step in [1, 3, 7, 63, 64, 65, 199] {
      var sha1 = SHA1()
      var sha256 = SHA256()
      for start in stride(from: 0, to: 200, by: step) {
        let piece = message.octets.extracting(start..<min(start + step, 200))
        sha1.update(piece)
        sha256.update(piece)
        _ = sha1.finish()
      }
      #expect(sha1.finish().description == whole1)
      #expect(sha256.finish().description == whole256)
    }
  }

  @Test
  func `The digits are ASCII in lower case`() {
    let digits = SHA1.digest(of: Array("abc".utf8).octets).hex
    #expect(digits[0] == UInt8(ascii: "a") && digits[39] == UInt8(ascii: "d"))
  }

  private func pattern(count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
  }
}
