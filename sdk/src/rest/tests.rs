use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::contract::Location;
use super::*;
use crate::Schema;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Item {
    title: String,
    #[serde(default)]
    done: bool,
    tags: Option<Vec<String>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Search {
    /// What to look for.
    text: Option<String>,
    #[serde(default)]
    limit: u8,
    #[serde(default)]
    tag: Vec<String>,
    order: Option<Order>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(rename_all = "lowercase")]
enum Order {
    Up,
    Down,
}

struct Shop;

#[crate::rest]
impl Shop {
    /// Finds items.
    ///
    /// More about it.
    #[get("/items")]
    fn find(search: Query<Search>) -> Json<Search> {
        Json(search.0)
    }

    #[post("/items", answers(201: Item ["Location"], 409), scopes("items:write"))]
    fn create(item: Json<Item>) -> Result<Response, Problem> {
        Ok(Response::json(201, &item.0).header("location", "/items/1"))
    }

    #[get("/items/special")]
    fn special() -> &'static str {
        "special"
    }

    #[get("/items/{id}")]
    fn read(id: u64, conditions: Preconditions) -> Result<Response, Problem> {
        let tag = ETag::strong(id);
        conditions.require_match(Some(&tag))?;
        let status = if conditions.not_modified(&tag) { 304 } else { 200 };
        Ok(Response::new(status).etag(&tag))
    }

    #[patch("/items/{number}")]
    fn change(number: u64, patch: MergePatch<Item>) -> Result<Json<Item>, Problem> {
        let _ = number;
        patch.apply(&Item { title: "a".into(), done: false, tags: None }).map(Json)
    }

    #[delete("/{type}/{name}/x")]
    fn remove(r#type: String, name: String, request: &Request) -> Response {
        Response::text(200, &format!("{} {} {}", request.method, r#type, name))
    }

    #[get("/")]
    fn root() {}
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        Response::text(200, self)
    }
}

fn send(method: &str, target: &str) -> Response {
    Shop::handle(Request::new(method, target))
}

fn post(media_type: &str, body: &str) -> Response {
    Shop::handle(Request::new("POST", "/items").with_body(media_type, body))
}

fn field<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
}

fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

#[test]
fn paths_are_matched_on_raw_segments_and_decoded_after() {
    assert_eq!(send("GET", "/").status, 204);
    assert_eq!(send("GET", "/items/special").body, b"special");
    assert_eq!(field(&send("GET", "/items/7"), "etag"), Some("\"7\""));
    assert_eq!(send("DELETE", "/a%2Fb/%C3%A9%20+/x").body, "DELETE a/b \u{e9} +".as_bytes());
    for path in ["/items/", "//", "/items//", "/nothing", "", "items", "/a/b/c/d/e/f", "/Items", "//a/x"] {
        assert_eq!(send("GET", path).status, 404, "{path}");
    }
    for id in ["x", "-1", "+7", "07", "18446744073709551616", "7%20", "%F0%9F%98%80"] {
        assert_eq!(send("GET", &format!("/items/{id}")).status, 404, "{id}");
    }
    for id in ["%", "%4", "%zz", "%C0%AF", "%ff", "%+1"] {
        assert_eq!(send("GET", &format!("/items/{id}")).status, 400, "{id}");
    }
}

#[test]
fn methods_that_a_path_does_not_take_are_told_which_it_does() {
    let refused = send("PUT", "/items");
    assert_eq!((refused.status, field(&refused, "allow")), (405, Some("GET, HEAD, POST, OPTIONS")));
    assert_eq!(field(&refused, "content-type"), Some("application/problem+json"));
    assert_eq!(body(&refused)["title"], "Method Not Allowed");
    let options = send("OPTIONS", "/items/7");
    assert_eq!((options.status, field(&options, "allow")), (204, Some("GET, HEAD, PATCH, OPTIONS")));
    assert_eq!(send("HEAD", "/items/7").status, 200);
    assert_eq!(send("get", "/items/7").status, 405);
}

