//! A shop's orders as plain functions. Nothing in here knows how it is called: the host serves these functions as REST, JSON-RPC,
//! XML-RPC, SOAP and over WebSocket, from their types alone.

mod bindings {
    #![allow(missing_docs, unsafe_code, clippy::all, reason = "generated from the WIT, which is documented")]
    wit_bindgen::generate!({
        path: "wit",
        world: "shop",
        additional_derives: [serde::Serialize, serde::Deserialize, PartialEq],
        additional_derives_ignore: ["key-response", "error"],
        generate_all,
    });
}

mod kept;
mod rules;

use bindings::exports::acme::shop::orders::{
    Draft, Guest, Line, Money, Order, OrderId, Payment, Problem, Status,
};
use kept::Store;

/// Orders in a list when the caller does not say.
const LISTED: u32 = 20;
/// The most orders in a list.
const LISTED_MAX: u32 = 100;

struct Shop;

impl Guest for Shop {
    fn get_total(lines: Vec<Line>, discount: Option<f64>) -> Result<Money, Problem> {
        rules::total(&lines, discount)
    }

    fn create_order(draft: Draft) -> Result<Order, Problem> {
        let total = rules::check(&draft)?;
        let store = Store::open()?;
        let order = Order {
            id: store.next_id()?,
            status: Status::Open,
            customer: draft.customer,
            lines: draft.lines,
            extras: draft.extras,
            total,
            payment: None,
            picture_bytes: draft.picture.as_ref().and_then(|picture| u32::try_from(picture.len()).ok()),
        };
        if let Some(picture) = &draft.picture {
            store.put_picture(order.id, picture)?;
        }
        store.put(&order)?;
        Ok(order)
    }

    fn get_order(id: OrderId) -> Result<Order, Problem> {
        Store::open()?.get(id)
    }

    fn list_orders(status: Option<Status>, limit: Option<u32>) -> Result<Vec<Order>, Problem> {
        let limit = limit.unwrap_or(LISTED);
        if !(1..=LISTED_MAX).contains(&limit) {
            return Err(rules::misfit("limit", "1 to 100"));
        }
        Store::open()?.newest(status, usize::try_from(limit).unwrap_or(usize::MAX))
    }

    fn pay_order(id: OrderId, payment: Payment) -> Result<Order, Problem> {
        let store = Store::open()?;
        let mut order = open(&store, id)?;
        rules::check_payment(&payment)?;
        order.status = Status::Paid;
        order.payment = Some(payment);
        store.put(&order)?;
        Ok(order)
    }

    fn get_picture(id: OrderId) -> Result<Option<Vec<u8>>, Problem> {
        let store = Store::open()?;
        store.get(id)?;
        store.picture(id)
    }

    fn cancel_order(id: OrderId) -> Result<(), Problem> {
        let store = Store::open()?;
        let mut order = open(&store, id)?;
        order.status = Status::Cancelled;
        store.put(&order)
    }
}

/// An order that can still be changed.
fn open(store: &Store, id: OrderId) -> Result<Order, Problem> {
    let order = store.get(id)?;
    if order.status == Status::Open { Ok(order) } else { Err(Problem::Conflict(order.status)) }
}

#[allow(unsafe_code, reason = "generated: the functions that the component model calls")]
mod exported {
    use super::Shop;

    super::bindings::export!(Shop with_types_in super::bindings);
}
