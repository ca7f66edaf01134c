//! A to-do list over REST. Items live in the store under `item/{id}`; ids come from a counter and are never used twice.
//!
//! Every change is a transaction on its item, so of two clients that change one item at the same time, each sees the other's
//! change or is told by 412 that there was one.

use guesthouse_sdk::rest::{ETag, Json, MergePatch, Preconditions, Problem, Query, Response};
use guesthouse_sdk::store::Store;
use guesthouse_sdk::{Schema, context, transaction};
use serde::{Deserialize, Serialize};

/// Items on a page when the client does not say.
const PAGE_ITEMS: u64 = 20;
/// The most items on a page.
const PAGE_ITEMS_MAX: u64 = 100;
/// The most ids that one page looks at. Where many items in a row were deleted, a page is short, and `next` goes on.
const PAGE_IDS_MAX: u64 = 1_000;

/// One thing to do.
#[derive(Serialize, Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Item {
    id: u64,
    title: String,
    done: bool,
}

/// One thing to do as clients send it: its id is given by the server and stands in the path.
#[derive(Clone, Serialize, Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Draft {
    title: String,
    #[serde(default)]
    done: bool,
}

impl Draft {
    fn into_item(self, id: u64) -> Item {
        Item { id, title: self.title, done: self.done }
    }
}

/// Some of the items, oldest first.
#[derive(Serialize, Schema)]
struct Page {
    items: Vec<Item>,
    /// The `cursor` of the next page; null on the last.
    next: Option<String>,
}

#[derive(Deserialize, Schema)]
struct Paging {
    /// How many items at most: 1 to 100.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<u64>,
}

/// What the store keeps: an item, and how often it was changed.
#[derive(Serialize, Deserialize)]
struct Kept {
    item: Item,
    revision: u64,
}

impl Kept {
    fn etag(&self) -> ETag {
        ETag::strong(self.revision)
    }

    fn into_response(self, status: u16) -> Response {
        fresh(Response::json(status, &self.item).etag(&self.etag()))
    }
}

/// Not to be shown by a cache without asking: somebody else may have changed it.
fn fresh(response: Response) -> Response {
    response.header("cache-control", "no-cache")
}

fn store() -> Result<Store, Problem> {
    Ok(Store::open("default")?)
}

fn key(id: u64) -> String {
    format!("item/{id}")
}

fn unknown() -> Problem {
    Problem::not_found("There is no such item.")
}

struct Todo;

#[guesthouse_sdk::rest]
impl Todo {
    /// Lists items, oldest first.
    #[get("/items", answers(200: Page ["etag", "cache-control"]))]
    fn list(paging: Query<Paging>, conditions: Preconditions) -> Result<Response, Problem> {
        let Paging { limit, cursor } = paging.0;
        let limit = limit.unwrap_or(PAGE_ITEMS);
        if !(1..=PAGE_ITEMS_MAX).contains(&limit) {
            return Err(Problem::bad_request("`limit` is 1 to 100."));
        }
        let store = store()?;
        let last = store.counter("last")?;
        let mut after = cursor.unwrap_or(0);
        let stop = last.min(after.saturating_add(PAGE_IDS_MAX));
        let mut items = Vec::new();
        let mut window = limit;
        while after < stop && (items.len() as u64) < limit {
            let ids = after.saturating_add(1)..=stop.min(after.saturating_add(window));
            let keys: Vec<String> = ids.clone().map(key).collect();
            for (id, kept) in ids.zip(store.get_many_json::<Kept>(&keys)?) {
                if items.len() as u64 == limit {
                    break;
                }
                items.extend(kept.map(|kept| kept.item));
                after = id;
            }
            // There were gaps: look further at once.
            window = PAGE_ITEMS_MAX;
        }
        let page = Page { items, next: (after < last).then(|| after.to_string()) };
        conditions.answer(fresh(Response::json(200, &page).tagged()))
    }

    /// Adds an item.
    #[post("/items", answers(201: Item ["location", "etag"]))]
    fn create(draft: Json<Draft>) -> Result<Response, Problem> {
        let store = store()?;
        let id = store.increment("last", 1)?;
        let kept = Kept { item: draft.0.into_item(id), revision: 1 };
        store.set_json(&key(id), &kept)?;
        Ok(kept.into_response(201).header("location", &format!("{}/items/{id}", context::mount())))
    }

    /// Gives one item.
    #[get("/items/{id}", answers(200: Item ["etag", "cache-control"]))]
    fn read(id: u64, conditions: Preconditions) -> Result<Response, Problem> {
        let kept: Kept = store()?.get_json(&key(id))?.ok_or_else(unknown)?;
        conditions.answer(kept.into_response(200))
    }

    /// Replaces an item.
    #[put("/items/{id}", answers(200: Item ["etag"]))]
    fn replace(id: u64, conditions: Preconditions, draft: Json<Draft>) -> Result<Response, Problem> {
        Self::change(id, &conditions, |_| Ok(draft.0.clone()))
    }

    /// Changes some members of an item.
    #[patch("/items/{id}", answers(200: Item ["etag"]))]
    fn patch(id: u64, conditions: Preconditions, patch: MergePatch<Draft>) -> Result<Response, Problem> {
        Self::change(id, &conditions, |draft| patch.apply(&draft))
    }

    /// Removes an item.
    #[delete("/items/{id}")]
    fn delete(id: u64, conditions: Preconditions) -> Result<(), Problem> {
        transaction::run(&store()?, |t| {
            let kept: Option<Kept> = t.get_json(&key(id))?;
            conditions.require(kept.as_ref().map(Kept::etag).as_ref())?;
            kept.ok_or_else(unknown)?;
            t.delete(&key(id));
            Ok(())
        })
    }

    /// Changes an item if the client's conditions hold.
    fn change(
        id: u64,
        conditions: &Preconditions,
        change: impl Fn(Draft) -> Result<Draft, Problem>,
    ) -> Result<Response, Problem> {
        transaction::run(&store()?, |t| {
            let kept: Option<Kept> = t.get_json(&key(id))?;
            conditions.require(kept.as_ref().map(Kept::etag).as_ref())?;
            let kept = kept.ok_or_else(unknown)?;
            let draft = Draft { title: kept.item.title, done: kept.item.done };
            let kept = Kept { item: change(draft)?.into_item(id), revision: kept.revision.saturating_add(1) };
            t.put_json(&key(id), &kept)?;
            Ok(kept.into_response(200))
        })
    }
}

#[cfg(test)]
mod tests;
