// SPDX-License-Identifier: Apache-2.0
//
// string.find, match, gmatch and gsub.
//
// Those of Lua can't be stopped: a pattern of some twenty bytes goes back and forth for years, in
// which nobody else is served. These do the same (section 5.4.1 of the manual of Lua 5.1, and at
// the edges what its library does), but ask now and then whether they may go on.
//
// A pattern ends at its first zero byte, as Lua's does; texts may hold any bytes.
#define _GNU_SOURCE
#include "private.h"

#include <ctype.h>
#include <string.h>

enum {
  CAPTURES_MAX = 32,
  /// Items that are tried inside of each other: each takes the machine's stack.
  DEPTH_MAX = 8000,
  STEPS_BETWEEN_QUESTIONS = 1 << 16,
};

enum {
  /// Length of a capture whose end hasn't been met.
  CAPTURE_IS_OPEN = -1,
  /// Length of one that stands for its place.
  CAPTURE_IS_PLACE = -2,
};

struct capture {
  const char *start;
  ptrdiff_t length;
};

/// An attempt to find a pattern in a text.
struct matcher {
  lua_State *state;
  const char *text;
  const char *text_end;
  int depth;
  size_t step_count;
  int capture_count;
  struct capture captures[CAPTURES_MAX];
};

/// Counts what was looked at: an item may be a set of many members.
static void count_steps(struct matcher *matcher, size_t count) {
  matcher->step_count += count;
  if (matcher->step_count < STEPS_BETWEEN_QUESTIONS) return;
  matcher->step_count = 0;
  memd_lua_ask_time(matcher->state);
}

static void count_step(struct matcher *matcher) { count_steps(matcher, 1); }

// MARK: - One character

/// Where the set ends whose first character this is.
static const char *end_of_set(struct matcher *matcher, const char *pattern) {
  if (*pattern == '^') pattern++;
  // A bracket in front is a member.
  do {
    if (*pattern == '\0') memd_lua_raise_text(matcher->state, "malformed pattern (missing ']')");
    pattern += *pattern == '%' && pattern[1] != '\0' ? 2 : 1;
  } while (*pattern != ']');
  return pattern + 1;
}

/// Where the item ends that stands for one character.
static const char *end_of_item(struct matcher *matcher, const char *pattern) {
  if (*pattern == '[') return end_of_set(matcher, pattern + 1);
  if (*pattern != '%') return pattern + 1;
  if (pattern[1] == '\0') {
    memd_lua_raise_text(matcher->state, "malformed pattern (ends with '%')");
  }
  return pattern + 2;
}

/// Whether a character is of a class, named by a letter; any other name stands for itself.
static int is_of_class(unsigned char character, unsigned char name) {
  int is_member;
  switch (tolower(name)) {
    case 'a': is_member = isalpha(character); break;
    case 'c': is_member = iscntrl(character); break;
    case 'd': is_member = isdigit(character); break;
    case 'l': is_member = islower(character); break;
    case 'p': is_member = ispunct(character); break;
    case 's': is_member = isspace(character); break;
    case 'u': is_member = isupper(character); break;
    case 'w': is_member = isalnum(character); break;
    case 'x': is_member = isxdigit(character); break;
    case 'z': is_member = character == 0; break;
    default: return character == name;
  }
  return islower(name) ? is_member != 0 : is_member == 0;
}

/// Whether a character is in the set whose first member is at `pattern`, and whose bracket is last.
static int is_in_set(unsigned char character, const char *pattern, const char *bracket) {
  int found = 1;
  if (*pattern == '^') {
    found = 0;
    pattern++;
  }
  while (pattern < bracket) {
    unsigned char first = (unsigned char)pattern[0];
    if (first == '%') {
      if (is_of_class(character, (unsigned char)pattern[1])) return found;
      pattern += 2;
    } else if (pattern[1] == '-' && pattern + 2 < bracket) {
      if (first <= character && character <= (unsigned char)pattern[2]) return found;
      pattern += 3;
    } else {
      if (first == character) return found;
      pattern++;
    }
  }
  return !found;
}

/// Whether the item up to `end` stands for the character at a place.
static int fits(
    const struct matcher *matcher, const char *place, const char *pattern, const char *end) {
  if (place >= matcher->text_end) return 0;
  unsigned char character = (unsigned char)*place;
  switch (*pattern) {
    case '.': return 1;
    case '%': return is_of_class(character, (unsigned char)pattern[1]);
    case '[': return is_in_set(character, pattern + 1, end - 1);
    default: return character == (unsigned char)*pattern;
  }
}

