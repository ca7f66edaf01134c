// A shop's orders as plain functions. Nothing in here knows how it is called: the host serves these functions as REST, JSON-RPC,
// XML-RPC, SOAP and over WebSocket, from their types alone, which stand in ../../plugins/orders/wit/orders.wit.

#include "orders.h"

// Orders in a list when the caller does not say, and the most that one may have.
#define LISTED 20
#define LISTED_MAX 100

// Gives an order that can still be changed.
static bool get_open(order_id_t id, order_t *order, problem_t *problem) {
  if (!get(id, order, problem)) return false;
  if (order->status == EXPORTS_ORDERS_STATUS_OPEN) return true;
  problem->tag = EXPORTS_ORDERS_PROBLEM_CONFLICT;
  problem->val.conflict = order->status;
  return false;
}

bool exports_orders_get_total(lines_t *lines, double *discount, money_t *total, problem_t *problem) {
  return add_up(lines, discount, total, problem);
}

bool exports_orders_create_order(draft_t *draft, order_t *order, problem_t *problem) {
  *order = (order_t){
      .status = EXPORTS_ORDERS_STATUS_OPEN,
      .customer = draft->customer,
      .lines = draft->lines,
      .extras = draft->extras,
      .picture_bytes = {.is_some = draft->picture.is_some, .val = draft->picture.val.len},
  };
  return check(draft, &order->total, problem) && next_id(&order->id, problem) &&
         (!draft->picture.is_some || put_picture(order->id, &draft->picture.val, problem)) && put(order, problem);
}

bool exports_orders_get_order(order_id_t id, order_t *order, problem_t *problem) {
  return get(id, order, problem);
}

bool exports_orders_list_orders(status_t *status, uint32_t *wanted, orders_t *orders, problem_t *problem) {
  uint32_t limit = wanted ? *wanted : LISTED;
  if (limit < 1 || limit > LISTED_MAX) return misfit(problem, "limit", "1 to 100");
  return newest(status, limit, orders, problem);
}

bool exports_orders_pay_order(order_id_t id, payment_t *payment, order_t *order, problem_t *problem) {
  if (!get_open(id, order, problem) || !check_payment(payment, problem)) return false;
  order->status = EXPORTS_ORDERS_STATUS_PAID;
  order->payment.is_some = true;
  order->payment.val = *payment;
  return put(order, problem);
}

bool exports_orders_get_picture(order_id_t id, shop_option_list_u8_t *picture, problem_t *problem) {
  order_t order;
  return get(id, &order, problem) && get_picture(id, picture, problem);
}

bool exports_orders_cancel_order(order_id_t id, problem_t *problem) {
  order_t order;
  if (!get_open(id, &order, problem)) return false;
  order.status = EXPORTS_ORDERS_STATUS_CANCELLED;
  return put(&order, problem);
}
