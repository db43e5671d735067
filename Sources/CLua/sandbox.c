// SPDX-License-Identifier: Apache-2.0
//
// What scripts can reach: the globals that Redis lets them have, none of which they can change.
//
// Lua 5.1 knows no read-only tables. A script gets an empty table in front of each one that is
// shared; reading finds the table behind it, assigning runs into an error, and the functions that
// would go past this (rawset, next, table.insert...) are replaced by ones that know about it:
//
//     redis.call  ->  {} --__index--> {call = ..., ...}
//                        --__newindex--> error
//
// The table of globals itself is one of them. `newproxy` is not there although Redis has it: a
// finalizer of a script's could raise errors anywhere. What string.dump answers can't be loaded.
#include "private.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

/// What marks the metatable of a read-only table: by it the table behind is found.
static char marker;

enum { UPVALUE_1 = LUA_GLOBALSINDEX - 1 };

// MARK: - Read-only tables

/// True, and the table behind on top of the stack, if the value is a read-only table.
static int push_behind(lua_State *state, int index) {
  if (memd_lua_api.type(state, index) != LUA_TTABLE) return 0;
  if (!memd_lua_api.getmetatable(state, index)) return 0;
  memd_lua_api.pushlightuserdata(state, &marker);
  memd_lua_api.rawget(state, -2);
  memd_lua_api.remove(state, -2);
  if (memd_lua_api.type(state, -1) == LUA_TTABLE) return 1;
  memd_lua_api.settop(state, -2);
  return 0;
}

void memd_lua_look_through(lua_State *state, int index) {
  if (push_behind(state, index)) memd_lua_api.replace(state, index < 0 ? index - 1 : index);
}

static const char modified[] = "Attempt to modify a readonly table";

static int refuse_assignment(lua_State *state) { return memd_lua_raise_text(state, modified); }

static void refuse_read_only(lua_State *state, int index) {
  if (!push_behind(state, index)) return;
  memd_lua_api.pushstring(state, modified);
  memd_lua_api.error(state);
}

void memd_lua_refuse_read_only_elements(lua_State *state, int index) {
  if (!push_behind(state, index)) return;
  size_t count = memd_lua_api.objlen(state, -1);
  memd_lua_api.settop(state, -2);
  if (count > 0) refuse_read_only(state, index);
}

/// Puts a read-only table in front of the one on top of the stack, in its place.
static void seal(lua_State *state) {
  memd_lua_api.createtable(state, 0, 0);
  memd_lua_api.createtable(state, 0, 3);
  memd_lua_api.pushvalue(state, -3);
  memd_lua_api.setfield(state, -2, "__index");
  memd_lua_api.pushcclosure(state, refuse_assignment, 0);
  memd_lua_api.setfield(state, -2, "__newindex");
  memd_lua_api.pushlightuserdata(state, &marker);
  memd_lua_api.pushvalue(state, -4);
  memd_lua_api.rawset(state, -3);
  memd_lua_api.setmetatable(state, -2);
  memd_lua_api.replace(state, -2);
}

// MARK: - Functions in front of Lua's own

/// Goes on with the function that this one stands in front of, in the same frame: so an error says
/// what the script has called, and where.
static int go_on(lua_State *state) {
  lua_CFunction function = memd_lua_api.tocfunction(state, UPVALUE_1);
  if (function != NULL) return function(state);
  // One of LuaJIT's that isn't written in C.
  memd_lua_api.pushvalue(state, UPVALUE_1);
  memd_lua_api.insert(state, 1);
  memd_lua_api.call(state, memd_lua_api.gettop(state) - 1, LUA_MULTRET);
  return memd_lua_api.gettop(state);
}

/// In front of a function that reads the table that is its first argument.
static int read_table(lua_State *state) {
  memd_lua_look_through(state, 1);
  return go_on(state);
}

/// In front of a function that changes the table that is its first argument.
static int change_table(lua_State *state) {
  refuse_read_only(state, 1);
  return go_on(state);
}

