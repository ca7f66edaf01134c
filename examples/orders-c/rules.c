// What makes an order. Plain functions of their arguments.

#include <math.h>

#include "orders.h"

#define CUSTOMER_LETTERS_MAX 200
#define LINES_MAX 100
#define SKU_LETTERS_MAX 40
#define PICTURE_BYTES_MAX (64 * 1024)

bool misfit(problem_t *problem, const char *field, const char *message) {
  problem->tag = EXPORTS_ORDERS_PROBLEM_INVALID;
  shop_string_dup(&problem->val.invalid.field, field);
  shop_string_dup(&problem->val.invalid.message, message);
  return false;
}

// Takes the first letter of a text that is not empty. The host hands over nothing but UTF-8.
static uint32_t next_letter(const uint8_t **text) {
  uint32_t first = *(*text)++;
  int following = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  uint32_t letter = following == 0 ? first : first & (0x3F >> following);
  while (following-- > 0) letter = letter << 6 | (*(*text)++ & 0x3F);
  return letter;
}

// What Unicode calls white space.
static bool is_blank(uint32_t letter) {
  return (letter >= 0x09 && letter <= 0x0D) || letter == 0x20 || letter == 0x85 || letter == 0xA0 || letter == 0x1680 ||
         (letter >= 0x2000 && letter <= 0x200A) || letter == 0x2028 || letter == 0x2029 || letter == 0x202F ||
         letter == 0x205F || letter == 0x3000;
}

// The number of letters, without the blanks around them.
static size_t letters(const shop_string_t *text) {
  const uint8_t *at = text->ptr, *end = text->ptr + text->len;
  size_t seen = 0, to_the_last = 0;
  while (at < end) {
    bool blank = is_blank(next_letter(&at));
    if (seen > 0 || !blank) seen++;
    if (!blank) to_the_last = seen;
  }
  return to_the_last;
}

static bool is_digit(uint8_t letter) { return letter >= '0' && letter <= '9'; }

static bool is_sku(const shop_string_t *text) {
  if (text->len < 1 || text->len > SKU_LETTERS_MAX) return false;
  for (size_t i = 0; i < text->len; i++) {
    uint8_t letter = text->ptr[i], lower = letter | 0x20;
    if (!is_digit(letter) && !(lower >= 'a' && lower <= 'z') && letter != '-') return false;
  }
  return true;
}

bool check(const draft_t *draft, money_t *total, problem_t *problem) {
  size_t customer = letters(&draft->customer);
  if (customer < 1 || customer > CUSTOMER_LETTERS_MAX) return misfit(problem, "customer", "1 to 200 letters");
  if (draft->picture.is_some && draft->picture.val.len > PICTURE_BYTES_MAX)
    return misfit(problem, "picture", "at most 65536 bytes");
  return add_up(&draft->lines, draft->discount.is_some ? &draft->discount.val : NULL, total, problem);
}

bool add_up(const lines_t *lines, const double *discount, money_t *total, problem_t *problem) {
  if (lines->len < 1 || lines->len > LINES_MAX) return misfit(problem, "lines", "1 to 100 lines");
  total->currency = lines->ptr[0].unit_price.currency;
  int64_t sum = 0;
  for (size_t i = 0; i < lines->len; i++) {
    const line_t *line = &lines->ptr[i];
    if (!is_sku(&line->sku)) return misfit(problem, "sku", "1 to 40 letters, digits and hyphens");
    if (line->quantity == 0) return misfit(problem, "quantity", "at least 1");
    if (line->unit_price.currency != total->currency) return misfit(problem, "unit-price", "in one currency");
    int64_t price;
    if (__builtin_mul_overflow(line->unit_price.minor_units, line->quantity, &price) ||
        __builtin_add_overflow(sum, price, &sum))
      return misfit(problem, "lines", "too much money");
  }
  double share = discount ? *discount : 0.0;
  // Not a number is not within either.
  if (!(share >= 0.0 && share < 1.0)) return misfit(problem, "discount", "from 0 up to 1");
  // Rounded down to a whole unit. Exact for amounts below 2^53.
  total->minor_units = sum - (int64_t)floor((double)sum * share);
  return true;
}

bool check_payment(const payment_t *payment, problem_t *problem) {
  if (payment->tag == EXPORTS_ORDERS_PAYMENT_VOUCHER && letters(&payment->val.voucher) == 0)
    return misfit(problem, "voucher", "not empty");
  if (payment->tag == EXPORTS_ORDERS_PAYMENT_CARD) {
    const shop_string_t *last_four = &payment->val.card.last_four;
    unsigned month = payment->val.card.expires.f0, year = payment->val.card.expires.f1;
    bool four_digits = last_four->len == 4;
    for (size_t i = 0; i < last_four->len; i++) four_digits = four_digits && is_digit(last_four->ptr[i]);
    if (!four_digits) return misfit(problem, "last-four", "four digits");
    if (month < 1 || month > 12 || year < 2000 || year > 2100)
      return misfit(problem, "expires", "a month from 1 to 12 and a year from 2000 to 2100");
  }
  return true;
}
