//! REST, with curl and by hand: the to-do list, and what arrives at a plugin.

use crate::support::{Host, Shared};

static HOST: Shared = Shared::new(|| Host::with(&["todo", "spec-rest"]));

#[test]
fn an_item_is_added_and_read_back() {
    let host = HOST.get();
    let added = host.post("/todo/items", "application/json", r#"{"title":"water the plants"}"#);
    assert_eq!(added.status, 201, "{added:?}");
    let location = added.header("location").expect("a location").to_owned();
    let read = host.get(&location);
    assert_eq!((read.status, read.json()), (200, added.json()));
    assert_eq!(read.header("etag"), added.header("etag"));
}