/// In front of a function that changes the elements of its table, if there are some.
static int change_elements(lua_State *state) {
  memd_lua_refuse_read_only_elements(state, 1);
  return go_on(state);
}

/// In front of string.rep, which goes through nothing as often as it is told, and byte by byte
/// through what it makes: that takes long even if the result is there already.
static int repeat(lua_State *state) {
  enum { LONG_TEXT = 1 << 20 };
  if (memd_lua_api.type(state, 1) == LUA_TSTRING && memd_lua_api.objlen(state, 1) == 0 &&
      memd_lua_api.isnumber(state, 2)) {
    memd_lua_api.settop(state, 1);
    return 1;
  }
  int count = go_on(state);
  if (count == 1 && memd_lua_api.objlen(state, -1) > LONG_TEXT) memd_lua_ask_time(state);
  return count;
}

/// An argument as an int: it wraps.
static int int_of(lua_State *state, int index, int otherwise) {
  if (!memd_lua_api.isnumber(state, index)) return otherwise;
  return (int)memd_lua_integer(memd_lua_api.tonumber(state, index));
}

/// In front of unpack, which counts in an int: a count that has no room there passed its check, and
/// it wrote beyond the stack.
static int unpack(lua_State *state) {
  memd_lua_look_through(state, 1);
  if (memd_lua_api.type(state, 1) == LUA_TTABLE) {
    int64_t first = int_of(state, 2, 1);
    int64_t last = int_of(state, 3, (int)memd_lua_api.objlen(state, 1));
    if (last - first >= INT_MAX) return memd_lua_raise_text(state, "too many results to unpack");
  }
  return go_on(state);
}

/// In front of table.insert, which moves every element from the position on, present or not: from
/// far below the table that takes minutes, in which nobody can end the script.
static int insert(lua_State *state) {
  enum { LOWEST_POSITION = -1000000 };
  if (memd_lua_api.gettop(state) == 3 && int_of(state, 2, 1) < LOWEST_POSITION) {
    return memd_lua_api.argerror(state, 2, "position out of bounds");
  }
  return change_table(state);
}

/// In front of collectgarbage: what a script says of when to collect is for itself alone, and is
/// undone behind it.
///
/// Each time may take as long as all that Lua has, and functions of C, such as gsub, call this one
/// again and again.
static int tell_collector(lua_State *state) {
  memd_lua_of(state)->is_collector_changed = 1;
  memd_lua_ask_time(state);
  return go_on(state);
}

/// An error handler of a script's, if that may go on: Lua calls it for the error that ends the
/// script, too, and then nobody could end the handler.
static int handle_unless_ending(lua_State *state) {
  memd_lua_api.settop(state, 1);
  if (memd_lua_of(state)->is_ending) return 1;
  memd_lua_api.pushvalue(state, UPVALUE_1);
  memd_lua_api.insert(state, 1);
  memd_lua_api.call(state, 1, 1);
  return 1;
}

/// In front of xpcall, with a handler that can be ended.
static int call_with_handler(lua_State *state) {
  if (memd_lua_api.type(state, 2) == LUA_TFUNCTION) {
    memd_lua_api.pushvalue(state, 2);
    memd_lua_api.pushcclosure(state, handle_unless_ending, 1);
    memd_lua_api.replace(state, 2);
  }
  return go_on(state);
}

/// pairs, whose `next` is the one that looks through read-only tables.
static int pairs(lua_State *state) {
  if (memd_lua_api.type(state, 1) != LUA_TTABLE) return memd_lua_raise_type(state, 1, "table");
  memd_lua_api.pushvalue(state, UPVALUE_1);
  memd_lua_api.pushvalue(state, 1);
  memd_lua_api.pushnil(state);
  return 3;
}

