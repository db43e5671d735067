// SPDX-License-Identifier: Apache-2.0
//
// The library's functions, memory, and the way from Lua to Swift and back.
#include "private.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

struct memd_lua_functions memd_lua_api;

// MARK: - The library

static int found(void *library, const char *name, void *place) {
  void *address = dlsym(library, name);
  memcpy(place, &address, sizeof address);
  return address != NULL;
}

int memd_lua_find(const char *file_name) {
  void *library = dlopen(file_name, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return 0;
  struct memd_lua_functions api;
  int all = 1;
#define FIND(field, name) all &= found(library, name, &api.field)
  FIND(newstate, "lua_newstate");
  FIND(close, "lua_close");
  FIND(getallocf, "lua_getallocf");
  FIND(gettop, "lua_gettop");
  FIND(settop, "lua_settop");
  FIND(pushvalue, "lua_pushvalue");
  FIND(remove, "lua_remove");
  FIND(insert, "lua_insert");
  FIND(replace, "lua_replace");
  FIND(checkstack, "lua_checkstack");
  FIND(type, "lua_type");
  FIND(tonumber, "lua_tonumber");
  FIND(toboolean, "lua_toboolean");
  FIND(tolstring, "lua_tolstring");
  FIND(topointer, "lua_topointer");
  FIND(isnumber, "lua_isnumber");
  FIND(tocfunction, "lua_tocfunction");
  FIND(objlen, "lua_objlen");
  FIND(pushnil, "lua_pushnil");
  FIND(pushnumber, "lua_pushnumber");
  FIND(pushlstring, "lua_pushlstring");
  FIND(pushstring, "lua_pushstring");
  FIND(pushcclosure, "lua_pushcclosure");
  FIND(pushboolean, "lua_pushboolean");
  FIND(pushlightuserdata, "lua_pushlightuserdata");
  FIND(createtable, "lua_createtable");
  FIND(newuserdata, "lua_newuserdata");
  FIND(gettable, "lua_gettable");
  FIND(rawget, "lua_rawget");
  FIND(rawgeti, "lua_rawgeti");
  FIND(rawset, "lua_rawset");
  FIND(rawseti, "lua_rawseti");
  FIND(getfield, "lua_getfield");
  FIND(setfield, "lua_setfield");
  FIND(lessthan, "lua_lessthan");
  FIND(getmetatable, "lua_getmetatable");
  FIND(setmetatable, "lua_setmetatable");
  FIND(next, "lua_next");
  FIND(concat, "lua_concat");
  FIND(call, "lua_call");
  FIND(pcall, "lua_pcall");
  FIND(load, "lua_load");
  FIND(error, "lua_error");
  FIND(gc, "lua_gc");
  FIND(sethook, "lua_sethook");
  FIND(getstack, "lua_getstack");
  FIND(getinfo, "lua_getinfo");
  FIND(where, "luaL_where");
  FIND(argerror, "luaL_argerror");
  FIND(loadbuffer, "luaL_loadbuffer");
  FIND(open_base, "luaopen_base");
  FIND(open_table, "luaopen_table");
  FIND(open_string, "luaopen_string");
  FIND(open_math, "luaopen_math");
  FIND(open_os, "luaopen_os");
#undef FIND
  found(library, "luaJIT_setmode", &api.set_mode);
  if (!all) {
    dlclose(library);
    return 0;
  }
  memd_lua_api = api;
  return 1;
}

// MARK: - From Lua to Swift

struct memd_lua *memd_lua_of(lua_State *state) {
  void *owner;
  memd_lua_api.getallocf(state, &owner);
  return owner;
}

int memd_lua_raise_text(lua_State *state, const char *text) {
  memd_lua_api.where(state, 1);
  memd_lua_api.pushstring(state, text);
  memd_lua_api.concat(state, 2);
  return memd_lua_api.error(state);
}

static const char out_of_memory[] = "not enough memory";

/// Asks Swift, and raises what it wants to have raised.
static int ask(lua_State *state, int function, int instance) {
  struct memd_lua *lua = memd_lua_of(state);
  lua->unfailing += 1;
  int count = lua->run(lua->owner, state, function, instance);
  lua->unfailing -= 1;
  // What Swift has broken off for one of these reasons is no result.
  if (lua->is_ending) memd_lua_ask_time(state);
  if (lua->lacks_memory) {
    lua->lacks_memory = 0;
    return memd_lua_raise_text(state, out_of_memory);
  }
  if (count >= 0) {
    // What was given beyond the limit meanwhile is too much now.
    if (lua->byte_limit != 0 && lua->unfailing == 0 && lua->byte_count > lua->byte_limit) {
      memd_lua_api.gc(state, LUA_GCCOLLECT, 0);
      memd_lua_ask_time(state);
      if (lua->byte_count > lua->byte_limit) return memd_lua_raise_text(state, out_of_memory);
    }
    return count;
  }
  if (count == MEMD_LUA_RAISE_ARGUMENT) {
    int argument = (int)memd_lua_api.tonumber(state, -2);
    return memd_lua_api.argerror(state, argument, memd_lua_api.tolstring(state, -1, NULL));
  }
  if (count == MEMD_LUA_RAISE_HERE) {
    memd_lua_api.where(state, 1);
    memd_lua_api.insert(state, -2);
    memd_lua_api.concat(state, 2);
  }
  return memd_lua_api.error(state);
}

// Which of the owner's functions it is, and for which instance, is one number.
enum { FUNCTION_BITS = 8, FUNCTION_MASK = (1 << FUNCTION_BITS) - 1 };

static int call_owner(lua_State *state) {
  int number = (int)memd_lua_api.tonumber(state, LUA_GLOBALSINDEX - 1);
  return ask(state, number & FUNCTION_MASK, number >> FUNCTION_BITS);
}

void memd_lua_set_function(lua_State *state, const char *name, int function, int instance) {
  memd_lua_api.pushstring(state, name);
  memd_lua_api.pushnumber(state, (double)instance * (1 << FUNCTION_BITS) + function);
  memd_lua_api.pushcclosure(state, call_owner, 1);
  memd_lua_api.rawset(state, -3);
}

void memd_lua_add_function(
    struct memd_lua *lua, const char *library, const char *name, int function, int instance) {
  lua_State *state = lua->state;
  memd_lua_api.getfield(state, LUA_GLOBALSINDEX, library);
  if (memd_lua_api.type(state, -1) != LUA_TTABLE) {
    memd_lua_api.settop(state, -2);
    memd_lua_api.createtable(state, 0, 8);
    memd_lua_api.pushvalue(state, -1);
    memd_lua_api.setfield(state, LUA_GLOBALSINDEX, library);
  }
  memd_lua_set_function(state, name, function, instance);
  memd_lua_api.settop(state, -2);
}

// MARK: - Time

// An instruction may go through all that Lua has, as `..` does: the more that is, the sooner the
// owner is asked again. Together such instructions go through so many bytes between two questions,
// which takes some tenths of a second.
enum {
  BYTES_BETWEEN_QUESTIONS = 512 << 20,
  INSTRUCTIONS_AT_FIRST = 5000,
  INSTRUCTIONS_AT_MOST = 100000,
  INSTRUCTIONS_AT_LEAST = 10,
};

static void hook(lua_State *state, lua_Debug *info);

static void ask_after(lua_State *state, int instructions) {
  memd_lua_api.sethook(state, hook, LUA_MASKCOUNT, instructions);
}

static void hook(lua_State *state, lua_Debug *info) {
  (void)info;
  struct memd_lua *lua = memd_lua_of(state);
  lua->is_asked_soon = 0;
  if (!lua->is_ending) {
    size_t instructions = BYTES_BETWEEN_QUESTIONS / (lua->byte_count + 1);
    if (instructions > INSTRUCTIONS_AT_MOST) instructions = INSTRUCTIONS_AT_MOST;
    if (instructions < INSTRUCTIONS_AT_LEAST) instructions = INSTRUCTIONS_AT_LEAST;
    ask_after(state, (int)instructions);
  }
  memd_lua_ask_time(state);
}

void memd_lua_ask_soon(struct memd_lua *lua) {
  // Counting begins anew each time; and LuaJIT can't be told in the midst of anything.
  if (lua->is_asked_soon || lua->is_ending || memd_lua_api.set_mode != NULL) return;
  lua->is_asked_soon = 1;
  ask_after(lua->state, INSTRUCTIONS_AT_LEAST);
}

/// 0 if what runs may go on; else the error that ends it is on top of the stack.
static int is_to_end(struct memd_lua *lua, lua_State *state) {
  lua->unfailing += 1;
  int stops = lua->interrupt(lua->owner, state);
  lua->unfailing -= 1;
  if (!stops) return 0;
  // From now on every line ends: the script may catch the error, and then the next one.
  lua->is_ending = 1;
  memd_lua_api.sethook(state, hook, LUA_MASKLINE, 0);
  memd_lua_api.sethook(lua->state, hook, LUA_MASKLINE, 0);
  return 1;
}

void memd_lua_ask_time(lua_State *state) {
  if (is_to_end(memd_lua_of(state), state)) memd_lua_api.error(state);
}

/// What is made of a value has no more bytes, with or without a limit.
enum { PRODUCT_MAX = 1 << 30 };

int memd_lua_has_room(lua_State *state, size_t byte_count) {
  struct memd_lua *lua = memd_lua_of(state);
  size_t limit = lua->byte_limit;
  // Without a limit a table that is in itself would fill all memory there is.
  if (byte_count > PRODUCT_MAX) {
    lua->lacks_memory = 1;
    return 0;
  }
  if (limit == 0 || lua->byte_count + byte_count <= limit) return 1;
  memd_lua_api.gc(state, LUA_GCCOLLECT, 0);
  // Some of it has to be free now, or this would be done again and again.
  if (lua->byte_count + byte_count <= limit - limit / 16) return 1;
  lua->lacks_memory = 1;
  return 0;
}

int memd_lua_may_go_on(lua_State *state, size_t byte_count) {
  if (!memd_lua_has_room(state, byte_count)) return 0;
  struct memd_lua *lua = memd_lua_of(state);
  if (!is_to_end(lua, state)) return 1;
  // It is asked for again when Swift has returned.
  memd_lua_pop(state, 1);
  return 0;
}

/// Has the owner asked, again and again, whether what runs may go on. Coroutines are asked, too, as
/// what makes them is.
static void ask_now_and_then(struct memd_lua *lua) {
  lua->is_ending = 0;
  ask_after(lua->state, INSTRUCTIONS_AT_FIRST);
}

// MARK: - From Swift to Lua

int memd_lua_call(struct memd_lua *lua, int argument_count) {
  int unfailing = lua->unfailing;
  lua->unfailing = 0;
  lua->lacks_memory = 0;
  int result = memd_lua_api.pcall(lua->state, argument_count, 1, MEMD_LUA_ERROR_HANDLER);
  lua->unfailing = unfailing;
  if (lua->is_ending) ask_now_and_then(lua);
  return result;
}

int memd_lua_compile(struct memd_lua *lua, const void *text, size_t count, const char *name) {
  const char *code = text;
  if (count > 0 && code[0] == '\x1b') {
    // Compiled code could do anything to the interpreter.
    memd_lua_api.pushstring(lua->state, name + 1);
    memd_lua_api.pushstring(lua->state, ":1: unexpected symbol near 'char(27)'");
    memd_lua_api.concat(lua->state, 2);
    return 1;
  }
  return memd_lua_api.loadbuffer(lua->state, count > 0 ? code : "", count, name);
}

/// Runs a function that may raise, protected; it gets the interpreter.
static int protect(struct memd_lua *lua, lua_CFunction function, int result_count) {
  memd_lua_api.pushcclosure(lua->state, function, 0);
  return memd_lua_api.pcall(lua->state, 0, result_count, 0) == 0;
}

int memd_lua_open(struct memd_lua *lua) {
  lua->byte_count = 0;
  lua->unfailing = 1;
  memd_lua_make_arena(lua);
  lua->state = memd_lua_api.newstate(memd_lua_allocate, lua);
  if (lua->state == NULL) return 0;
  // What LuaJIT compiles asks nobody whether it has run for too long: its compiler rests.
  if (memd_lua_api.set_mode != NULL) memd_lua_api.set_mode(lua->state, 0, 0);
  return protect(lua, memd_lua_open_libraries, 0);
}

int memd_lua_seal(struct memd_lua *lua, int for_functions) {
  memd_lua_api.settop(lua->state, 0);
  ask_now_and_then(lua);
  return protect(
      lua, for_functions ? memd_lua_seal_function_globals : memd_lua_seal_script_globals,
      MEMD_LUA_ARGV);
}

void memd_lua_close(struct memd_lua *lua) {
  if (lua->state != NULL) memd_lua_api.close(lua->state);
  lua->state = NULL;
  free(lua->arena);
  lua->arena = NULL;
}
