use super::*;
use serde_json::json;

struct Sample;

#[crate::rpc]
impl Sample {
    /// Subtracts.
    ///
    /// Both integers.
    #[method]
    fn subtract(
        /// What is taken from.
        minuend: i64,
        #[name("less")] subtrahend: i64,
    ) -> i64 {
        minuend - subtrahend
    }

    #[method("math.sum")]
    fn sum(first: i64, rest: Variadic<i64>) -> Result<i64, Failure> {
        rest.0
            .iter()
            .try_fold(first, |sum, n| sum.checked_add(*n))
            .ok_or_else(|| Failure::new(7, "Too much").with("x"))
    }

    #[method]
    fn list(offset: Option<u32>, limit: Option<u32>) -> (u32, u32) {
        (offset.unwrap_or(0), limit.unwrap_or(20))
    }

    #[method]
    fn raw(params: Params) -> usize {
        match params {
            Params::None => 0,
            Params::Positional(values) => values.len(),
            Params::Named(members) => 100 + members.len(),
        }
    }

    #[method]
    fn echo(value: Raw) -> Raw {
        value
    }

    #[method]
    fn typed(at: DateTime, bytes: Bytes) -> (DateTime, Bytes) {
        (at, bytes)
    }

    #[method]
    fn nothing() {}
}

fn call(method: &str, params: &str) -> Result<String, Failure> {
    Sample::call(method.to_owned(), (!params.is_empty()).then(|| params.to_owned()))
}

fn data(method: &str, params: &str) -> Value {
    let failure = call(method, params).unwrap_err();
    assert_eq!((failure.code, failure.message.as_str()), (-32602, "Invalid params"));
    serde_json::from_str(failure.data.as_deref().unwrap()).unwrap()
}

