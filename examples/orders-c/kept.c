// Orders in the store: as their fields one after another under `order/{id}`, pictures under `picture/{id}`, the last id under `last`.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "orders.h"

// The store that the manifest grants.
#define STORE "default"
// What begins the keys of orders.
#define ORDER "order/"
// Keys of either kind, with the NUL at the end.
#define KEY_BYTES_MAX 32

// Says why the store did not do what it was asked for, and gives false.
static bool failed(problem_t *problem, const store_error_t *error) {
  problem->tag = EXPORTS_ORDERS_PROBLEM_UNAVAILABLE;
  if (error->tag == STORE_ERROR_NO_SUCH_STORE) shop_string_dup(&problem->val.unavailable, "there is no such store");
  if (error->tag == STORE_ERROR_ACCESS_DENIED) shop_string_dup(&problem->val.unavailable, "the store is not granted");
  if (error->tag == STORE_ERROR_OTHER) problem->val.unavailable = error->val.other;
  return false;
}

// Opens the store at the first call, for the one request that this instance serves.
static bool opened(store_borrow_bucket_t *bucket, problem_t *problem) {
  static bool is_open;
  static store_own_bucket_t own;
  shop_string_t name;
  store_error_t error;
  shop_string_set(&name, STORE);
  if (!is_open && !store_open(&name, &own, &error)) return failed(problem, &error);
  is_open = true;
  *bucket = store_borrow_bucket(own);
  return true;
}

// Keys come in ascending order, so the number in it counts down, padded to its largest width.
static void order_key(order_id_t id, char buffer[KEY_BYTES_MAX], shop_string_t *key) {
  snprintf(buffer, KEY_BYTES_MAX, ORDER "%020" PRIu64, UINT64_MAX - id);
  shop_string_set(key, buffer);
}

static void picture_key(order_id_t id, char buffer[KEY_BYTES_MAX], shop_string_t *key) {
  snprintf(buffer, KEY_BYTES_MAX, "picture/%020" PRIu64, id);
  shop_string_set(key, buffer);
}

static void *allocate(size_t count, size_t bytes_each) {
  // Of nothing, malloc may give null.
  void *room = calloc(count ? count : 1, bytes_each);
  if (!room) abort();
  return room;
}

// An order being written or read: one description of its fields, `order_fields`, serves both. To read past the end or a length that
// cannot be is remembered, and what is read from then on is nothing.
typedef struct {
  uint8_t *bytes;
  size_t len, at;
  bool reads, broken;
} tape_t;

static void raw(tape_t *tape, void *field, size_t len) {
  if (tape->reads) {
    tape->broken = tape->broken || len > tape->len - tape->at;
    if (tape->broken) return;
    memcpy(field, tape->bytes + tape->at, len);
  } else {
    if (len > tape->len - tape->at) {
      tape->len = 2 * (tape->len + len);
      tape->bytes = realloc(tape->bytes, tape->len);
      if (!tape->bytes) abort();
    }
    memcpy(tape->bytes + tape->at, field, len);
  }
  tape->at += len;
}

// Numbers as they are in memory: in WebAssembly, always with the low byte first.
#define NUMBER(tape, field) raw(tape, &(field), sizeof(field))

// How many of something follow, each of one byte at least.
static void length(tape_t *tape, size_t *len) {
  NUMBER(tape, *len);
  if (tape->reads) tape->broken = tape->broken || *len > tape->len - tape->at;
  if (tape->broken) *len = 0;
}

static void string(tape_t *tape, shop_string_t *text) {
  length(tape, &text->len);
  if (tape->reads) text->ptr = allocate(text->len, 1);
  raw(tape, text->ptr, text->len);
}

static void money(tape_t *tape, money_t *money) {
  NUMBER(tape, money->currency);
  NUMBER(tape, money->minor_units);
}

static void line(tape_t *tape, line_t *line) {
  string(tape, &line->sku);
  NUMBER(tape, line->quantity);
  money(tape, &line->unit_price);
  NUMBER(tape, line->note.is_some);
  if (line->note.is_some) string(tape, &line->note.val);
}

static void payment(tape_t *tape, payment_t *payment) {
  NUMBER(tape, payment->tag);
  if (payment->tag == EXPORTS_ORDERS_PAYMENT_CARD) {
    string(tape, &payment->val.card.holder);
    string(tape, &payment->val.card.last_four);
    NUMBER(tape, payment->val.card.expires.f0);
    NUMBER(tape, payment->val.card.expires.f1);
  }
  if (payment->tag == EXPORTS_ORDERS_PAYMENT_VOUCHER) string(tape, &payment->val.voucher);
}