// MARK: - Matching

/// Where the match ends of a pattern at a place of the text; NULL if it doesn't match there.
static const char *match(struct matcher *matcher, const char *place, const char *pattern);

/// As many characters as possible for one item, at least so many, then the rest.
static const char *match_most(
    struct matcher *matcher, const char *place, const char *pattern, const char *end,
    ptrdiff_t least) {
  ptrdiff_t count = 0;
  while (fits(matcher, place + count, pattern, end)) {
    count_steps(matcher, (size_t)(end - pattern));
    count++;
  }
  for (; count >= least; count--) {
    const char *result = match(matcher, place + count, end + 1);
    if (result != NULL) return result;
  }
  return NULL;
}

/// As few as possible.
static const char *match_fewest(
    struct matcher *matcher, const char *place, const char *pattern, const char *end) {
  for (;; place++) {
    const char *result = match(matcher, place, end + 1);
    if (result != NULL) return result;
    count_steps(matcher, (size_t)(end - pattern));
    if (!fits(matcher, place, pattern, end)) return NULL;
  }
}

static const char *open_capture(
    struct matcher *matcher, const char *place, const char *pattern, ptrdiff_t length) {
  if (matcher->capture_count >= CAPTURES_MAX) {
    memd_lua_raise_text(matcher->state, "too many captures");
  }
  matcher->captures[matcher->capture_count] = (struct capture){place, length};
  matcher->capture_count++;
  const char *result = match(matcher, place, pattern);
  if (result == NULL) matcher->capture_count--;
  return result;
}

static const char *close_capture(
    struct matcher *matcher, const char *place, const char *pattern) {
  int index = matcher->capture_count - 1;
  while (index >= 0 && matcher->captures[index].length != CAPTURE_IS_OPEN) index--;
  if (index < 0) memd_lua_raise_text(matcher->state, "invalid pattern capture");
  matcher->captures[index].length = place - matcher->captures[index].start;
  const char *result = match(matcher, place, pattern);
  if (result == NULL) matcher->captures[index].length = CAPTURE_IS_OPEN;
  return result;
}

/// Behind what a capture has captured, if that stands here again.
static const char *skip_captured(struct matcher *matcher, const char *place, char digit) {
  int index = digit - '1';
  if (index < 0 || index >= matcher->capture_count ||
      matcher->captures[index].length == CAPTURE_IS_OPEN) {
    memd_lua_raise_text(matcher->state, "invalid capture index");
  }
  // Compatibility: of a place there is no such length.
  const struct capture *capture = &matcher->captures[index];
  if (capture->length < 0 || matcher->text_end - place < capture->length) return NULL;
  count_steps(matcher, (size_t)capture->length / 64);
  if (memcmp(capture->start, place, (size_t)capture->length) != 0) return NULL;
  return place + capture->length;
}

/// Behind the text from one delimiter to the other one that belongs to it.
static const char *skip_balanced(
    struct matcher *matcher, const char *place, const char *delimiters) {
  if (delimiters[0] == '\0' || delimiters[1] == '\0') {
    memd_lua_raise_text(matcher->state, "unbalanced pattern");
  }
  if (place >= matcher->text_end || *place != delimiters[0]) return NULL;
  size_t open_count = 1;
  while (++place < matcher->text_end) {
    count_step(matcher);
    if (*place == delimiters[1]) {
      if (--open_count == 0) return place + 1;
    } else if (*place == delimiters[0]) {
      open_count++;
    }
  }
  return NULL;
}

/// Whether a set begins here: its members are behind this place and not in front of it. Around the
/// text are zero bytes.
static int is_frontier(
    const struct matcher *matcher, const char *place, const char *set, const char *end) {
  unsigned char before = place == matcher->text ? 0 : (unsigned char)place[-1];
  unsigned char behind = place == matcher->text_end ? 0 : (unsigned char)*place;
  return !is_in_set(before, set + 1, end - 1) && is_in_set(behind, set + 1, end - 1);
}

/// Goes on behind an item that stands for no character, or for several, if there is one at
/// `*pattern`; 0 if there isn't. `*place` is NULL if it doesn't match.
static int skip_special(struct matcher *matcher, const char **place, const char **pattern) {
  if (**pattern != '%') return 0;
  char name = (*pattern)[1];
  if (name == 'b') {
    *place = skip_balanced(matcher, *place, *pattern + 2);
    *pattern += 4;
    return 1;
  }
  if (name == 'f') {
    const char *set = *pattern + 2;
    if (*set != '[') {
      memd_lua_raise_text(matcher->state, "missing '[' after '%f' in pattern");
    }
    const char *end = end_of_item(matcher, set);
    count_steps(matcher, (size_t)(end - set));
    if (!is_frontier(matcher, *place, set, end)) *place = NULL;
    *pattern = end;
    return 1;
  }
  if (!isdigit((unsigned char)name)) return 0;
  *place = skip_captured(matcher, *place, name);
  *pattern += 2;
  return 1;
}

