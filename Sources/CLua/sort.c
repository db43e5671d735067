// SPDX-License-Identifier: Apache-2.0
//
// table.sort.
//
// That of Lua can't be stopped while no function of the script's compares: some hundred thousand
// numbers in an order made for that take it minutes. This one puts elements where Lua's puts them,
// equal ones and those of a function that is no order, too; but it asks now and then whether it may
// go on.
#include "private.h"

enum {
  COMPARISONS_BETWEEN_QUESTIONS = 64,
  /// Places of the table and of the function on the stack.
  TABLE = 1,
  FUNCTION = 2,
};

/// A table that is being sorted.
struct sorter {
  lua_State *state;
  /// There is a function that says what comes first; and it is one of C.
  int has_function;
  int has_function_of_c;
  unsigned comparison_count;
};

/// Whether the value at one place of the stack, counted from the top, comes in front of another.
static int is_less(struct sorter *sorter, int left, int right) {
  lua_State *state = sorter->state;
  // One of C may take long, and nobody counts its instructions.
  if (++sorter->comparison_count % COMPARISONS_BETWEEN_QUESTIONS == 0 ||
      sorter->has_function_of_c) {
    memd_lua_ask_time(state);
  }
  if (!sorter->has_function) return memd_lua_api.lessthan(state, left, right);
  memd_lua_api.pushvalue(state, FUNCTION);
  memd_lua_api.pushvalue(state, left - 1);
  memd_lua_api.pushvalue(state, right - 2);
  memd_lua_api.call(state, 2, 1);
  int result = memd_lua_api.toboolean(state, -1);
  memd_lua_pop(state, 1);
  return result;
}

/// Pushes two elements.
static void push_both(lua_State *state, int first, int second) {
  memd_lua_api.rawgeti(state, TABLE, first);
  memd_lua_api.rawgeti(state, TABLE, second);
}

/// Stores the value on top of the stack as one element, and the one below as the other.
static void store_both(lua_State *state, int first, int second) {
  memd_lua_api.rawseti(state, TABLE, first);
  memd_lua_api.rawseti(state, TABLE, second);
}

/// Exchanges two elements if the second one comes in front of the first; else leaves them.
static int put_in_order(struct sorter *sorter, int first, int second) {
  push_both(sorter->state, first, second);
  int is_wrong = is_less(sorter, -1, -2);
  if (is_wrong) {
    store_both(sorter->state, first, second);
  } else {
    memd_lua_pop(sorter->state, 2);
  }
  return is_wrong;
}

static void refuse_order(lua_State *state) {
  memd_lua_raise_text(state, "invalid order function for sorting");
}

/// Moves what comes in front of the pivot, which is on top of the stack and the last element but
/// one, to one side of it, and what comes behind it to the other; returns where it stands then.
static int divide(struct sorter *sorter, int first, int last) {
  lua_State *state = sorter->state;
  int left = first, right = last - 1;
  for (;;) {
    for (;;) {
      memd_lua_api.rawgeti(state, TABLE, ++left);
      if (!is_less(sorter, -1, -2)) break;
      if (left > last) refuse_order(state);
      memd_lua_pop(state, 1);
    }
    for (;;) {
      memd_lua_api.rawgeti(state, TABLE, --right);
      if (!is_less(sorter, -3, -1)) break;
      if (right < first) refuse_order(state);
      memd_lua_pop(state, 1);
    }
    if (right < left) break;
    store_both(state, left, right);
  }
  // The pivot, and what was looked at on both sides.
  memd_lua_pop(state, 3);
  push_both(state, last - 1, left);
  store_both(state, last - 1, left);
  return left;
}

static void sort_range(struct sorter *sorter, int first, int last) {
  lua_State *state = sorter->state;
  while (first < last) {
    put_in_order(sorter, first, last);
    if (last - first == 1) return;
    int middle = first + (last - first) / 2;
    if (!put_in_order(sorter, first, middle)) put_in_order(sorter, middle, last);
    if (last - first == 2) return;
    memd_lua_api.rawgeti(state, TABLE, middle);
    memd_lua_api.pushvalue(state, -1);
    memd_lua_api.rawgeti(state, TABLE, last - 1);
    store_both(state, middle, last - 1);
    int pivot = divide(sorter, first, last);
    // The smaller side first, so that there are few calls inside of each other.
    if (pivot - first < last - pivot) {
      sort_range(sorter, first, pivot - 1);
      first = pivot + 1;
    } else {
      sort_range(sorter, pivot + 1, last);
      last = pivot - 1;
    }
  }
}

int memd_lua_sort(lua_State *state) {
  if (memd_lua_api.type(state, TABLE) != LUA_TTABLE) {
    return memd_lua_raise_type(state, TABLE, "table");
  }
  memd_lua_refuse_read_only_elements(state, TABLE);
  int count = (int)memd_lua_api.objlen(state, TABLE);
  int type = memd_lua_api.type(state, FUNCTION);
  if (type > LUA_TNIL && type != LUA_TFUNCTION) {
    return memd_lua_raise_type(state, FUNCTION, "function");
  }
  memd_lua_api.settop(state, FUNCTION);
  if (!memd_lua_api.checkstack(state, 40)) return memd_lua_raise_text(state, "stack overflow");
  int has_function = type == LUA_TFUNCTION;
  struct sorter sorter = {
      state, has_function,
      has_function && memd_lua_api.tocfunction(state, FUNCTION) != NULL, 0};
  sort_range(&sorter, 1, count);
  return 0;
}