/// pcall of Redis: an error that is a table with a text becomes the text.
static int protected_call(lua_State *state) {
  int count = memd_lua_api.gettop(state);
  if (count == 0) {
    // Compatibility: Redis calls what it has pushed for the result.
    memd_lua_api.pushboolean(state, 0);
    memd_lua_api.pushstring(state, "attempt to call a boolean value");
    return 2;
  }
  memd_lua_api.pushboolean(state, 1);
  memd_lua_api.insert(state, 1);
  if (memd_lua_api.pcall(state, count - 1, LUA_MULTRET, 0) != 0) {
    memd_lua_api.remove(state, 1);
    if (memd_lua_api.type(state, -1) == LUA_TTABLE) {
      memd_lua_api.getfield(state, -1, "err");
      if (memd_lua_api.type(state, -1) == LUA_TSTRING) {
        memd_lua_api.replace(state, -2);
      } else {
        memd_lua_api.settop(state, -2);
      }
    }
    memd_lua_api.pushboolean(state, 0);
    memd_lua_api.insert(state, 1);
  }
  return memd_lua_api.gettop(state);
}

// MARK: - Compiling

/// Answers nil and why compiled code is not loaded.
static int refuse_compiled(lua_State *state) {
  memd_lua_api.pushnil(state);
  memd_lua_api.pushstring(state, "attempt to load chunk with wrong mode");
  return 2;
}

/// Compiles what a reader gives: the function, or nil and why there is none.
static int load_pieces(
    lua_State *state, const char *(*reader)(lua_State *, void *, size_t *), void *context,
    const char *name) {
  if (memd_lua_api.load(state, reader, context, name) == 0) return 1;
  // Its error is no result of this function if the script is to end.
  if (memd_lua_of(state)->is_ending) memd_lua_api.error(state);
  memd_lua_api.pushnil(state);
  memd_lua_api.insert(state, -2);
  return 2;
}

/// What has not been read of a text.
struct rest {
  const char *text;
  size_t count;
};

/// A large text takes seconds: between two pieces the script can be ended.
static const char *next_part(lua_State *state, void *context, size_t *count) {
  enum { PART_BYTE_COUNT = 64 << 10 };
  struct rest *rest = context;
  const char *part = rest->text;
  *count = rest->count < PART_BYTE_COUNT ? rest->count : PART_BYTE_COUNT;
  rest->text += *count;
  rest->count -= *count;
  memd_lua_ask_time(state);
  return *count > 0 ? part : NULL;
}

static int load_string(lua_State *state) {
  enum { LONG_TEXT = 64 << 10 };
  int type = memd_lua_api.type(state, 1);
  if (type != LUA_TSTRING) return go_on(state);
  struct rest rest;
  rest.text = memd_lua_api.tolstring(state, 1, &rest.count);
  if (rest.count > 0 && rest.text[0] == '\x1b') return refuse_compiled(state);
  if (rest.count <= LONG_TEXT) return go_on(state);
  const char *name = rest.text;
  if (memd_lua_api.type(state, 2) > LUA_TNIL) {
    name = memd_lua_api.tolstring(state, 2, NULL);
    if (name == NULL) return memd_lua_raise_type(state, 2, "string");
  }
  return load_pieces(state, next_part, &rest, name);
}

/// What `load` has got of the script's function.
struct pieces {
  int is_first;
};

static const char *next_piece(lua_State *state, void *context, size_t *count) {
  struct pieces *pieces = context;
  // A function of C may go on for ever without an instruction.
  memd_lua_ask_time(state);
  memd_lua_api.pushvalue(state, 1);
  memd_lua_api.call(state, 0, 1);
  *count = 0;
  if (memd_lua_api.type(state, -1) == LUA_TNIL) {
    memd_lua_api.settop(state, -2);
    return NULL;
  }
  const char *text = memd_lua_api.tolstring(state, -1, count);
  if (text == NULL) memd_lua_raise_text(state, "reader function must return a string");
  // Kept from being collected while it is read.
  memd_lua_api.replace(state, 3);
  if (*count > 0 && pieces->is_first) {
    pieces->is_first = 0;
    if (text[0] == '\x1b') memd_lua_raise_text(state, "attempt to load chunk with wrong mode");
  }
  return text;
}