static const char *match_here(struct matcher *matcher, const char *place, const char *pattern) {
  for (;;) {
    count_step(matcher);
    if (*pattern == '\0') return place;
    if (*pattern == ')') return close_capture(matcher, place, pattern + 1);
    if (pattern[0] == '(' && pattern[1] == ')') {
      return open_capture(matcher, place, pattern + 2, CAPTURE_IS_PLACE);
    }
    if (*pattern == '(') return open_capture(matcher, place, pattern + 1, CAPTURE_IS_OPEN);
    if (pattern[0] == '$' && pattern[1] == '\0') {
      return place == matcher->text_end ? place : NULL;
    }
    if (skip_special(matcher, &place, &pattern)) {
      if (place == NULL) return NULL;
      continue;
    }
    const char *end = end_of_item(matcher, pattern);
    count_steps(matcher, (size_t)(end - pattern));
    switch (*end) {
      case '*': return match_most(matcher, place, pattern, end, 0);
      case '+': return match_most(matcher, place, pattern, end, 1);
      case '-': return match_fewest(matcher, place, pattern, end);
      case '?':
        if (fits(matcher, place, pattern, end)) {
          const char *result = match(matcher, place + 1, end + 1);
          if (result != NULL) return result;
        }
        pattern = end + 1;
        break;
      default:
        if (!fits(matcher, place, pattern, end)) return NULL;
        place++;
        pattern = end;
    }
  }
}

static const char *match(struct matcher *matcher, const char *place, const char *pattern) {
  if (matcher->depth >= DEPTH_MAX) memd_lua_raise_text(matcher->state, "pattern too complex");
  matcher->depth++;
  const char *result = match_here(matcher, place, pattern);
  matcher->depth--;
  return result;
}

/// The same with nothing captured before.
static const char *match_anew(struct matcher *matcher, const char *place, const char *pattern) {
  matcher->capture_count = 0;
  return match(matcher, place, pattern);
}

// MARK: - Arguments and results

static const char *string_argument(lua_State *state, int index, size_t *count) {
  const char *text = memd_lua_api.tolstring(state, index, count);
  if (text == NULL) memd_lua_raise_type(state, index, "string");
  return text;
}

/// An argument as an integer.
static int64_t integer_argument(lua_State *state, int index, int64_t otherwise) {
  if (memd_lua_api.type(state, index) <= LUA_TNIL) return otherwise;
  return memd_lua_integer(memd_lua_number(state, index));
}

/// Prepares a matcher, all but its captures, which would take longer than most matches.
static void begin(struct matcher *matcher, lua_State *state, const char *text, size_t count) {
  matcher->state = state;
  matcher->text = text;
  matcher->text_end = text + count;
  matcher->depth = matcher->capture_count = 0;
  matcher->step_count = 0;
}

/// The text and the pattern that are the first arguments.
static const char *take_arguments(lua_State *state, struct matcher *matcher) {
  size_t count, pattern_count;
  const char *text = string_argument(state, 1, &count);
  begin(matcher, state, text, count);
  return string_argument(state, 2, &pattern_count);
}

/// Pushes what was captured; of a match from `start` to `end` all, if that was nothing.
static void push_capture(
    struct matcher *matcher, int index, const char *start, const char *end) {
  struct capture capture = {start, end - start};
  if (index < matcher->capture_count) {
    capture = matcher->captures[index];
  } else if (index != 0) {
    memd_lua_raise_text(matcher->state, "invalid capture index");
  }
  if (capture.length == CAPTURE_IS_OPEN) {
    memd_lua_raise_text(matcher->state, "unfinished capture");
  }
  if (capture.length == CAPTURE_IS_PLACE) {
    memd_lua_api.pushnumber(matcher->state, (double)(capture.start - matcher->text + 1));
  } else {
    memd_lua_api.pushlstring(matcher->state, capture.start, (size_t)capture.length);
  }
}

