//! Orders in the store: as JSON under `order/{id}`, pictures under `picture/{id}`, the last id under `last`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bindings::exports::acme::shop::orders::{Extras, Order, OrderId, Problem, Status};
use crate::bindings::wasi::keyvalue::atomics;
use crate::bindings::wasi::keyvalue::store::{self, Bucket};

/// The store that the manifest grants.
const STORE: &str = "default";
/// What begins the keys of orders.
const ORDER: &str = "order/";

pub(crate) struct Store(Bucket);

impl Store {
    pub(crate) fn open() -> Result<Self, Problem> {
        store::open(STORE).map(Self).map_err(failed)
    }

    /// An id that no order has.
    pub(crate) fn next_id(&self) -> Result<OrderId, Problem> {
        atomics::increment(&self.0, "last", 1).map_err(failed)
    }

    pub(crate) fn get(&self, id: OrderId) -> Result<Order, Problem> {
        let bytes = self.0.get(&order_key(id)).map_err(failed)?.ok_or(Problem::NotFound(id))?;
        read(&bytes)
    }

    pub(crate) fn put(&self, order: &Order) -> Result<(), Problem> {
        let bytes = serde_json::to_vec(order).map_err(unreadable)?;
        self.0.set(&order_key(order.id), &bytes).map_err(failed)
    }

    pub(crate) fn picture(&self, id: OrderId) -> Result<Option<Vec<u8>>, Problem> {
        self.0.get(&picture_key(id)).map_err(failed)
    }

    pub(crate) fn put_picture(&self, id: OrderId, picture: &[u8]) -> Result<(), Problem> {
        self.0.set(&picture_key(id), picture).map_err(failed)
    }

    /// The newest orders, the last one first.
    pub(crate) fn newest(&self, status: Option<Status>, limit: usize) -> Result<Vec<Order>, Problem> {
        let mut orders = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.0.list_keys(cursor).map_err(failed)?;
            for key in page.keys.iter().filter(|key| key.starts_with(ORDER)) {
                let Some(bytes) = self.0.get(key).map_err(failed)? else { continue };
                let order: Order = read(&bytes)?;
                if status.is_none_or(|status| status == order.status) {
                    orders.push(order);
                }
                if orders.len() == limit {
                    return Ok(orders);
                }
            }
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(orders);
            }
        }
    }
}

// Flags are kept as their bits.
impl Serialize for Extras {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.bits().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Extras {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(Self::from_bits_retain)
    }
}

/// The key of an order. Keys come in ascending order, so the number in it counts down, padded to its largest width.
fn order_key(id: OrderId) -> String {
    format!("{ORDER}{:020}", u64::MAX - id)
}

fn picture_key(id: OrderId) -> String {
    format!("picture/{id:020}")
}

fn read(bytes: &[u8]) -> Result<Order, Problem> {
    serde_json::from_slice(bytes).map_err(unreadable)
}

fn failed(error: store::Error) -> Problem {
    Problem::Unavailable(match error {
        store::Error::NoSuchStore => "there is no such store".to_owned(),
        store::Error::AccessDenied => "the store is not granted".to_owned(),
        store::Error::Other(text) => text,
    })
}

fn unreadable(error: serde_json::Error) -> Problem {
    Problem::Unavailable(error.to_string())
}
