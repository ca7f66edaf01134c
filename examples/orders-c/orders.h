// What the three parts of the service know of one another, and short names for what wit-bindgen makes of the WIT.
//
// A function that may fail gives true when it did what it says, and else false and says why in `problem`: the way of the
// functions that wit-bindgen declares.
//
// Who frees what? Nobody: an instance of this component serves one call and is thrown away whole. What is given to the host has to
// come from the heap all the same, because the host has it freed.

#ifndef ORDERS_H
#define ORDERS_H

#include "shop.h"

typedef exports_orders_draft_t draft_t;
typedef exports_orders_line_t line_t;
typedef exports_orders_list_line_t lines_t;
typedef exports_orders_list_order_t orders_t;
typedef exports_orders_money_t money_t;
typedef exports_orders_order_id_t order_id_t;
typedef exports_orders_order_t order_t;
typedef exports_orders_payment_t payment_t;
typedef exports_orders_problem_t problem_t;
typedef exports_orders_status_t status_t;

// rules.c: what makes an order.

// Says that a field does not fit, and gives false.
bool misfit(problem_t *problem, const char *field, const char *message);
// Checks a draft and adds it up.
bool check(const draft_t *draft, money_t *total, problem_t *problem);
// Adds up lines. Without a discount, its place is null.
bool add_up(const lines_t *lines, const double *discount, money_t *total, problem_t *problem);
// Checks how somebody wants to pay.
bool check_payment(const payment_t *payment, problem_t *problem);

// kept.c: orders in the store. The first two open it.

// Gives an order.
bool get(order_id_t id, order_t *order, problem_t *problem);
// Makes an id that no order has.
bool next_id(order_id_t *id, problem_t *problem);
bool put(const order_t *order, problem_t *problem);
bool get_picture(order_id_t id, shop_option_list_u8_t *picture, problem_t *problem);
bool put_picture(order_id_t id, shop_list_u8_t *picture, problem_t *problem);
// Lists the newest orders, the last one first. Of any status, its place is null.
bool newest(const status_t *status, size_t limit, orders_t *orders, problem_t *problem);

#endif