static int push_captures(
    struct matcher *matcher, int least, const char *start, const char *end) {
  int count = matcher->capture_count > least ? matcher->capture_count : least;
  if (!memd_lua_api.checkstack(matcher->state, count)) {
    memd_lua_raise_text(matcher->state, "stack overflow (too many captures)");
  }
  for (int index = 0; index < count; index++) push_capture(matcher, index, start, end);
  return count;
}

// MARK: - find and match

static int push_found(lua_State *state, struct matcher *matcher, const char *start, size_t count) {
  double first = (double)(start - matcher->text + 1);
  memd_lua_api.pushnumber(state, first);
  memd_lua_api.pushnumber(state, first + (double)count - 1);
  return 2;
}

/// Where the search begins: the third argument, counted from the end if it is negative.
static const char *first_place(lua_State *state, const struct matcher *matcher) {
  int64_t count = matcher->text_end - matcher->text;
  int64_t position = integer_argument(state, 3, 1);
  if (position < 0) position += count + 1;
  if (position < 1) position = 1;
  return matcher->text + (position - 1 < count ? position - 1 : count);
}

static int search(lua_State *state, int finds) {
  struct matcher matcher;
  const char *pattern = take_arguments(state, &matcher);
  const char *place = first_place(state, &matcher);
  if (finds && (memd_lua_api.toboolean(state, 4) || strpbrk(pattern, "^$*+?.([%-") == NULL)) {
    size_t count = memd_lua_api.objlen(state, 2);
    size_t rest = (size_t)(matcher.text_end - place);
    const char *found = count == 0 ? place : memmem(place, rest, pattern, count);
    if (found != NULL) return push_found(state, &matcher, found, count);
  } else {
    int is_anchored = *pattern == '^';
    do {
      const char *end = match_anew(&matcher, place, pattern + is_anchored);
      if (end == NULL) continue;
      if (!finds) return push_captures(&matcher, 1, place, end);
      push_found(state, &matcher, place, (size_t)(end - place));
      return 2 + push_captures(&matcher, 0, place, end);
    } while (!is_anchored && place++ < matcher.text_end);
  }
  memd_lua_api.pushnil(state);
  return 1;
}

static int find(lua_State *state) { return search(state, 1); }
static int find_captures(lua_State *state) { return search(state, 0); }

// MARK: - gmatch

enum { UPVALUE_TEXT = LUA_GLOBALSINDEX - 1, UPVALUE_PATTERN = UPVALUE_TEXT - 1 };
enum { UPVALUE_PLACE = UPVALUE_TEXT - 2 };

/// The next match of the closure's pattern in its text.
static int find_next(lua_State *state) {
  size_t count;
  struct matcher matcher;
  const char *text = memd_lua_api.tolstring(state, UPVALUE_TEXT, &count);
  begin(&matcher, state, text, count);
  const char *pattern = memd_lua_api.tolstring(state, UPVALUE_PATTERN, NULL);
  const char *place = text + (size_t)memd_lua_api.tonumber(state, UPVALUE_PLACE);
  for (; place <= matcher.text_end; place++) {
    const char *end = match_anew(&matcher, place, pattern);
    if (end == NULL) continue;
    const char *next = end == place ? end + 1 : end;
    memd_lua_api.pushnumber(state, (double)(next - matcher.text));
    memd_lua_api.replace(state, UPVALUE_PLACE);
    return push_captures(&matcher, 1, place, end);
  }
  return 0;
}

static int find_all(lua_State *state) {
  struct matcher matcher;
  take_arguments(state, &matcher);
  memd_lua_api.settop(state, 2);
  memd_lua_api.pushnumber(state, 0);
  memd_lua_api.pushcclosure(state, find_next, 3);
  return 1;
}

// MARK: - gsub

/// A text that grows: on the machine's stack, then in memory of Lua's, which an error sets free.
struct output {
  lua_State *state;
  /// Where that memory stands on Lua's stack.
  int slot;
  char *bytes;
  size_t count;
  size_t capacity;
  char first_bytes[512];
};

static void append(struct output *output, const char *bytes, size_t count) {
  if (count > output->capacity - output->count) {
    size_t capacity = 2 * (output->count + count);
    char *larger = memd_lua_api.newuserdata(output->state, capacity);
    memcpy(larger, output->bytes, output->count);
    memd_lua_api.replace(output->state, output->slot);
    output->bytes = larger;
    output->capacity = capacity;
  }
  memcpy(output->bytes + output->count, bytes, count);
  output->count += count;
}

static void append_byte(struct output *output, char byte) {
  if (output->count == output->capacity) {
    append(output, &byte, 1);
  } else {
    output->bytes[output->count++] = byte;
  }
}