static void order_fields(tape_t *tape, order_t *order) {
  NUMBER(tape, order->id);
  NUMBER(tape, order->status);
  string(tape, &order->customer);
  length(tape, &order->lines.len);
  if (tape->reads) order->lines.ptr = allocate(order->lines.len, sizeof(line_t));
  for (size_t i = 0; i < order->lines.len; i++) line(tape, &order->lines.ptr[i]);
  NUMBER(tape, order->extras);
  money(tape, &order->total);
  NUMBER(tape, order->payment.is_some);
  if (order->payment.is_some) payment(tape, &order->payment.val);
  NUMBER(tape, order->picture_bytes.is_some);
  if (order->picture_bytes.is_some) NUMBER(tape, order->picture_bytes.val);
}

static bool read_order(const shop_list_u8_t *kept, order_t *order, problem_t *problem) {
  tape_t tape = {.bytes = kept->ptr, .len = kept->len, .reads = true};
  memset(order, 0, sizeof *order);
  order_fields(&tape, order);
  if (!tape.broken) return true;
  problem->tag = EXPORTS_ORDERS_PROBLEM_UNAVAILABLE;
  shop_string_dup(&problem->val.unavailable, "what is kept of the order cannot be read");
  return false;
}

bool next_id(order_id_t *id, problem_t *problem) {
  store_borrow_bucket_t bucket;
  store_error_t error;
  shop_string_t key;
  if (!opened(&bucket, problem)) return false;
  shop_string_set(&key, "last");
  return atomics_increment(bucket, &key, 1, id, &error) || failed(problem, &error);
}

bool get(order_id_t id, order_t *order, problem_t *problem) {
  store_borrow_bucket_t bucket;
  store_error_t error;
  shop_option_list_u8_t kept;
  char buffer[KEY_BYTES_MAX];
  shop_string_t key;
  if (!opened(&bucket, problem)) return false;
  order_key(id, buffer, &key);
  if (!store_method_bucket_get(bucket, &key, &kept, &error)) return failed(problem, &error);
  if (kept.is_some) return read_order(&kept.val, order, problem);
  problem->tag = EXPORTS_ORDERS_PROBLEM_NOT_FOUND;
  problem->val.not_found = id;
  return false;
}

bool put(const order_t *order, problem_t *problem) {
  store_borrow_bucket_t bucket;
  store_error_t error;
  char buffer[KEY_BYTES_MAX];
  shop_string_t key;
  order_t fields = *order;
  tape_t tape = {0};
  if (!opened(&bucket, problem)) return false;
  order_key(order->id, buffer, &key);
  order_fields(&tape, &fields);
  shop_list_u8_t value = {.ptr = tape.bytes, .len = tape.at};
  return store_method_bucket_set(bucket, &key, &value, &error) || failed(problem, &error);
}

bool get_picture(order_id_t id, shop_option_list_u8_t *picture, problem_t *problem) {
  store_borrow_bucket_t bucket;
  store_error_t error;
  char buffer[KEY_BYTES_MAX];
  shop_string_t key;
  if (!opened(&bucket, problem)) return false;
  picture_key(id, buffer, &key);
  return store_method_bucket_get(bucket, &key, picture, &error) || failed(problem, &error);
}

bool put_picture(order_id_t id, shop_list_u8_t *picture, problem_t *problem) {
  store_borrow_bucket_t bucket;
  store_error_t error;
  char buffer[KEY_BYTES_MAX];
  shop_string_t key;
  if (!opened(&bucket, problem)) return false;
  picture_key(id, buffer, &key);
  return store_method_bucket_set(bucket, &key, picture, &error) || failed(problem, &error);
}

static bool is_order(const shop_string_t *key) {
  return key->len >= strlen(ORDER) && memcmp(key->ptr, ORDER, strlen(ORDER)) == 0;
}

bool newest(const status_t *status, size_t limit, orders_t *orders, problem_t *problem) {
  store_borrow_bucket_t bucket;
  store_error_t error;
  store_key_response_t page = {0};
  if (!opened(&bucket, problem)) return false;
  orders->ptr = allocate(limit, sizeof(order_t));
  orders->len = 0;
  do {
    uint64_t *cursor = page.cursor.is_some ? &page.cursor.val : NULL;
    if (!store_method_bucket_list_keys(bucket, cursor, &page, &error)) return failed(problem, &error);
    for (size_t i = 0; i < page.keys.len && orders->len < limit; i++) {
      shop_option_list_u8_t kept;
      order_t *order = &orders->ptr[orders->len];
      if (!is_order(&page.keys.ptr[i])) continue;
      if (!store_method_bucket_get(bucket, &page.keys.ptr[i], &kept, &error)) return failed(problem, &error);
      if (!kept.is_some) continue;
      if (!read_order(&kept.val, order, problem)) return false;
      if (!status || *status == order->status) orders->len++;
    }
  } while (page.cursor.is_some && orders->len < limit);
  return true;
}
