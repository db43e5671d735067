// SPDX-License-Identifier: Apache-2.0

extension KeyEvent {
  static var hashSet: KeyEvent { KeyEvent("hset", .hash) }
  static var hashDelete: KeyEvent { KeyEvent("hdel", .hash) }
  static var hashIncrement: KeyEvent { KeyEvent("hincrby", .hash) }
  static var hashIncrementByFloat: KeyEvent { KeyEvent("hincrbyfloat", .hash) }
  static var hashExpire: KeyEvent { KeyEvent("hexpire", .hash) }
  static var hashPersist: KeyEvent { KeyEvent("hpersist", .hash) }
  static var hashExpired: KeyEvent { KeyEvent("hexpired", .hash) }
}