#[test]
fn a_query_is_read_by_type_and_a_misfit_names_its_parameter() {
    let found = body(&send("GET", "/items?text=a+b%26&limit=5&tag=x&tag=y&unknown&order=down"));
    assert_eq!(found, json!({"text": "a b&", "limit": 5, "tag": ["x", "y"], "order": "down"}));
    assert_eq!(body(&send("GET", "/items")), json!({"text": null, "limit": 0, "tag": [], "order": null}));
    assert_eq!(body(&send("GET", "/items?&&text="))["text"], "");
    for (query, parameter) in
        [("limit=256", "limit"), ("limit=", "limit"), ("limit=1&limit=2", "limit"), ("order=x", "order")]
    {
        let refused = send("GET", &format!("/items?{query}"));
        assert_eq!(refused.status, 400, "{query}");
        assert_eq!(body(&refused)["errors"][0]["parameter"], parameter, "{query}");
    }
    for query in ["text=%", "text=%ff", "%zz=1", "text=%C0%AF"] {
        assert_eq!(send("GET", &format!("/items?{query}")).status, 400, "{query}");
    }
    assert_eq!(send("GET", &format!("/items?{}", "a=1&".repeat(100_000))).status, 400);
}

#[test]
fn a_body_that_is_no_json_is_400_and_json_that_does_not_fit_is_422_with_a_pointer() {
    assert_eq!(
        body(&post("application/json", r#"{"title":"a"}"#)),
        json!({"title": "a", "done": false, "tags": null})
    );
    assert_eq!(post("Application/JSON; charset=\"UTF-8\"", r#"{"title":"a"}"#).status, 201);
    assert_eq!(post("application/vnd.shop+json", r#"{"title":"a"}"#).status, 201);
    for text in
        ["", "{", "nul", r#"{"title":1"#, r#"{"title":1,}"#, "{\"title\":\"\u{1}\"}", r#"{"title":"a"} x"#]
    {
        assert_eq!(post("application/json", text).status, 400, "{text}");
    }
    for (text, pointer) in [
        (r#"{"title":1}"#, "#/title"),
        (r#"{"title":"a","tags":["x",2]}"#, "#/tags/1"),
        (r#"{}"#, "#"),
        ("[1]", "#/0"),
        ("null", "#"),
        (r#"["a",true,null]"#, "#"),
        (r#"{"title":"a","a/b~ \"":1}"#, "#/a~1b~0%20%22"),
    ] {
        let refused = post("application/json", text);
        assert_eq!(
            (refused.status, &body(&refused)["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{text}"
        );
    }
    for media_type in ["text/plain", "application/json; charset=utf-16", "", ";", "application/jsonx"] {
        let refused = post(media_type, "{}");
        assert_eq!(
            (refused.status, field(&refused, "accept")),
            (415, Some("application/json")),
            "{media_type}"
        );
    }
}

#[test]
fn bodies_of_any_bytes_are_answered() {
    let deep = "[".repeat(500_000);
    let nested = r#"{"tags":"#.repeat(200_000);
    let bodies: [&[u8]; 6] =
        [b"\xff\xfe", b"\0", b"\"\\ud800\"", deep.as_bytes(), nested.as_bytes(), b"{\"title\":\"\xc3\x28\"}"];
    for body in bodies {
        let request = Request::new("POST", "/items").with_body("application/json", body);
        assert!(matches!(Shop::handle(request).status, 400 | 422));
        let request = Request::new("PATCH", "/items/1").with_body("application/merge-patch+json", body);
        assert!(matches!(Shop::handle(request).status, 400 | 422));
    }
}

#[test]
fn conditions_compare_as_their_section_says() {
    let get = |name: &str, value: &str| {
        Shop::handle(Request::new("GET", "/items/7").with_header(name, value)).status
    };
    for value in ["\"7\"", "W/\"7\"", "*", "\"a,b\", \"7\"", "\"x\" , W/\"7\"", " \"7\" ", ",,\"7\""] {
        assert_eq!(get("if-none-match", value), 304, "{value}");
    }
    for value in ["7", "\"8\"", "", "\"", "W/", "W/7", "\"7", "w/\"7\"", "\"7 \""] {
        assert_eq!(get("if-none-match", value), 200, "{value}");
    }
    for value in ["\"7\"", "*", "\"8\", \"7\""] {
        assert_eq!(get("if-match", value), 200, "{value}");
    }
    for value in ["W/\"7\"", "\"8\"", "7", ""] {
        assert_eq!(get("if-match", value), 412, "{value}");
    }
    let several = Request::new("GET", "/items/7")
        .with_header("if-none-match", "\"1\"")
        .with_header("If-None-Match", "\"7\"");
    assert_eq!(Shop::handle(several).status, 304);
}

#[test]
fn get_is_answered_under_its_conditions_in_one_line() {
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    let answer = |conditions: &[(&str, &str)]| {
        let request = conditions
            .iter()
            .fold(Request::new("GET", "/"), |request, (name, value)| request.with_header(name, value));
        let response = Response::text(200, "body")
            .etag(&ETag::strong("v1"))
            .header("Last-Modified", DATE)
            .header("Cache-Control", "no-cache")
            .header("X-Other", "x");
        match Preconditions::from_request(&request).unwrap().answer(response) {
            Ok(response) => response,
            Err(problem) => problem.into(),
        }
    };
    for (conditions, status) in [
        (&[][..], 200),
        (&[("if-none-match", "\"v1\"")], 304),
        (&[("if-none-match", "W/\"v1\"")], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "v1")], 200),
        (&[("if-none-match", "\"v0\"")], 200),
        (&[("if-modified-since", DATE)], 304),
        (&[("if-modified-since", "Fri, 31 Dec 2999 23:59:59 GMT")], 200),
        (&[("if-modified-since", "yesterday")], 200),
        // The tag stands above the date (RFC 9110, section 13.1.3).
        (&[("if-none-match", "\"v0\""), ("if-modified-since", DATE)], 200),
        (&[("if-none-match", "\"v1\""), ("if-modified-since", LATER)], 304),
        (&[("if-match", "\"v1\"")], 200),
        (&[("if-match", "*")], 200),
        (&[("if-match", "\"v0\"")], 412),
        (&[("if-match", "W/\"v1\"")], 412),
        (&[("if-match", "\"v0\""), ("if-none-match", "\"v1\"")], 412),
        (&[("if-match", "\"v1\""), ("if-none-match", "\"v1\"")], 304),
        (&[("if-unmodified-since", DATE)], 200),
        (&[("if-unmodified-since", LATER)], 200),
        (&[("if-unmodified-since", "Thu, 01 Dec 1994 00:00:00 GMT")], 200),
        (&[("if-unmodified-since", "Sun, 31 Dec 1989 23:59:59 GMT")], 412),
        (&[("if-unmodified-since", "Sat, 05 Nov 1994 08:49:37 GMT")], 412),
        (&[("if-unmodified-since", "yesterday")], 200),
        (&[("if-match", "\"v1\""), ("if-unmodified-since", "Sat, 05 Nov 1994 08:49:37 GMT")], 200),
        (&[("range", "bytes=0-0"), ("if-range", "\"v1\"")], 200),
    ] {
        assert_eq!(answer(conditions).status, status, "{conditions:?}");
    }
    let not_modified = answer(&[("if-none-match", "*")]);
    let names: Vec<&str> = not_modified.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        (names.as_slice(), not_modified.body.len()),
        (&["etag", "Last-Modified", "Cache-Control"][..], 0)
    );
    assert_eq!(field(&answer(&[("if-match", "\"v0\"")]), "etag"), Some("\"v1\""));
    let request = Request::new("GET", "/").with_header("if-none-match", "*");
    let missing = Preconditions::from_request(&request).unwrap().answer(Response::new(404)).unwrap();
    assert_eq!(missing.status, 404, "no condition makes a 304 of what is not there");
}

#[test]
fn a_condition_on_a_change_is_checked_against_what_is_there() {
    let conditions = |name: &str, value: &str| {
        Preconditions::from_request(&Request::new("PUT", "/").with_header(name, value)).unwrap()
    };
    let tag = ETag::strong("v1");
    assert!(conditions("if-match", "*").require(None).is_err());
    assert!(conditions("if-match", "*").require(Some(&tag)).is_ok());
    assert_eq!(conditions("if-match", "\"old\"").require(Some(&tag)).unwrap_err().status(), 412);
    assert_eq!(conditions("if-none-match", "*").require(Some(&tag)).unwrap_err().status(), 412);
    assert!(conditions("if-none-match", "*").require(None).is_ok());
    assert_eq!(conditions("x", "").demand().unwrap_err().status(), 428);
    assert!(conditions("if-match", "*").demand().is_ok());
    assert!(!ETag::weak("v1").matches_strongly(&tag) && ETag::weak("v1").matches_weakly(&tag));
    assert_eq!(ETag::weak("a\"b\r\n").to_string(), "W/\"ab\"");
    assert_ne!(ETag::of(b"a"), ETag::of(b"b"));
}

#[test]
fn a_merge_patch_does_what_the_appendix_of_its_specification_shows() {
    // RFC 7396, appendix A.
    for (target, patch, result) in [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
        (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
        (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
        (json!({"a": "b"}), json!(["c"]), json!(["c"])),
        (json!({"a": "foo"}), json!(null), json!(null)),
        (json!({"a": "foo"}), json!("bar"), json!("bar")),
        (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
        (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
    ] {
        let mut value = target.clone();
        merge_patch(&mut value, patch.clone());
        assert_eq!(value, result, "{target} {patch}");
    }
}

#[test]
fn a_patch_is_applied_to_a_type_and_refused_where_the_result_is_none() {
    let patch = |media_type: &str, text: &str| {
        Shop::handle(Request::new("PATCH", "/items/1").with_body(media_type, text))
    };
    let merge = "application/merge-patch+json";
    assert_eq!(body(&patch(merge, r#"{"done":true}"#)), json!({"title": "a", "done": true, "tags": null}));
    assert_eq!(body(&patch(merge, r#"{"done":"yes"}"#))["errors"][0]["pointer"], "#/done");
    assert_eq!(patch(merge, r#"{"title":null}"#).status, 422);
    assert_eq!(patch(merge, r#"{"other":1}"#).status, 422);
    assert_eq!(patch(merge, "{").status, 400);
    let refused = patch("application/json", "{}");
    assert_eq!((refused.status, field(&refused, "accept-patch")), (415, Some(merge)));
}

#[test]
fn the_contract_tells_what_the_handlers_do() {
    let endpoints = Shop::endpoints();
    let named = |name: &str| endpoints.iter().find(|endpoint| endpoint.operation == name).unwrap();
    let statuses = |name: &str| {
        let mut statuses: Vec<u16> = named(name).answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        statuses
    };

    let find = named("find");
    assert_eq!(
        (find.method.as_str(), find.path.as_str(), find.summary.as_str()),
        ("GET", "/items", "Finds items.")
    );
    let text = find.parameters.iter().find(|parameter| parameter.name == "text").unwrap();
    assert_eq!(
        (text.location, text.required, text.summary.as_str()),
        (Location::Query, false, "What to look for.")
    );
    assert_eq!(text.schema, r#"{"type":"string"}"#);
    let order = find.parameters.iter().find(|parameter| parameter.name == "order").unwrap();
    assert_eq!(serde_json::from_str::<Value>(&order.schema).unwrap()["enum"], json!(["up", "down"]));
    assert_eq!(statuses("find"), [200, 400]);

    let create = named("create");
    assert_eq!(
        (create.consumes.as_slice(), create.body_required),
        (["application/json".to_owned()].as_slice(), true)
    );
    assert_eq!(serde_json::from_str::<Value>(create.body_schema.as_ref().unwrap()).unwrap(), Item::schema());
    assert_eq!(create.scopes, ["items:write"]);
    assert_eq!(statuses("create"), [201, 400, 409, 415, 422]);
    assert_eq!(create.answers.iter().find(|answer| answer.status == 201).unwrap().headers, ["location"]);

    let read = named("read");
    assert_eq!(statuses("read"), [304, 400, 404, 412]);
    assert_eq!(
        read.parameters.iter().map(|parameter| parameter.name.as_str()).collect::<Vec<_>>(),
        ["id", "if-match", "if-none-match"]
    );
    let change = named("change");
    assert_eq!(
        (change.path.as_str(), change.consumes.as_slice()),
        ("/items/{number}", ["application/merge-patch+json".to_owned()].as_slice())
    );
    assert_eq!(
        serde_json::from_str::<Value>(change.body_schema.as_ref().unwrap()).unwrap().get("required"),
        None
    );
    assert_eq!(statuses("root"), [204]);
}