/// Appends the string on top of the stack, and takes it away.
static void append_top(struct output *output) {
  size_t count;
  const char *bytes = memd_lua_api.tolstring(output->state, -1, &count);
  append(output, bytes, count);
  memd_lua_api.settop(output->state, -2);
}

/// Appends the replacement, in which `%` and a digit stand for what was captured.
static void append_template(
    struct output *output, struct matcher *matcher, const char *start, const char *end) {
  size_t count;
  const char *text = memd_lua_api.tolstring(output->state, 3, &count);
  for (size_t index = 0; index < count; index++) {
    count_step(matcher);
    if (text[index] != '%') {
      append_byte(output, text[index]);
      continue;
    }
    // Behind a sign that is last stands the zero byte that ends each string of Lua's.
    char name = text[++index];
    if (!isdigit((unsigned char)name)) {
      append_byte(output, name);
    } else if (name == '0') {
      append(output, start, (size_t)(end - start));
    } else {
      push_capture(matcher, name - '1', start, end);
      append_top(output);
    }
  }
}

/// Appends what a function or table has for a match; if that is nothing, the match.
static void append_answer(
    struct output *output, struct matcher *matcher, const char *start, const char *end) {
  lua_State *state = output->state;
  // Nobody counts instructions of a function of C, which may take long.
  count_steps(matcher, STEPS_BETWEEN_QUESTIONS / (memd_lua_api.tocfunction(state, 3) ? 1 : 16));
  if (memd_lua_api.type(state, 3) == LUA_TTABLE) {
    push_capture(matcher, 0, start, end);
    memd_lua_api.gettable(state, 3);
  } else {
    memd_lua_api.pushvalue(state, 3);
    int count = push_captures(matcher, 1, start, end);
    memd_lua_api.call(state, count, 1);
  }
  if (!memd_lua_api.toboolean(state, -1)) {
    memd_lua_api.settop(state, -2);
    append(output, start, (size_t)(end - start));
    return;
  }
  int type = memd_lua_api.type(state, -1);
  if (type != LUA_TSTRING && type != LUA_TNUMBER) {
    memd_lua_api.pushstring(state, "invalid replacement value (a ");
    memd_lua_api.pushstring(state, memd_lua_type_name(type));
    memd_lua_api.pushstring(state, ")");
    memd_lua_api.concat(state, 3);
    memd_lua_raise_text(state, memd_lua_api.tolstring(state, -1, NULL));
  }
  append_top(output);
}

static int replace_all(lua_State *state) {
  struct matcher matcher;
  const char *pattern = take_arguments(state, &matcher);
  int most = (int)integer_argument(state, 4, matcher.text_end - matcher.text + 1);
  int type = memd_lua_api.type(state, 3);
  if (type < LUA_TNUMBER || type > LUA_TFUNCTION) {
    return memd_lua_api.argerror(state, 3, "string/function/table expected");
  }
  int is_anchored = *pattern == '^';
  memd_lua_api.settop(state, 4);
  struct output output;
  output.state = state;
  output.slot = 4;
  output.bytes = output.first_bytes;
  output.count = 0;
  output.capacity = sizeof output.first_bytes;
  const char *place = matcher.text;
  int count = 0;
  while (count < most) {
    const char *end = match_anew(&matcher, place, pattern + is_anchored);
    if (end != NULL) {
      count++;
      if (type <= LUA_TSTRING) {
        append_template(&output, &matcher, place, end);
      } else {
        append_answer(&output, &matcher, place, end);
      }
    }
    if (end != NULL && end > place) {
      place = end;
    } else if (place < matcher.text_end) {
      append_byte(&output, *place++);
    } else {
      break;
    }
    if (is_anchored) break;
  }
  append(&output, place, (size_t)(matcher.text_end - place));
  memd_lua_api.pushlstring(state, output.bytes, output.count);
  memd_lua_api.pushnumber(state, count);
  return 2;
}

void memd_lua_add_patterns(lua_State *state) {
  static const struct {
    const char *name;
    lua_CFunction function;
  } functions[] = {
      {"find", find},       {"match", find_captures}, {"gmatch", find_all},
      {"gfind", find_all}, {"gsub", replace_all},
  };
  memd_lua_api.getfield(state, LUA_GLOBALSINDEX, "string");
  for (size_t index = 0; index < sizeof functions / sizeof functions[0]; index++) {
    memd_lua_api.pushcclosure(state, functions[index].function, 0);
    memd_lua_api.setfield(state, -2, functions[index].name);
  }
  memd_lua_api.settop(state, -2);
}
