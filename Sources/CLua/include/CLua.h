// SPDX-License-Identifier: Apache-2.0
//
// Lua 5.1 without its headers: the functions that are used of it, found in the distribution's
// library when the program starts, and what has to be written in C because it raises errors.
//
// Lua raises an error by longjmp, which may not cross a frame of Swift. So whatever Lua calls is a
// function of this module; it asks Swift through a function pointer, Swift uses nothing that could
// raise and returns, and only then the error is raised, with frames of C alone above the lua_pcall
// that catches it. What Swift calls can fail for want of memory only, and doesn't: while Swift is
// on the stack, `memd_lua.unfailing` is not 0 and memory is given beyond the limit.
#ifndef MEMD_LUA_H
#define MEMD_LUA_H

#include <stddef.h>
#include <stdint.h>

typedef struct lua_State lua_State;
typedef int (*lua_CFunction)(lua_State *);
typedef void *(*lua_Alloc)(void *owner, void *block, size_t old_size, size_t new_size);

/// What a function knows of its caller; laid out as Lua 5.1 and LuaJIT have it.
typedef struct lua_Debug {
  int event;
  const char *name;
  const char *name_what;
  const char *what;
  const char *source;
  int current_line;
  int upvalue_count;
  int first_line;
  int last_line;
  char short_source[60];
  int call_info;
} lua_Debug;

typedef void (*lua_Hook)(lua_State *, lua_Debug *);

// Names and numbers of Lua's own API.
enum {
  LUA_REGISTRYINDEX = -10000,
  LUA_GLOBALSINDEX = -10002,
  LUA_MULTRET = -1,
  LUA_TNONE = -1,
  LUA_TNIL = 0,
  LUA_TBOOLEAN = 1,
  LUA_TLIGHTUSERDATA = 2,
  LUA_TNUMBER = 3,
  LUA_TSTRING = 4,
  LUA_TTABLE = 5,
  LUA_TFUNCTION = 6,
  LUA_MASKLINE = 4,
  LUA_MASKCOUNT = 8,
  LUA_GCRESTART = 1,
  LUA_GCCOLLECT = 2,
  LUA_GCSETPAUSE = 6,
  LUA_GCSETSTEPMUL = 7,
};

/// The functions of the library; all there, or none of them.
struct memd_lua_functions {
  lua_State *(*newstate)(lua_Alloc, void *);
  void (*close)(lua_State *);
  lua_Alloc (*getallocf)(lua_State *, void **);
  int (*gettop)(lua_State *);
  void (*settop)(lua_State *, int);
  void (*pushvalue)(lua_State *, int);
  void (*remove)(lua_State *, int);
  void (*insert)(lua_State *, int);
  void (*replace)(lua_State *, int);
  int (*checkstack)(lua_State *, int);
  int (*type)(lua_State *, int);
  double (*tonumber)(lua_State *, int);
  int (*toboolean)(lua_State *, int);
  const char *(*tolstring)(lua_State *, int, size_t *);
  const void *(*topointer)(lua_State *, int);
  int (*isnumber)(lua_State *, int);
  lua_CFunction (*tocfunction)(lua_State *, int);
  size_t (*objlen)(lua_State *, int);
  void (*pushnil)(lua_State *);
  void (*pushnumber)(lua_State *, double);
  void (*pushlstring)(lua_State *, const char *, size_t);
  void (*pushstring)(lua_State *, const char *);
  void (*pushcclosure)(lua_State *, lua_CFunction, int);
  void (*pushboolean)(lua_State *, int);
  void (*pushlightuserdata)(lua_State *, void *);
  void (*createtable)(lua_State *, int, int);
  void *(*newuserdata)(lua_State *, size_t);
  void (*gettable)(lua_State *, int);
  void (*rawget)(lua_State *, int);
  void (*rawgeti)(lua_State *, int, int);
  void (*rawset)(lua_State *, int);
  void (*rawseti)(lua_State *, int, int);
  void (*getfield)(lua_State *, int, const char *);
  void (*setfield)(lua_State *, int, const char *);
  int (*lessthan)(lua_State *, int, int);
  int (*getmetatable)(lua_State *, int);
  int (*setmetatable)(lua_State *, int);
  int (*next)(lua_State *, int);
  void (*concat)(lua_State *, int);
  void (*call)(lua_State *, int, int);
  int (*pcall)(lua_State *, int, int, int);
  int (*load)(lua_State *, const char *(*)(lua_State *, void *, size_t *), void *, const char *);
  int (*error)(lua_State *);
  int (*gc)(lua_State *, int, int);
  int (*sethook)(lua_State *, lua_Hook, int, int);
  int (*getstack)(lua_State *, int, lua_Debug *);
  int (*getinfo)(lua_State *, const char *, lua_Debug *);
  void (*where)(lua_State *, int);
  int (*argerror)(lua_State *, int, const char *);
  int (*loadbuffer)(lua_State *, const char *, size_t, const char *);
  int (*open_base)(lua_State *);
  int (*open_table)(lua_State *);
  int (*open_string)(lua_State *);
  int (*open_math)(lua_State *);
  int (*open_os)(lua_State *);
  /// LuaJIT's alone.
  int (*set_mode)(lua_State *, int, int);
};

