// SPDX-License-Identifier: Apache-2.0
//
// What the files of this module share.
#ifndef MEMD_LUA_PRIVATE_H
#define MEMD_LUA_PRIVATE_H

#include "CLua.h"

/// The interpreter that a state belongs to.
struct memd_lua *memd_lua_of(lua_State *state);
/// Lua's allocator: counts what the owner, an interpreter, has, and gives no more than it may have.
void *memd_lua_allocate(void *owner, void *block, size_t old_size, size_t new_size);
/// Gives the interpreter memory for small blocks, if there is some.
void memd_lua_make_arena(struct memd_lua *lua);
/// Raises a text, with the place of the caller in front of it.
int memd_lua_raise_text(lua_State *state, const char *text);

/// Opens Lua's libraries without what reaches out of the interpreter.
int memd_lua_open_libraries(lua_State *state);
/// Put read-only tables in front of all globals; return what belongs at the bottom of the stack.
int memd_lua_seal_script_globals(lua_State *state);
int memd_lua_seal_function_globals(lua_State *state);
/// math.random and math.randomseed, whose sequence doesn't depend on the machine.
int memd_lua_random(lua_State *state);
int memd_lua_random_seed(lua_State *state);
/// Puts functions that can be stopped in the place of those of `string` that match patterns.
void memd_lua_add_patterns(lua_State *state);
/// Asks whether the script may go on, as is asked between its instructions; raises if not.
void memd_lua_ask_time(lua_State *state);
/// Has that be asked after a few instructions, as they may take long from now on.
void memd_lua_ask_soon(struct memd_lua *lua);
/// Raises if the value is a read-only table that has elements.
void memd_lua_refuse_read_only_elements(lua_State *state, int index);
/// table.sort, which can be stopped.
int memd_lua_sort(lua_State *state);
/// Makes the library `bit` a global.
void memd_lua_open_bit(lua_State *state);

/// A number as C's cast makes an integer of it on x86-64: what doesn't fit is the lowest one.
int64_t memd_lua_integer(double number);
/// The argument as a number; raises if it is none.
double memd_lua_number(lua_State *state, int argument);
/// What Lua calls a type.
const char *memd_lua_type_name(int type);
/// Raises the error of an argument of another type.
int memd_lua_raise_type(lua_State *state, int argument, const char *expected);

#endif
