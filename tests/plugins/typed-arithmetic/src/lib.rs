//! One small function without a byte of anybody's protocol, to be measured beside the same function of `spec-rpc`.

mod bindings {
    #![allow(missing_docs, unsafe_code, clippy::all, reason = "generated from the WIT, which is documented")]
    wit_bindgen::generate!({ path: "wit", world: "arithmetic" });
}

use bindings::exports::test::arithmetic::integers::{Guest, Problem};

struct Integers;

impl Guest for Integers {
    fn subtract(minuend: i32, subtrahend: i32) -> Result<i32, Problem> {
        minuend.checked_sub(subtrahend).ok_or(Problem::Overflow)
    }
}
#[allow(unsafe_code, reason = "generated: the functions that the component model calls")]
mod exported {
    use super::Integers;

    super::bindings::export!(Integers with_types_in super::bindings);
}