extern struct memd_lua_functions memd_lua_api;

/// Finds a library of that file name and all functions in it; 0 if there is none.
int memd_lua_find(const char *file_name);

/// What Swift answers when it was asked to run a function: a count of results on the stack, or one
/// of these.
enum {
  /// Raise the value on top of the stack.
  MEMD_LUA_RAISE = -1,
  /// Raise the text on top of the stack, with the place of the caller in front of it.
  MEMD_LUA_RAISE_HERE = -2,
  /// Below the text on top is the number of an argument that is wrong for that reason.
  MEMD_LUA_RAISE_ARGUMENT = -3,
};

/// An interpreter: Lua's state and what belongs to it. It must stay where it is.
struct memd_lua {
  lua_State *state;
  /// Whom the functions below are for.
  void *owner;
  /// Runs one of the owner's functions.
  int (*run)(void *owner, lua_State *, int function, int instance);
  /// Asked every so many instructions: not 0 stops the script with the error on top of the stack.
  int (*interrupt)(void *owner, lua_State *);
  /// Bytes that Lua has, and how many it may have; 0: no limit.
  size_t byte_count;
  size_t byte_limit;
  /// Not 0 while nothing may fail for want of memory.
  int unfailing;
  /// Not 0 if Swift was refused memory, and the script is to hear of it.
  int lacks_memory;
  /// Memory of small blocks; NULL for none.
  struct memd_lua_arena *arena;
  /// Not 0 once what runs was told to end.
  int is_ending;
  /// Not 0 while the owner is to be asked after a few instructions.
  int is_asked_soon;
  /// Not 0 once a script has told the collector of garbage when to work.
  int is_collector_changed;
  /// The state of math.random, which interpreters share; it must be there as long as they are.
  uint64_t *random;
};

/// What math.random begins with: the state of drand48 that nobody has seeded.
#define MEMD_LUA_FIRST_RANDOM 0x1234abcd330eULL

/// Where the values stand that an interpreter keeps at the bottom of its stack.
enum {
  MEMD_LUA_ERROR_HANDLER = 1,
  /// The table of globals behind the read-only one that scripts have.
  MEMD_LUA_GLOBALS = 2,
  /// What stands in their place while a library of functions is loaded, if this is for functions.
  MEMD_LUA_LOADING_GLOBALS = 3,
  MEMD_LUA_KEYS = 4,
  MEMD_LUA_ARGV = 5,
};

/// Makes the state, with Lua's own libraries as far as scripts may use them; 0 if memory is out.
int memd_lua_open(struct memd_lua *lua);
/// Adds a function of the owner's to a library, which is made if it isn't there.
void memd_lua_add_function(
    struct memd_lua *lua, const char *library, const char *name, int function, int instance);
/// Adds to the table on top of the stack a function of the owner's.
void memd_lua_set_function(lua_State *state, const char *name, int function, int instance);
/// Makes all globals read-only from now on; 0 if memory is out.
///
/// For functions there are globals of two kinds: the libraries whose names end with a star, as in
/// "redis*", are those that code sees while it is loaded, without the star.
int memd_lua_seal(struct memd_lua *lua, int for_functions);
/// Has code see the globals that stand at a place of the stack.
void memd_lua_show_globals(struct memd_lua *lua, int place);
void memd_lua_close(struct memd_lua *lua);
/// Calls the function below so many arguments on top of the stack; 0 if it leaves its one result
/// there, else an error.
int memd_lua_call(struct memd_lua *lua, int argument_count);