#[test]
fn arguments_are_taken_by_position_and_by_name() {
    assert_eq!(call("subtract", "[42,23]").unwrap(), "19");
    assert_eq!(call("subtract", r#"{"less":23,"minuend":42}"#).unwrap(), "19");
    assert_eq!(call("subtract", r#" {"m\u0069nuend":42, "less":23} "#).unwrap(), "19");
    assert_eq!(call("math.sum", "[1,2,3]").unwrap(), "6");
    assert_eq!(call("math.sum", r#"{"first":1}"#).unwrap(), "1");
    assert_eq!(call("nothing", "").unwrap(), "null");
    assert_eq!(call("nothing", "[]").unwrap(), "null");
    assert_eq!(call("nothing", "{}").unwrap(), "null");
}

#[test]
fn arguments_that_are_optional_may_miss_or_be_null() {
    assert_eq!(call("list", "").unwrap(), "[0,20]");
    assert_eq!(call("list", "[5]").unwrap(), "[5,20]");
    assert_eq!(call("list", "[null,1]").unwrap(), "[0,1]");
    assert_eq!(call("list", r#"{"limit":3}"#).unwrap(), "[0,3]");
}

#[test]
fn an_argument_that_does_not_fit_is_named() {
    let expect = |param: &str, expected: &str, found: &str| json!({"param": param, "expected": expected, "found": found});
    assert_eq!(data("subtract", r#"["a",1]"#), expect("minuend", "integer", "string"));
    assert_eq!(data("subtract", "[1,2.5]"), expect("less", "integer", "number"));
    assert_eq!(data("subtract", "[1]"), expect("less", "integer", "nothing"));
    assert_eq!(data("subtract", ""), expect("minuend", "integer", "nothing"));
    assert_eq!(data("subtract", r#"{"minuend":1,"subtrahend":2}"#), expect("less", "integer", "nothing"));
    assert_eq!(
        data("subtract", r#"{"minuend":1,"less":2,"x":null}"#),
        expect("x", "no argument of this name", "null")
    );
    assert_eq!(
        data("subtract", r#"{"minuend":1,"minuend":2,"less":3}"#),
        expect("minuend", "one argument of this name", "more than one")
    );
    assert_eq!(data("subtract", "[1,2,3]"), json!({"expected": "at most 2 arguments", "found": "3"}));
    assert_eq!(data("nothing", "[null]"), json!({"expected": "at most 0 arguments", "found": "1"}));
    assert_eq!(data("math.sum", "[1,true]"), expect("rest", "integer", "boolean"));
    assert_eq!(
        data("math.sum", r#"{"first":1,"rest":[2]}"#),
        expect("rest", "no argument of this name", "array")
    );
    assert_eq!(data("typed", r#"["x",{"$base64":""}]"#), expect("at", "dateTime", "string"));
    let inner = data("list", "[4294967296]");
    assert_eq!(inner["param"], "offset");
    assert!(inner["expected"].as_str().unwrap().contains("u32"), "{inner}");
}

#[test]
fn values_pass_unchanged_whatever_their_spelling() {
    for value in ["1.0", "123456789012345678901234567890", r#"{"a":[1e400,"\ud83d\ude00",null]}"#, "-0"] {
        assert_eq!(call("echo", &format!("[{value}]")).unwrap(), value);
    }
    let typed = r#"[{"$dateTime":"19980717T14:08:55"},{"$base64":"aGVsbG8="}]"#;
    assert_eq!(call("typed", typed).unwrap(), typed);
    let broken_into_lines = r#"[{"$dateTime":"00000000T00:00:00"},{"$base64":"aGVs\nbG8="}]"#;
    assert_eq!(
        call("typed", broken_into_lines).unwrap(),
        r#"[{"$dateTime":"00000000T00:00:00"},{"$base64":"aGVsbG8="}]"#
    );
}

#[test]
fn the_application_s_own_failures_keep_their_code_and_data() {
    let failure = call("math.sum", &format!("[{},1]", i64::MAX)).unwrap_err();
    assert_eq!(failure, Failure { code: 7, message: "Too much".into(), data: Some("\"x\"".into()) });
    assert_eq!(call("foobar", "").unwrap_err().code, -32601);
}

#[test]
fn raw_parameters_come_as_they_were_sent() {
    assert_eq!(call("raw", "").unwrap(), "0");
    assert_eq!(call("raw", "[1,2]").unwrap(), "2");
    assert_eq!(call("raw", r#"{"a":1,"a":2}"#).unwrap(), "102");
}

#[test]
fn methods_tell_names_types_and_help() {
    let methods = Sample::methods();
    let subtract = methods.iter().find(|method| method.name == "subtract").unwrap();
    assert_eq!(subtract.help, "Subtracts.\n\nBoth integers.");
    assert_eq!((subtract.returns, subtract.variadic), (Kind::Integer, false));
    let minuend = subtract.params.first().unwrap();
    assert_eq!((minuend.name.as_str(), minuend.kind, minuend.required), ("minuend", Kind::Integer, true));
    assert_eq!(minuend.help, "What is taken from.");
    assert!(minuend.schema.as_ref().unwrap().contains("\"maximum\":9223372036854775807"));
    assert_eq!(subtract.params.get(1).unwrap().name, "less");

    let list = methods.iter().find(|method| method.name == "list").unwrap();
    assert!(list.params.iter().all(|param| !param.required && param.kind == Kind::Integer));
    assert_eq!(list.returns, Kind::Array);
    let typed = methods.iter().find(|method| method.name == "typed").unwrap();
    assert_eq!(
        typed.params.iter().map(|param| param.kind).collect::<Vec<_>>(),
        [Kind::DateTime, Kind::Bytes]
    );
    assert!(typed.params.iter().all(|param| param.schema.is_none()), "the kind says it all");
    let echo = methods.iter().find(|method| method.name == "echo").unwrap();
    assert_eq!((echo.returns, echo.params.first().unwrap().kind), (Kind::Any, Kind::Any));
    let sum = methods.iter().find(|method| method.name == "math.sum").unwrap();
    assert!(sum.variadic && sum.params.len() == 1);
    assert_eq!(methods.iter().find(|method| method.name == "nothing").unwrap().returns, Kind::Nothing);
}

#[test]
fn a_date_is_written_as_xml_rpc_writes_it() {
    for (unix_ms, text) in [
        (0, "19700101T00:00:00"),
        (900_684_535_000, "19980717T14:08:55"),
        (951_782_400_000, "20000229T00:00:00"),
        (4_107_542_400_000, "21000301T00:00:00"),
    ] {
        assert_eq!(DateTime::from_unix_ms(unix_ms).as_str(), text);
    }
    assert!(!DateTime::from_unix_ms(u64::MAX).as_str().is_empty());
}

#[test]
fn a_date_is_read_in_every_form_that_callers_write_and_kept_as_it_was_written() {
    let read = |text: &str| serde_json::from_value::<DateTime>(json!({"$dateTime": text}));
    for (text, unix_ms) in [
        ("19700101T00:00:00", Some(0)),
        ("19980717T14:08:55", Some(900_684_535_000)),
        ("1998-07-17T14:08:55Z", Some(900_684_535_000)),
        ("19980717T140855", Some(900_684_535_000)),
        ("19980717T16:08:55+02:00", Some(900_684_535_000)),
        ("19980717T16:08:55+0200", Some(900_684_535_000)),
        ("19980717T12:08:55-02", Some(900_684_535_000)),
        ("19980717T14:08:55.5", Some(900_684_535_500)),
        ("19980717T14:08:55.123456789Z", Some(900_684_535_123)),
        ("20000229T00:00:00", Some(951_782_400_000)),
        ("19691231T23:59:59", Some(-1_000)),
        ("00000101T00:00:00", Some(-62_167_219_200_000)),
        ("20010229T00:00:00", None),
        ("00000000T00:00:00", None),
    ] {
        let moment = read(text).unwrap();
        assert_eq!((moment.as_str(), moment.unix_ms()), (text, unix_ms), "{text}");
    }
    for unix_ms in [0_u64, 1_000, 86_399_000, 951_782_400_000, 4_107_542_400_000, 253_402_300_799_000] {
        assert_eq!(DateTime::from_unix_ms(unix_ms).unix_ms(), i64::try_from(unix_ms).ok());
    }
    for text in [
        "",
        "T",
        "x",
        "19980717",
        "19980717 14:08:55",
        "19981317T14:08:55",
        "19980732T14:08:55",
        "19980717T25:08:55",
        "1998-0717T14:08:55",
        "19980717T14:0855",
        "19980717T14:08:55.",
        "19980717T14:08:55.1234567890",
        "19980717T14:08:55X",
        "19980717T14:08:55+",
        "19980717T14:08:55+24:00",
        "19980717T14:08:55Zx",
        "\u{e9}9980717T14:08:55",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn hostile_parameters_are_refused_and_never_panic() {
    let deep_array = "[".repeat(200_000);
    let deep_object = r#"{"a":"#.repeat(100_000);
    let closed = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let texts = [
        "x",
        "",
        " ",
        "[",
        "{",
        "[1",
        "{\"a\"",
        "{\"a\":}",
        "nul",
        "\"s\"",
        "1",
        "null",
        "[,]",
        "[1,]",
        "\u{feff}[]",
        "{\"\\ud800\":1}",
        "[\"\\ud800\"]",
        "[1e999999]",
        deep_array.as_str(),
        deep_object.as_str(),
        closed.as_str(),
    ];
    for method in Sample::methods() {
        for text in texts {
            // A deep value is fine where it is handed on as it is; whatever happens, it is an answer.
            let _ = Sample::call(method.name.clone(), Some(text.to_owned()));
        }
        for text in ["x", "[", "{\"a\":}", "[1,]", "\"s\"", "null"] {
            assert_eq!(
                Sample::call(method.name.clone(), Some(text.to_owned())).unwrap_err().code,
                -32602,
                "{text}"
            );
        }
    }
}
