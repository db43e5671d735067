// SPDX-License-Identifier: Apache-2.0
//
// Lua's memory: counted, limited, and quick where it is small.
//
// A script makes some dozens of small blocks and drops them. These come from an arena of fixed
// size, in classes of sixteen bytes with a list of free blocks each: Lua says how large a block is
// when it gives it back, so nothing has to stand in front of it. What has no room there, or is
// large, is the C library's. The arena lives as long as its interpreter; pages that were never used
// cost nothing.
#include "private.h"

#include <stdlib.h>
#include <string.h>

enum {
  ARENA_BYTE_COUNT = 512 << 10,
  CLASS_BYTE_COUNT = 16,
  SMALL_MAX = 256,
  LARGE_MIN = 1 << 20,
};

struct memd_lua_arena {
  /// By class; each block holds the address of the next one.
  void *free_blocks[SMALL_MAX / CLASS_BYTE_COUNT + 1];
  /// From here on nothing was ever used.
  size_t used_byte_count;
  _Alignas(CLASS_BYTE_COUNT) char bytes[ARENA_BYTE_COUNT];
};

static size_t class_of(size_t size) { return (size + CLASS_BYTE_COUNT - 1) / CLASS_BYTE_COUNT; }

/// A block of the arena, if it is small and there is room.
static void *take(struct memd_lua_arena *arena, size_t size) {
  if (arena == NULL || size > SMALL_MAX) return NULL;
  size_t class = class_of(size);
  void *block = arena->free_blocks[class];
  if (block != NULL) {
    memcpy(&arena->free_blocks[class], block, sizeof block);
    return block;
  }
  size_t rounded = class * CLASS_BYTE_COUNT;
  if (rounded > ARENA_BYTE_COUNT - arena->used_byte_count) return NULL;
  block = arena->bytes + arena->used_byte_count;
  arena->used_byte_count += rounded;
  return block;
}

static int owns(const struct memd_lua_arena *arena, const void *block) {
  uintptr_t offset = (uintptr_t)block - (uintptr_t)arena->bytes;
  return arena != NULL && offset < ARENA_BYTE_COUNT;
}

static void give_back(struct memd_lua_arena *arena, void *block, size_t size) {
  if (!owns(arena, block)) {
    free(block);
    return;
  }
  void **first = &arena->free_blocks[class_of(size)];
  memcpy(block, first, sizeof block);
  *first = block;
}

static void *make(struct memd_lua_arena *arena, size_t size) {
  void *block = take(arena, size);
  return block != NULL ? block : malloc(size);
}

/// A block of another size with the same beginning; NULL if memory is out.
static void *resize(struct memd_lua_arena *arena, void *block, size_t old_size, size_t new_size) {
  if (!owns(arena, block)) return realloc(block, new_size);
  if (class_of(old_size) == class_of(new_size)) return block;
  void *moved = make(arena, new_size);
  if (moved == NULL) return NULL;
  memcpy(moved, block, old_size < new_size ? old_size : new_size);
  give_back(arena, block, old_size);
  return moved;
}

void *memd_lua_allocate(void *owner, void *block, size_t old_size, size_t new_size) {
  struct memd_lua *lua = owner;
  if (block == NULL) old_size = 0;
  if (new_size == 0) {
    if (block != NULL) give_back(lua->arena, block, old_size);
    lua->byte_count -= old_size;
    return NULL;
  }
  if (new_size > old_size && lua->byte_limit != 0 && lua->unfailing == 0 &&
      lua->byte_count + (new_size - old_size) > lua->byte_limit) {
    return NULL;
  }
  void *result =
      block == NULL ? make(lua->arena, new_size) : resize(lua->arena, block, old_size, new_size);
  if (result == NULL) {
    // Lua says of a block that shrinks that this can't fail.
    if (new_size <= old_size) return block;
    if (lua->unfailing != 0) abort();
    return NULL;
  }
  lua->byte_count += new_size - old_size;
  if (new_size >= LARGE_MIN) memd_lua_ask_soon(lua);
  return result;
}

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define MEMD_LUA_HAS_NO_ARENA
#endif
#endif

void memd_lua_make_arena(struct memd_lua *lua) {
#ifdef MEMD_LUA_HAS_NO_ARENA
  // The sanitizer is to see every block.
  lua->arena = NULL;
#else
  lua->arena = malloc(sizeof *lua->arena);
  if (lua->arena == NULL) return;
  memset(lua->arena->free_blocks, 0, sizeof lua->arena->free_blocks);
  lua->arena->used_byte_count = 0;
#endif
}