static int load(lua_State *state) {
  if (memd_lua_api.type(state, 1) != LUA_TFUNCTION) {
    return memd_lua_raise_type(state, 1, "function");
  }
  const char *name = "=(load)";
  if (memd_lua_api.type(state, 2) > LUA_TNIL) {
    name = memd_lua_api.tolstring(state, 2, NULL);
    if (name == NULL) return memd_lua_raise_type(state, 2, "string");
  }
  memd_lua_api.settop(state, 3);
  struct pieces pieces = {1};
  return load_pieces(state, next_piece, &pieces, name);
}

// MARK: - Errors

/// Nobody has assigned this global.
static int refuse_unknown(lua_State *state) {
  int type = memd_lua_api.type(state, 2);
  if (type != LUA_TSTRING && type != LUA_TNUMBER) {
    return memd_lua_raise_text(
        state, "Second argument to luaProtectedTableError must be a string or number");
  }
  memd_lua_api.where(state, 1);
  memd_lua_api.pushstring(state, "Script attempted to access nonexistent global variable '");
  memd_lua_api.pushvalue(state, 2);
  memd_lua_api.pushstring(state, "'");
  memd_lua_api.concat(state, 4);
  return memd_lua_api.error(state);
}

/// Whoever reads an error outside of Lua can't ask its metatable: what that answers now goes into
/// the table itself.
static void settle_fields(lua_State *state) {
  static const char *const names[] = {"err", "source", "line"};
  if (!memd_lua_api.getmetatable(state, 1)) return;
  for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
    memd_lua_api.pushstring(state, names[index]);
    memd_lua_api.getfield(state, 1, names[index]);
    memd_lua_api.rawset(state, 1);
  }
  memd_lua_api.settop(state, 1);
}

/// Tells the error where it happened, as a script would: what a metatable raises meanwhile is
/// another error, which is handled in the place of this one.
static void add_place(lua_State *state) {
  lua_Debug info;
  if (!memd_lua_api.getstack(state, 1, &info)) return;
  memd_lua_api.getinfo(state, "nSl", &info);
  if (strcmp(info.what, "C") == 0) {
    if (!memd_lua_api.getstack(state, 2, &info)) return;
    memd_lua_api.getinfo(state, "nSl", &info);
  }
  memd_lua_api.pushstring(state, info.source);
  memd_lua_api.setfield(state, 1, "source");
  memd_lua_api.pushnumber(state, info.current_line);
  memd_lua_api.setfield(state, 1, "line");
}

/// Makes a table of every error, with the text, and where it happened: if that is a function of C,
/// where it was called.
static int handle_error(lua_State *state) {
  memd_lua_api.settop(state, 1);
  if (memd_lua_api.type(state, 1) != LUA_TTABLE || push_behind(state, 1)) {
    memd_lua_api.createtable(state, 0, 3);
    memd_lua_api.pushstring(state, "ERR ");
    memd_lua_api.pushvalue(state, UPVALUE_1);
    memd_lua_api.pushvalue(state, 1);
    memd_lua_api.call(state, 1, 1);
    memd_lua_api.concat(state, 2);
    memd_lua_api.setfield(state, -2, "err");
    memd_lua_api.replace(state, 1);
    memd_lua_api.settop(state, 1);
  }
  add_place(state);
  settle_fields(state);
  return 1;
}

// MARK: - The globals

static void open_library(lua_State *state, lua_CFunction open, const char *name) {
  memd_lua_api.pushcclosure(state, open, 0);
  memd_lua_api.pushstring(state, name);
  memd_lua_api.call(state, 1, 0);
}

