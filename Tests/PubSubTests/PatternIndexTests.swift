// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import PubSub