// What Swift calls of the API. None of it raises as long as memory is given.

static inline int memd_lua_gettop(lua_State *s) { return memd_lua_api.gettop(s); }
static inline void memd_lua_settop(lua_State *s, int top) { memd_lua_api.settop(s, top); }
static inline void memd_lua_pop(lua_State *s, int count) { memd_lua_api.settop(s, -count - 1); }
static inline void memd_lua_pushvalue(lua_State *s, int i) { memd_lua_api.pushvalue(s, i); }
static inline void memd_lua_replace(lua_State *s, int i) { memd_lua_api.replace(s, i); }
static inline void memd_lua_insert(lua_State *s, int i) { memd_lua_api.insert(s, i); }
static inline int memd_lua_checkstack(lua_State *s, int n) { return memd_lua_api.checkstack(s, n); }
static inline int memd_lua_type(lua_State *s, int i) { return memd_lua_api.type(s, i); }
static inline int memd_lua_isnumber(lua_State *s, int i) { return memd_lua_api.isnumber(s, i); }
static inline double memd_lua_tonumber(lua_State *s, int i) { return memd_lua_api.tonumber(s, i); }
static inline int memd_lua_toboolean(lua_State *s, int i) { return memd_lua_api.toboolean(s, i); }
/// A number at the place becomes a string: not for keys that `next` goes on from.
static inline const char *memd_lua_tolstring(lua_State *s, int i, size_t *count) {
  return memd_lua_api.tolstring(s, i, count);
}
static inline const void *memd_lua_topointer(lua_State *s, int i) {
  return memd_lua_api.topointer(s, i);
}
static inline void memd_lua_pushnil(lua_State *s) { memd_lua_api.pushnil(s); }
static inline void memd_lua_pushnumber(lua_State *s, double n) { memd_lua_api.pushnumber(s, n); }
static inline void memd_lua_pushlstring(lua_State *s, const void *bytes, size_t count) {
  memd_lua_api.pushlstring(s, (const char *)bytes, count);
}
static inline void memd_lua_pushboolean(lua_State *s, int b) { memd_lua_api.pushboolean(s, b); }
static inline void memd_lua_pushlightuserdata(lua_State *s, void *p) {
  memd_lua_api.pushlightuserdata(s, p);
}
static inline void memd_lua_createtable(lua_State *s, int array, int record) {
  memd_lua_api.createtable(s, array, record);
}
static inline void memd_lua_rawget(lua_State *s, int i) { memd_lua_api.rawget(s, i); }
static inline void memd_lua_rawgeti(lua_State *s, int i, int n) { memd_lua_api.rawgeti(s, i, n); }
static inline void memd_lua_rawset(lua_State *s, int i) { memd_lua_api.rawset(s, i); }
static inline void memd_lua_rawseti(lua_State *s, int i, int n) { memd_lua_api.rawseti(s, i, n); }
/// Only after a key that the table has, and only if it was not changed in between.
static inline int memd_lua_next(lua_State *s, int i) { return memd_lua_api.next(s, i); }
static inline int memd_lua_gc(lua_State *s, int what, int data) {
  return memd_lua_api.gc(s, what, data);
}
/// Whether so many bytes have room beside what Lua has. If not, the function that Swift runs fails
/// when it returns, whatever it returns. Garbage is collected: weak tables may lose elements.
int memd_lua_has_room(lua_State *state, size_t byte_count);
/// The same; and whether what runs may go on, which is asked as between two instructions.
int memd_lua_may_go_on(lua_State *state, size_t byte_count);
/// Writes a number with so many significant digits, as C's %g does; returns the count of bytes.
int memd_lua_format(void *text, int byte_count, int precision, double number);
/// Reads a number as C's strtod does, from a text with a zero byte behind it, and tells how many
/// bytes belong to it.
double memd_lua_parse_number(const void *text, size_t *byte_count);
/// Puts the table behind a read-only one in its place, on the stack; other values stay.
void memd_lua_look_through(lua_State *state, int index);
/// Compiles a text; 0 leaves the function, else the reason is left. No compiled code is taken.
int memd_lua_compile(struct memd_lua *lua, const void *text, size_t count, const char *name);

#endif
