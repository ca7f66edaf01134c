//! Greets people over REST.

use guesthouse_sdk::rest::{Json, Problem};

struct Greeter;

#[guesthouse_sdk::rest]
impl Greeter {
    /// Greets somebody.
    #[get("/hello/{name}")]
    fn hello(name: String) -> Result<Json<String>, Problem> {
        if name.chars().any(char::is_control) {
            return Err(Problem::bad_request("A name has no control characters."));
        }
        Ok(Json(format!("Hello, {name}!")))
    }
}
