//! Gives back a value of every type, so that the table of cases is tested with a component that was really compiled.

mod bindings {
    #![allow(missing_docs, unsafe_code, clippy::all, reason = "generated from the WIT, which is documented")]
    wit_bindgen::generate!({ path: "wit", world: "spec", additional_derives: [PartialEq] });
}

use bindings::exports::test::typed::values::{
    Access, Color, Drawing, Guest, GuestWatcher, Point, ResultHolder, Route, Trouble, Watcher,
};

struct Spec;

/// A resource, which has no form outside of a component.
struct Counter;

impl GuestWatcher for Counter {
    fn new() -> Self {
        Self
    }

    fn next(&self) -> u32 {
        0
    }
}

impl Guest for Spec {
    type Watcher = Counter;

    fn echo_bool(value: bool) -> bool {
        value
    }

    fn echo_s8(value: i8) -> i8 {
        value
    }

    fn echo_u8(value: u8) -> u8 {
        value
    }

    fn echo_s16(value: i16) -> i16 {
        value
    }

    fn echo_u16(value: u16) -> u16 {
        value
    }

    fn echo_s32(value: i32) -> i32 {
        value
    }

    fn echo_u32(value: u32) -> u32 {
        value
    }

    fn echo_s64(value: i64) -> i64 {
        value
    }

    fn echo_u64(value: u64) -> u64 {
        value
    }

    fn echo_float32(value: f32) -> f32 {
        value
    }

    fn echo_float64(value: f64) -> f64 {
        value
    }

    fn echo_char(value: char) -> char {
        value
    }

    fn echo_string(value: String) -> String {
        value
    }

    fn echo_bytes(value: Vec<u8>) -> Vec<u8> {
        value
    }

    fn echo_list(value: Vec<u32>) -> Vec<u32> {
        value
    }

    fn echo_list_of_strings(value: Vec<String>) -> Vec<String> {
        value
    }

    fn echo_list_of_lists(value: Vec<Vec<i32>>) -> Vec<Vec<i32>> {
        value
    }

    fn echo_list_of_bytes(value: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        value
    }

    fn echo_list_of_options(value: Vec<Option<u32>>) -> Vec<Option<u32>> {
        value
    }

    fn echo_list_of_ids(value: Vec<u64>) -> Vec<u64> {
        value
    }

    fn echo_option(value: Option<u32>) -> Option<u32> {
        value
    }

    fn echo_option_of_string(value: Option<String>) -> Option<String> {
        value
    }

    fn echo_option_of_list(value: Option<Vec<String>>) -> Option<Vec<String>> {
        value
    }

    fn echo_option_of_option(value: Option<Option<u32>>) -> Option<Option<u32>> {
        value
    }

    fn echo_tuple(value: (u32, String, Option<bool>)) -> (u32, String, Option<bool>) {
        value
    }

    fn echo_record(value: Point) -> Point {
        value
    }

    fn echo_nested(value: Route) -> Route {
        value
    }

    fn echo_variant(value: Drawing) -> Drawing {
        value
    }

    fn echo_enum(value: Color) -> Color {
        value
    }

    fn echo_flags(value: Access) -> Access {
        value
    }

    fn echo_list_of_results(value: Vec<Result<u32, String>>) -> Vec<Result<u32, String>> {
        value
    }

    fn echo_result_of_nothing(value: ResultHolder) -> ResultHolder {
        value
    }

    fn nothing() {}

    fn join_words(first: String, second_word: Option<String>, third: Option<String>) -> String {
        [Some(first), second_word, third].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn find_all(
        text: String,
        limit: Option<u32>,
        colors: Vec<Color>,
        access: Access,
        near: Option<Point>,
    ) -> String {
        format!("{text}, {limit:?}, {colors:?}, {access:?}, {:?}", near.map(|near| near.label))
    }

    fn fail_with(error: Option<Trouble>) -> Result<u32, Trouble> {
        error.map_or(Ok(1), Err)
    }

    fn fail_with_text(text: Option<String>) -> Result<(), String> {
        text.map_or(Ok(()), Err)
    }

    fn fail() -> Result<(), ()> {
        Err(())
    }

    fn fail_with_color(color: Color) -> Result<String, Color> {
        Err(color)
    }

    #[allow(clippy::panic, reason = "trapping is what it is for")]
    fn trap() {
        panic!("asked to")
    }

    fn make_bytes(count: u32) -> Vec<u8> {
        (0..count).map(|place| place.to_le_bytes()[0]).collect()
    }

    fn watch() -> Watcher {
        Watcher::new(Counter)
    }
}

#[allow(unsafe_code, reason = "generated: the functions that the component model calls")]
mod exported {
    use super::Spec;

    super::bindings::export!(Spec with_types_in super::bindings);
}