/// Functions in front of those of a library; NULL is for the globals.
static const struct {
  const char *library;
  const char *name;
  lua_CFunction function;
} in_front[] = {
    {"string", "rep", repeat},
    {"table", "insert", insert},
    {"table", "remove", change_elements},
    {"table", "foreach", read_table},
    {"table", "foreachi", read_table},
    {NULL, "next", read_table},
    {NULL, "rawget", read_table},
    {NULL, "getmetatable", read_table},
    {NULL, "rawset", change_table},
    {NULL, "setmetatable", change_table},
    {NULL, "loadstring", load_string},
    {NULL, "unpack", unpack},
    {NULL, "collectgarbage", tell_collector},
    {NULL, "xpcall", call_with_handler},
};

/// Puts them there, in front of all that this Lua has.
static void put_in_front(lua_State *state) {
  for (size_t index = 0; index < sizeof in_front / sizeof in_front[0]; index++) {
    if (in_front[index].library != NULL) {
      memd_lua_api.getfield(state, LUA_GLOBALSINDEX, in_front[index].library);
    } else {
      memd_lua_api.pushvalue(state, LUA_GLOBALSINDEX);
    }
    memd_lua_api.getfield(state, -1, in_front[index].name);
    if (memd_lua_api.type(state, -1) == LUA_TFUNCTION) {
      memd_lua_api.pushcclosure(state, in_front[index].function, 1);
      memd_lua_api.setfield(state, -2, in_front[index].name);
    }
    memd_lua_api.settop(state, 0);
  }
}

static void set_function(lua_State *state, const char *name, lua_CFunction function) {
  memd_lua_api.pushcclosure(state, function, 0);
  memd_lua_api.setfield(state, -2, name);
}

static void change_base_library(lua_State *state) {
  memd_lua_api.pushvalue(state, LUA_GLOBALSINDEX);
  set_function(state, "load", load);
  set_function(state, "pcall", protected_call);
  memd_lua_api.getfield(state, -1, "next");
  memd_lua_api.pushcclosure(state, pairs, 1);
  memd_lua_api.setfield(state, -2, "pairs");
  memd_lua_api.settop(state, 0);
}

int memd_lua_open_libraries(lua_State *state) {
  open_library(state, memd_lua_api.open_base, "");
  open_library(state, memd_lua_api.open_table, "table");
  open_library(state, memd_lua_api.open_string, "string");
  open_library(state, memd_lua_api.open_math, "math");
  open_library(state, memd_lua_api.open_os, "os");
  memd_lua_open_bit(state);
  put_in_front(state);
  memd_lua_add_patterns(state);
  change_base_library(state);
  memd_lua_api.getfield(state, LUA_GLOBALSINDEX, "table");
  set_function(state, "sort", memd_lua_sort);
  memd_lua_api.getfield(state, LUA_GLOBALSINDEX, "math");
  set_function(state, "random", memd_lua_random);
  set_function(state, "randomseed", memd_lua_random_seed);
  memd_lua_api.getfield(state, LUA_GLOBALSINDEX, "os");
  memd_lua_api.getfield(state, -1, "clock");
  memd_lua_api.createtable(state, 0, 1);
  memd_lua_api.insert(state, -2);
  memd_lua_api.setfield(state, -2, "clock");
  memd_lua_api.setfield(state, LUA_GLOBALSINDEX, "os");
  return 0;
}

static const char *const allowed[] = {
    "_VERSION",   "assert",   "bit",     "cjson",    "cmsgpack",   "collectgarbage", "coroutine",
    "error",      "gcinfo",   "ipairs",  "load",     "loadstring", "math",           "next",
    "os",         "pairs",    "pcall",   "rawequal", "rawget",     "rawset",         "redis",
    "select",     "setmetatable", "string", "struct", "table",     "tonumber",       "tostring",
    "type",       "unpack",   "xpcall",  "getmetatable", "server",
};

/// Copies what is allowed into the table on top of the stack, tables as read-only ones.
static void copy_allowed(lua_State *state) {
  for (size_t index = 0; index < sizeof allowed / sizeof allowed[0]; index++) {
    memd_lua_api.getfield(state, LUA_GLOBALSINDEX, allowed[index]);
    if (memd_lua_api.type(state, -1) == LUA_TTABLE) seal(state);
    memd_lua_api.setfield(state, -2, allowed[index]);
  }
}

