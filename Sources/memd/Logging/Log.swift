// SPDX-License-Identifier: Apache-2.0
import Glibc
final class Log { func warning(_ s: @autoclosure () -> String) { let t = Array((s() + "\n").utf8); _ = unsafe write(1, t, t.count) } }
