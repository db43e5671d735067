// SPDX-License-Identifier: Apache-2.0
//
// Numbers: the library `bit`, and math.random as Redis has it.
#include "private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int memd_lua_format(void *text, int byte_count, int precision, double number) {
  return snprintf(text, (size_t)byte_count, "%.*g", precision, number);
}

double memd_lua_parse_number(const void *text, size_t *byte_count) {
  *byte_count = 0;
  if (text == NULL) return 0;
  char *end;
  double number = strtod(text, &end);
  *byte_count = (size_t)(end - (const char *)text);
  return number;
}

const char *memd_lua_type_name(int type) {
  static const char *const names[] = {
      "no value", "nil", "boolean", "userdata", "number", "string", "table", "function",
      "userdata", "thread",
  };
  return type >= -1 && type <= 8 ? names[type + 1] : "cdata";
}

int memd_lua_raise_type(lua_State *state, int argument, const char *expected) {
  const char *actual = memd_lua_type_name(memd_lua_api.type(state, argument));
  memd_lua_api.pushstring(state, expected);
  memd_lua_api.pushstring(state, " expected, got ");
  memd_lua_api.pushstring(state, actual);
  memd_lua_api.concat(state, 3);
  return memd_lua_api.argerror(state, argument, memd_lua_api.tolstring(state, -1, NULL));
}

int64_t memd_lua_integer(double number) {
  return number > -0x1p63 && number < 0x1p63 ? (int64_t)number : INT64_MIN;
}

double memd_lua_number(lua_State *state, int argument) {
  double number = memd_lua_api.tonumber(state, argument);
  if (number == 0 && !memd_lua_api.isnumber(state, argument)) {
    memd_lua_raise_type(state, argument, "number");
  }
  return number;
}

// MARK: - bit

/// The lowest 32 bits of the integer nearest to a number, which has to be near enough to zero for
/// its bits to mean something.
static uint32_t bits(lua_State *state, int argument) {
  union {
    double number;
    uint64_t word;
  } shifted;
  // With 2^52 + 2^51 added, a double's low bits are those of the integer.
  shifted.number = memd_lua_number(state, argument) + 6755399441055744.0;
  return (uint32_t)shifted.word;
}

static int reply(lua_State *state, uint32_t word) {
  memd_lua_api.pushnumber(state, (int32_t)word);
  return 1;
}

static int bit_tobit(lua_State *state) { return reply(state, bits(state, 1)); }
static int bit_bnot(lua_State *state) { return reply(state, ~bits(state, 1)); }

static int bit_band(lua_State *state) {
  uint32_t word = bits(state, 1);
  for (int index = memd_lua_api.gettop(state); index > 1; index--) word &= bits(state, index);
  return reply(state, word);
}

static int bit_bor(lua_State *state) {
  uint32_t word = bits(state, 1);
  for (int index = memd_lua_api.gettop(state); index > 1; index--) word |= bits(state, index);
  return reply(state, word);
}

static int bit_bxor(lua_State *state) {
  uint32_t word = bits(state, 1);
  for (int index = memd_lua_api.gettop(state); index > 1; index--) word ^= bits(state, index);
  return reply(state, word);
}

static int bit_lshift(lua_State *state) {
  uint32_t word = bits(state, 1);
  return reply(state, word << (bits(state, 2) & 31));
}

static int bit_rshift(lua_State *state) {
  uint32_t word = bits(state, 1);
  return reply(state, word >> (bits(state, 2) & 31));
}

static int bit_arshift(lua_State *state) {
  int32_t word = (int32_t)bits(state, 1);
  return reply(state, (uint32_t)(word >> (bits(state, 2) & 31)));
}

static uint32_t rotated(uint32_t word, uint32_t count) {
  count &= 31;
  return count == 0 ? word : word << count | word >> (32 - count);
}

static int bit_rol(lua_State *state) {
  uint32_t word = bits(state, 1);
  return reply(state, rotated(word, bits(state, 2)));
}

static int bit_ror(lua_State *state) {
  uint32_t word = bits(state, 1);
  return reply(state, rotated(word, 0u - bits(state, 2)));
}

static int bit_bswap(lua_State *state) {
  return reply(state, __builtin_bswap32(bits(state, 1)));
}

static int bit_tohex(lua_State *state) {
  uint32_t word = bits(state, 1);
  int32_t count = memd_lua_api.type(state, 2) == LUA_TNONE ? 8 : (int32_t)bits(state, 2);
  const char *digits = count < 0 ? "0123456789ABCDEF" : "0123456789abcdef";
  if (count > 8 || count < -8) count = 8;
  if (count < 0) count = -count;
  char text[8];
  for (int index = count - 1; index >= 0; index--) {
    text[index] = digits[word & 15];
    word >>= 4;
  }
  memd_lua_api.pushlstring(state, text, (size_t)count);
  return 1;
}

void memd_lua_open_bit(lua_State *state) {
  static const struct {
    const char *name;
    lua_CFunction function;
  } functions[] = {
      {"tobit", bit_tobit},   {"bnot", bit_bnot},       {"band", bit_band}, {"bor", bit_bor},
      {"bxor", bit_bxor},     {"lshift", bit_lshift},   {"rshift", bit_rshift},
      {"arshift", bit_arshift}, {"rol", bit_rol},       {"ror", bit_ror},
      {"bswap", bit_bswap},   {"tohex", bit_tohex},
  };
  size_t count = sizeof functions / sizeof functions[0];
  memd_lua_api.createtable(state, 0, (int)count);
  for (size_t index = 0; index < count; index++) {
    memd_lua_api.pushcclosure(state, functions[index].function, 0);
    memd_lua_api.setfield(state, -2, functions[index].name);
  }
  memd_lua_api.setfield(state, LUA_GLOBALSINDEX, "bit");
}

// MARK: - math.random

/// The argument as a C int, as Lua 5.1 takes it: what is far too large becomes 0.
static int integer(lua_State *state, int argument) {
  double number = memd_lua_number(state, argument);
  return number > -0x1p63 && number < 0x1p63 ? (int)(int64_t)number : 0;
}

int memd_lua_random(lua_State *state) {
  struct memd_lua *lua = memd_lua_of(state);
  *lua->random = (*lua->random * 0x5deece66dULL + 0xb) & 0xffffffffffffULL;
  int32_t drawn = (int32_t)(*lua->random >> 17);
  double share = (double)(drawn % INT32_MAX) / (double)INT32_MAX;
  switch (memd_lua_api.gettop(state)) {
  case 0:
    memd_lua_api.pushnumber(state, share);
    return 1;
  case 1: {
    int last = integer(state, 1);
    if (last < 1) return memd_lua_api.argerror(state, 1, "interval is empty");
    memd_lua_api.pushnumber(state, floor(share * last) + 1);
    return 1;
  }
  case 2: {
    int first = integer(state, 1);
    int last = integer(state, 2);
    if (first > last) return memd_lua_api.argerror(state, 2, "interval is empty");
    double count = (double)last - (double)first + 1;
    memd_lua_api.pushnumber(state, floor(share * count) + first);
    return 1;
  }
  default: return memd_lua_raise_text(state, "wrong number of arguments");
  }
}

int memd_lua_random_seed(lua_State *state) {
  *memd_lua_of(state)->random = (uint64_t)(uint32_t)integer(state, 1) << 16 | 0x330e;
  return 0;
}