/// What getmetatable answers for strings: a read-only copy of their metatable. On top of the stack
/// is the table of globals.
static void seal_string_metatable(lua_State *state) {
  memd_lua_api.pushstring(state, "");
  if (!memd_lua_api.getmetatable(state, -1)) return memd_lua_api.settop(state, -2);
  memd_lua_api.createtable(state, 0, 1);
  memd_lua_api.getfield(state, -4, "string");
  memd_lua_api.setfield(state, -2, "__index");
  seal(state);
  memd_lua_api.setfield(state, -2, "__metatable");
  memd_lua_api.settop(state, -3);
}

/// Has the table on top of the stack raise an error for what it doesn't have.
static void refuse_what_is_missing(lua_State *state) {
  memd_lua_api.createtable(state, 0, 2);
  memd_lua_api.pushcclosure(state, refuse_unknown, 0);
  memd_lua_api.setfield(state, -2, "__index");
  memd_lua_api.pushvalue(state, -1);
  seal(state);
  memd_lua_api.setfield(state, -2, "__metatable");
  memd_lua_api.setmetatable(state, -2);
}

/// Pushes the globals that a library sees while it is loaded.
static void push_loading_globals(lua_State *state) {
  static const char *const names[][2] = {{"redis*", "redis"}, {"server*", "server"}};
  memd_lua_api.createtable(state, 0, 2);
  for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
    memd_lua_api.getfield(state, LUA_GLOBALSINDEX, names[index][0]);
    refuse_what_is_missing(state);
    seal(state);
    memd_lua_api.setfield(state, -2, names[index][1]);
  }
  refuse_what_is_missing(state);
}

void memd_lua_show_globals(struct memd_lua *lua, int place) {
  lua_State *state = lua->state;
  memd_lua_api.getmetatable(state, LUA_GLOBALSINDEX);
  memd_lua_api.pushvalue(state, place);
  memd_lua_api.setfield(state, -2, "__index");
  memd_lua_api.pushlightuserdata(state, &marker);
  memd_lua_api.pushvalue(state, place);
  memd_lua_api.rawset(state, -3);
  memd_lua_api.settop(state, -2);
}

static int seal_globals(lua_State *state, int for_functions) {
  memd_lua_api.settop(state, 0);
  memd_lua_api.getfield(state, LUA_GLOBALSINDEX, "tostring");
  memd_lua_api.pushcclosure(state, handle_error, 1);
  memd_lua_api.createtable(state, 0, 64);
  copy_allowed(state);
  if (for_functions) {
    push_loading_globals(state);
  } else {
    memd_lua_api.pushnil(state);
  }
  memd_lua_api.pushvalue(state, MEMD_LUA_GLOBALS);
  if (!for_functions) {
    memd_lua_api.pushvalue(state, MEMD_LUA_ERROR_HANDLER);
    memd_lua_api.setfield(state, -2, "__redis__err__handler");
    memd_lua_api.pushvalue(state, MEMD_LUA_ERROR_HANDLER);
    memd_lua_api.setfield(state, -2, "__server__err__handler");
  }
  seal_string_metatable(state);
  refuse_what_is_missing(state);
  seal(state);
  memd_lua_api.pushvalue(state, -1);
  memd_lua_api.setfield(state, MEMD_LUA_GLOBALS, "_G");
  memd_lua_api.replace(state, LUA_GLOBALSINDEX);
  memd_lua_api.pushstring(state, "KEYS");
  memd_lua_api.pushstring(state, "ARGV");
  return MEMD_LUA_ARGV;
}

int memd_lua_seal_script_globals(lua_State *state) { return seal_globals(state, 0); }

int memd_lua_seal_function_globals(lua_State *state) { return seal_globals(state, 1); }
